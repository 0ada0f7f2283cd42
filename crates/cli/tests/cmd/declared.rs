//! Files as truth: what is exported applies to an empty store and comes out again byte for byte.

use crate::client::world::{CHEAP, PASSWORD, World};
use std::fs;

/// An org with somebody who may do everything, as a first run leaves it.
fn empty(org: &str) -> World {
    let user =
        format!("name = \"etl.robot\"\npassword = \"{PASSWORD}\"\nroles = [\"Admin\"]\ntimezone = \"\"\n");
    let world = World::of(CHEAP, &format!("[[org]]\nname = \"{org}\"\n[[org.user]]\n{user}"));
    let url = world.service.url.clone();
    let told = world.run_with(PASSWORD, &["login", "--url", &url, "-u", "etl.robot", "--password-stdin"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    world
}

const FILE: &str = r#"
[[org]]

[org.policy]
max_login_attempts = 7
trusted_ip_ranges = ["127.0.0.0/8", "::1/128"]

[[org.role]]
name = "Support"
description = "Reads \"everything\""
privileges = ["view.admin.log", "view.admin.people"]

[[org.role]]
name = "Nothing yet"

[[org.group]]
name = "Night shift"
description = "After ten"
roles = ["Support", "Designer"]

[[org.client]]
name = "nightly"
roles = ["Support"]
token_minutes = 60

[[org.identity_provider]]
issuer = "https://id.acme.test"
keys = "https://id.acme.test/keys"
audience = "latchkey"
aliases = { "repo:acme/etl" = "ada" }

[[org.user]]
name = "ada"
first_name = "Ada"
email = "ada@acme.test"
groups = ["Night shift"]
max_login_attempts = 3

[[org.user]]
name = "bob"
state = "Inactive"
authentication = "SAML"
roles = ["Support"]

[[org]]
path = ["East"]
description = "Plants of the east"

[[org.role]]
name = "Support"
privileges = ["view.admin.people"]

[[org.user]]
name = "cleo"
roles = ["Support"]

[[org]]
path = ["East", "Berlin"]
"#;

/// What an administrator of the org above is not told.
const UNTOLD: &str = "org East: identity_provider is not in the export: only its own administrators may see that\n\
    org East / Berlin: identity_provider is not in the export: only its own administrators may see that\n";

fn write(world: &World, name: &str, text: &str) {
    fs::write(world.path().join(name), text).expect("the folder can be written");
}

fn exported(world: &World) -> String {
    let told = world.run(&["export", "--users"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), UNTOLD));
    told.out
}

/// Applies what must be applied without a refusal.
fn apply(world: &World, arguments: &[&str]) -> String {
    let told = world.run(&[&["apply", "--yes"], arguments].concat());
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.err);
    told.out
}

#[test]
fn an_export_applies_to_an_empty_store_and_comes_out_again() {
    let (one, other) = (empty("Acme Prod"), empty("Something else"));
    write(&one, "acme.toml", FILE);
    let planned = one.run(&["plan", "acme.toml"]);
    assert_eq!((planned.code, planned.err.as_str()), (Some(0), ""), "{}", planned.out);
    assert!(planned.out.ends_with("11 to add, 1 to change, 0 to remove\n"), "{}", planned.out);
    assert!(planned.out.contains("+ group Night shift of your org\n    description: \"After ten\"\n    roles: [\"Designer\",\"Support\"]\n"), "{}", planned.out);
    apply(&one, &["acme.toml"]);
    one.run(&["plan", "acme.toml"]).is(0, "nothing to do\n", "");
    one.run(&["drift", "acme.toml"]).is(0, "", "");
    let first = exported(&one);
    assert!(!first.contains("secret =") && !first.contains('$'), "{first}");
    write(&other, "acme.toml", &first);
    apply(&other, &["acme.toml"]);
    other.run(&["plan", "acme.toml"]).is(0, "nothing to do\n", "");
    assert_eq!(exported(&other), first);
    assert_eq!(other.run(&["org", "list"]).out.lines().count(), 4);
    let east = other.run(&["export", "--org", "East"]);
    assert!(
        east.out.contains("path = [\n    \"East\",\n]") || east.out.contains("path = [\"East\"]"),
        "{}",
        east.out
    );
    assert!(!east.out.contains("Acme Prod"), "{}", east.out);
    let added = other.run(&["user", "list", "--group", "night shift", "--format", "json"]);
    assert!(added.out.contains("\"maxLoginAttempts\":\"3\""), "{}", added.out);
}

fn change_everything(world: &World) {
    for change in [
        &["role", "add", "Stray", "--privilege", "view.admin.log"][..],
        &["role", "revoke", "Support", "view.admin.log"],
        &["group", "change", "Night shift", "--description", "Before ten"],
        &[
            "user",
            "change",
            "ada",
            "--title",
            "Countess",
            "--add-role",
            "Designer",
            "--remove-group",
            "Night shift",
        ],
        &["user", "enable", "bob"],
        &["policy", "set", "maxLoginAttempts=default", "lockMinutes=5"],
        &["client", "change", "nightly", "--token-minutes", "30"],
        &["provider", "change", "https://id.acme.test", "--token-claim", "email"],
        &["org", "change", "East", "--description", "Plants of the west"],
        &["org", "add", "Stray", "--parent", "East"],
    ] {
        let told = world.run(change);
        assert_eq!(told.code, Some(0), "{change:?}: {}", told.err);
    }
}

