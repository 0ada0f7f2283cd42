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
name = "ops"
roles = ["Support"]

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

[[org.saml_provider]]
issuer = "https://idp.acme.test/saml"
certificates = ["$certificate"]
default_role = "Support"
default_group = "Night shift"
map_groups_and_roles = true
single_sign_on = [{ binding = "HTTP-Redirect", url = "https://idp.acme.test/sso" }]
single_logout = [{ binding = "HTTP-POST", url = "https://idp.acme.test/slo", response_url = "https://idp.acme.test/done" }]
attributes = { email = "mail", first_name = "givenName" }
group_mappings = { Support = ["ops"] }
role_mappings = { Designer = ["drawers", "architects"], Support = ["helpers"] }

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
    org East: saml_provider is not in the export: only its own administrators may see that\n\
    org East / Berlin: identity_provider is not in the export: only its own administrators may see that\n\
    org East / Berlin: saml_provider is not in the export: only its own administrators may see that\n";

/// A certificate as metadata has it: its Base64 alone.
fn certificate() -> String {
    let pem = include_str!("../../../server/tests/vectors/saml/rsa.pem");
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn write(world: &World, name: &str, text: &str) {
    let text = text.replace("$certificate", &certificate());
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
    assert!(planned.out.ends_with("13 to add, 1 to change, 0 to remove\n"), "{}", planned.out);
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

#[test]
fn a_saml_provider_takes_the_place_of_the_one_before_it_and_its_mappings_follow() {
    let world = empty("Acme Prod");
    write(&world, "acme.toml", FILE);
    apply(&world, &["acme.toml"]);
    let other = FILE
        .replace("https://idp.acme.test/saml", "https://other.acme.test/saml")
        .replace("default_group = \"Night shift\"\n", "allow_sha1 = true\n")
        .replace("\"drawers\", \"architects\"", "\"drawers\"")
        .replace("group_mappings = { Support = [\"ops\"] }", "group_mappings = { Designer = [\"ops\"] }")
        .replace("name = \"ops\"\nroles = [\"Support\"]", "name = \"ops\"\nroles = [\"Designer\"]");
    write(&world, "other.toml", &other);
    let planned = world.run(&["plan", "other.toml"]);
    assert_eq!((planned.code, planned.err.as_str()), (Some(0), ""), "{}", planned.out);
    assert!(planned.out.contains("~ saml_provider https://other.acme.test/saml of your org\n    allow_sha1: default -> true\n    default_group: \"Night shift\" -> default\n    group_mappings: {\"Support\":[\"ops\"]} -> {\"Designer\":[\"ops\"]}\n    issuer: \"https://idp.acme.test/saml\" -> \"https://other.acme.test/saml\"\n"), "{}", planned.out);
    apply(&world, &["other.toml"]);
    world.run(&["drift", "other.toml"]).is(0, "", "");
    write(
        &world,
        "none.toml",
        "[[org]]\nsaml_provider = []\n[[org]]\npath = [\"East\"]\n[[org]]\npath = [\"East\", \"Berlin\"]\n",
    );
    let kept = world.run(&["plan", "none.toml"]);
    assert!(
        kept.out.starts_with("- saml_provider https://other.acme.test/saml of your org  (not"),
        "{}",
        kept.out
    );
    apply(&world, &["none.toml", "--prune"]);
    world.run(&["drift", "none.toml"]).is(0, "", "");
    apply(&world, &["acme.toml"]);
    world.run(&["drift", "acme.toml"]).is(0, "", "");
}

#[test]
fn what_a_provider_maps_to_a_declared_group_need_not_be_said_twice() {
    let world = empty("Acme Prod");
    let ops = "name = \"ops\"\nroles = [\"Support\"]";
    let mapping = "group_mappings = { Support = [\"ops\"] }";
    let without = FILE.replace(ops, "name = \"ops\"");
    let apart = FILE.replace(ops, "name = \"Ops\"\nroles = [\"Designer\"]");
    let both = "group_mappings = { Designer = [\"ops\"], Support = [\"ops\"] }";
    let twice =
        FILE.replace(ops, "name = \"ops\"\nroles = [\"Support\", \"Designer\"]").replace(mapping, both);
    // Said at one place, at one place each, and at both; and back.
    for (file, roles) in [
        (&without, "[\"Support\"]"),
        (&apart, "[\"Designer\",\"Support\"]"),
        (&twice, "[\"Designer\",\"Support\"]"),
        (&without, "[\"Support\"]"),
    ] {
        write(&world, "acme.toml", file);
        apply(&world, &["acme.toml"]);
        world.run(&["plan", "acme.toml"]).is(0, "nothing to do\n", "");
        world.run(&["drift", "acme.toml"]).is(0, "", "");
        let ops = world.run(&["export"]).out;
        let ops = ops.split_once("name = \"ops\"\n").expect("the group is there").1;
        let shown =
            ops.split_once("\n\n").expect("a table ends").0.replace(['\n', ' '], "").replace(",]", "]");
        assert_eq!(shown, format!("roles={roles}"));
    }
}

#[test]
fn a_saml_provider_that_cannot_be_is_refused_before_anything_is_done() {
    let world = empty("Acme Prod");
    for (change, expected) in [
        (
            ("[\"$certificate\"]", "[\"AAAA\"]"),
            "saml_provider https://idp.acme.test/saml: a certificate is X.509",
        ),
        (("default_role = \"Support\"", "default_role = \"B\""), "your org has no role B"),
        (("role_mappings = { Designer", "role_mappings = { B"), "your org has no role B"),
        (("default_group = \"Night shift\"", "default_group = \"B\""), "your org has no group B"),
        (
            ("[[org.user]]", "[[org.saml_provider]]\nissuer = \"b\"\ncertificates = []\n[[org.user]]"),
            "saml_provider b is said twice",
        ),
        (("attributes = { email", "attributes = { mail"), "unknown field `mail`"),
    ] {
        write(&world, "acme.toml", &FILE.replacen(change.0, change.1, 1));
        let refused = world.run(&["apply", "acme.toml", "--yes"]);
        assert_eq!(refused.code, Some(2), "{expected}: {}", refused.out);
        assert!(refused.err.contains(expected), "{expected}: {}", refused.err);
    }
    assert!(!world.run(&["role", "list"]).out.contains("\nSupport "));
}
