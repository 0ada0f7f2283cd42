//! `latchkey credential`: what each tool is told, whole.

use crate::client::world::World;

const KUBERNETES: &str = "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"expirationTimestamp\":\"TIME\",\"token\":\"TOKEN\"}}\n";
const AWS: &str = "{\"Version\":1,\"AccessKeyId\":\"etl.robot\",\"SecretAccessKey\":\"TOKEN\",\"SessionToken\":\"TOKEN\",\"Expiration\":\"TIME\"}\n";
const MAVEN: &str = r#"<!-- In the <servers> of ~/.m2/settings.xml; then run: latchkey exec -- mvn deploy -->
<server>
  <id>latchkey</id>
  <configuration>
    <httpHeaders>
      <property>
        <name>Authorization</name>
        <value>Bearer ${env.IDMC_JWT}</value>
      </property>
    </httpHeaders>
  </configuration>
</server>
"#;

fn signed_in() -> (World, String) {
    let world = World::new();
    world.log_in();
    let token = world.run(&["token"]).out.trim().to_owned();
    (world, token)
}

#[test]
fn tools_that_ask_nothing_are_told_at_once() {
    let (world, token) = signed_in();
    let netrc = "machine 127.0.0.1 login etl.robot password TOKEN\nmachine b.example login etl.robot password TOKEN\n";
    for (arguments, said) in [
        (&["kubernetes"][..], KUBERNETES),
        (&["aws-process"], AWS),
        (&["netrc", "--trust", "b.example"], netrc),
    ] {
        let told = world.run(&[&["credential", "--for"], arguments].concat());
        told.is(0, &said.replace("TOKEN", &token), "");
    }
    assert_eq!(world.counted(), (1, 1));
}

#[test]
fn maven_is_told_without_a_sign_in() {
    let world = World::new();
    world.run(&["credential", "--for", "maven"]).is(0, MAVEN, "");
    assert_eq!(world.counted(), (0, 0));
}

#[test]
fn docker_gets_a_token_for_hosts_that_may_see_it() {
    let (world, token) = signed_in();
    let docker = ["credential", "--for", "docker", "--trust", "registry.example.com"];
    let get = |registry: &str| world.run_with(registry, &[&docker[..], &["get"]].concat());
    let said = r#"{"ServerURL":"REGISTRY","Username":"etl.robot","Secret":"TOKEN"}"#.replace("TOKEN", &token);
    for registry in ["https://registry.example.com/v2/", "registry.example.com"] {
        get(&format!("{registry}\n")).is(0, &format!("{}\n", said.replace("REGISTRY", registry)), "");
    }
    get("https://index.docker.io/v1/").is(
        1,
        "credentials not found in native keychain\n",
        "error: https://index.docker.io/v1/ is not a host of this login\nhint: name it with --trust if it may see the token\n",
    );
    world.run_with("{}", &[&docker[..], &["store"]].concat()).is(0, "", "");
    world.run_with("", &[&docker[..], &["list"]].concat()).is(0, "{}\n", "");
}

#[test]
fn git_gets_a_token_for_hosts_that_may_see_it_and_nothing_for_others() {
    let (world, token) = signed_in();
    let git = ["credential", "--for", "git", "--trust", "git.example.com"];
    let ask = |host: &str, action: &str| {
        world.run_with(
            &format!("capability[]=authtype\nprotocol=https\nhost={host}\n\n"),
            &[&git[..], &[action]].concat(),
        )
    };
    let told = ask("git.example.com", "get");
    let (lines, expiry) = told.out.trim().rsplit_once('\n').expect("lines");
    assert_eq!((told.code, lines), (Some(0), &*format!("username=etl.robot\npassword={token}")));
    let expiry = expiry.strip_prefix("password_expiry_utc=").expect("an expiry");
    assert!(expiry.parse::<u64>().is_ok_and(|seconds| seconds > 1_700_000_000), "{expiry}");
    ask("github.com", "get").is(0, "", "");
    ask("git.example.com", "erase").is(0, "", "");
    world.run_with("protocol=http\nhost=git.example.com\n\n", &git).is(0, "", "");
}