#[test]
fn what_changed_elsewhere_is_found_and_put_right() {
    let world = empty("Acme Prod");
    write(&world, "acme.toml", FILE);
    apply(&world, &["acme.toml"]);
    change_everything(&world);
    let drifted = world.run(&["drift", "acme.toml"]);
    assert_eq!(drifted.code, Some(1), "{}", drifted.err);
    assert_eq!(
        drifted.out.lines().filter(|line| !line.starts_with(' ')).collect::<Vec<_>>(),
        [
            "~ org East",
            "~ role Support of your org",
            "~ group Night shift of your org",
            "~ client nightly of your org",
            "~ user ada of your org",
            "~ user bob of your org",
            "~ identity_provider https://id.acme.test of your org",
            "~ policy of your org",
            "- role Stray of your org  (not in the files; stays without --prune)",
            "- org East / Stray  (not in the files; stays without --prune)",
            "0 to add, 8 to change, 0 to remove",
        ]
    );
    apply(&world, &["acme.toml"]);
    let left = world.run(&["drift", "acme.toml", "--format", "json"]);
    left.is(
        1,
        "{\"changes\":[{\"act\":\"remove\",\"kind\":\"role\",\"org\":[],\"name\":\"Stray\",\"fields\":{},\"kept\":true},{\"act\":\"remove\",\"kind\":\"org\",\"org\":[\"East\",\"Stray\"],\"name\":\"\",\"fields\":{},\"kept\":true}]}\n",
        "error: the service differs from the files in 2 places\nhint: `latchkey apply` makes it what they say\n",
    );
    apply(&world, &["acme.toml", "--prune"]);
    world.run(&["drift", "acme.toml"]).is(0, "", "");
}

#[test]
fn no_user_goes_unless_its_name_is_said() {
    let world = empty("Acme Prod");
    write(&world, "acme.toml", FILE);
    apply(&world, &["acme.toml"]);
    write(
        &world,
        "empty.toml",
        "[[org]]\nuser = []\nrole = []\ngroup = []\nclient = []\nidentity_provider = []\n",
    );
    write(
        &world,
        "top.toml",
        "[[org]]\nuser = []\nrole = []\ngroup = []\nclient = []\nidentity_provider = []\n[[org]]\npath = [\"East\"]\n",
    );
    apply(&world, &["top.toml", "--prune", "--delete-user", "BOB"]);
    // An org with users stays whatever is said: the users must go by name first.
    for more in [&[][..], &["--delete-user", "bob"]] {
        let peopled = world.run(&[&["plan", "empty.toml", "--prune"], more].concat());
        assert_eq!(peopled.code, Some(2), "{}", peopled.out);
        let why = "org East is not in the files, and has users: remove them by name first";
        assert!(peopled.err.contains(why), "{}", peopled.err);
    }
    let users = world.run(&["user", "list"]);
    let names: Vec<_> = users.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["NAME", "ada", "etl.robot"]);
    for kind in ["group", "client", "provider"] {
        assert_eq!(world.run(&[kind, "list"]).out.lines().count(), 1, "{kind}");
    }
    assert!(!world.run(&["org", "list"]).out.contains("Berlin"));
    apply(&world, &["empty.toml", "--delete-user", "cleo"]);
    apply(&world, &["empty.toml", "--prune"]);
    assert_eq!(world.run(&["org", "list"]).out.lines().count(), 2);
    world.run(&["plan", "empty.toml", "--prune", "--delete-user", "bob"]).is(0, "nothing to do\n", "");
}

#[test]
fn files_that_cannot_be_applied_are_refused_before_anything_is_done() {
    let world = empty("Acme Prod");
    write(&world, "unknown.toml", "[[org]]\n[[org.role]]\nname = \"A\"\nprivilege = []\n");
    let unknown = world.run(&["plan", "unknown.toml"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""));
    assert!(
        unknown.err.starts_with("error: unknown.toml line 4: unknown field `privilege`"),
        "{}",
        unknown.err
    );
    write(
        &world,
        "nowhere.toml",
        "[[org]]\n[[org.role]]\nname = \"A\"\n[[org.user]]\nname = \"ada\"\nroles = [\"B\"]\n",
    );
    world.run(&["apply", "nowhere.toml", "--yes"]).is(
        2,
        "",
        "error: the files cannot be applied\n  caused by: nowhere.toml line 5: user ada: your org has no role B\n",
    );
    assert!(!world.run(&["role", "list"]).out.contains("\nA "));
    write(&world, "role.toml", "[[org]]\n[[org.role]]\nname = \"A\"\n");
    let unasked = world.run(&["apply", "role.toml"]);
    assert_eq!(
        (unasked.code, unasked.err.as_str()),
        (Some(2), "error: make these changes: there is nobody to ask\nhint: say --yes\n")
    );
}
