//! Every route asked by every kind of caller: a new route is missing in the table until somebody has thought about it.

use crate::answer::Answer;
use crate::world::{Door, World};
use domain::privilege::Privilege;
use domain::role::Role;
use http::Method;
use std::fmt::Write;
use std::path::PathBuf;

/// Who asks: with the name and the password of a session, or with the session id of nobody.
enum Kind {
    Nobody,
    Stranger,
    User(&'static str, &'static str),
    /// With a SCIM token of Acme.
    Scim,
}

const KINDS: [(&str, Kind); 6] = [
    ("nobody", Kind::Nobody),
    ("stranger", Kind::Stranger),
    ("member", Kind::User("bob", "battery staple")),
    ("other admin", Kind::User("eve", "other side")),
    ("admin", Kind::User("ada", "correct horse")),
    ("SCIM token", Kind::Scim),
];

/// The listed routes with their methods, and those that no description lists.
fn routes() -> Vec<(Method, String)> {
    let description = server::http::description();
    let mut routes: Vec<_> = description
        .paths
        .paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::DELETE, &item.delete),
                (Method::PATCH, &item.patch),
            ];
            methods.into_iter().filter_map(|(method, it)| it.as_ref().map(|_| (method, path.clone())))
        })
        .collect();
    assert!(routes.len() >= server::http::paths().len());
    let unlisted = ["/gate/", "/gate/any/path"];
    routes.extend(unlisted.map(|path| (Method::GET, path.to_owned())));
    routes.sort_by(|one, other| (&one.1, one.0.as_str()).cmp(&(&other.1, other.0.as_str())));
    routes
}

/// A path with ids in it, each of something of Acme.
fn of_acme(world: &World, path: &str) -> String {
    let path = path.replace("{org}", "5mYdXw9KcJhaf3LrN8pQ2v");
    let id = |name| world.notebook.read(name);
    let words = [
        ("users/{id}", "user"),
        ("user/{id}", "user"),
        ("user/name/{name}", "name_of_user"),
        ("org/{id}", "org"),
        ("org/name/{name}", "name_of_org"),
        ("orgs/{id}", "org"),
        ("sessions/{handle}", "handle"),
        ("userGroups/{id}", "group"),
        ("roles/{id}", "role"),
        ("clients/{id}", "client"),
        ("secrets/{secret}", "secret_id"),
        ("scimTokens/{id}", "scim"),
        ("Users/{id}", "user"),
        ("Groups/{id}", "harmless"),
        ("ResourceTypes/{id}", "kind"),
        ("Schemas/{id}", "schema"),
    ];
    words.iter().fold(path, |path, (word, name)| {
        path.replace(
            word,
            &word
                .replace("{id}", &id(name))
                .replace("{handle}", &id(name))
                .replace("{secret}", &id(name))
                .replace("{name}", &id(name)),
        )
    })
}

/// A world in which Acme has a user, a role and a group to act on.
async fn furnished() -> World {
    let world = World::new().await;
    let ada = world.ada().await;
    let id = |answer: &Answer| answer.json()["id"].as_str().unwrap().to_owned();
    let post = |path: &str, body: &str| {
        world.post(&format!("/saas/public/core/v3/{path}")).header("INFA-SESSION-ID", &ada).json(body)
    };
    let role = post("roles", r#"{"name":"Support","privileges":["view.admin.log"]}"#).await;
    let group = post("userGroups", r#"{"name":"Night shift","roles":["Support"]}"#).await;
    let body = r#"{"name":"cleo","firstName":"C","lastName":"D","email":"c@acme.test","password":"a good one","roles":["Designer"]}"#;
    let user = post("users", body).await;
    for (name, answer) in [("role", &role), ("group", &group), ("user", &user)] {
        assert_eq!(answer.status, 201, "{answer}");
        world.notebook.write(name, &id(answer));
    }
    let clients = "/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/clients";
    let client = world.post(clients).header("INFA-SESSION-ID", &ada).json(r#"{"name":"etl"}"#).await;
    world.notebook.write("client", &id(&client));
    world.notebook.write("secret_id", client.json()["secrets"][0]["id"].as_str().unwrap());
    let scim = post("scimTokens", "").await;
    world.notebook.write("scim", &id(&scim));
    world.notebook.write("scim_secret", scim.json()["token"].as_str().unwrap());
    let harmless = post("userGroups", r#"{"name":"Day shift","roles":["Designer"]}"#).await;
    world.notebook.write("harmless", &id(&harmless));
    world.notebook.write("kind", "User");
    world.notebook.write("schema", "urn:ietf:params:scim:schemas:core:2.0:User");
    world.session(Door::V1, "cleo", "a good one").await;
    let sessions =
        world.get("/latchkey/v1/orgs/5mYdXw9KcJhaf3LrN8pQ2v/sessions").header("icSessionId", &ada).await;
    let all = sessions.json()["sessions"].as_array().unwrap().clone();
    let theirs = all.iter().find(|it| it["current"] == false).unwrap();
    world.notebook.write("handle", theirs["handle"].as_str().unwrap());
    world.notebook.write("org", "5mYdXw9KcJhaf3LrN8pQ2v");
    world.notebook.write("name_of_user", "cleo");
    world.notebook.write("name_of_org", "Acme%20Prod");
    world
}

async fn asked(world: &World, kind: &Kind, method: &Method, path: &str) -> u16 {
    let path = of_acme(world, path);
    let question = world.ask(method.clone(), &format!("{path}?client_id=idmc_api&nonce=1"));
    let question = match kind {
        Kind::Nobody => question,
        Kind::Stranger => question.header("IDS-SESSION-ID", "3fTqk0ZpXyLr9bWcV2uN7e"),
        Kind::User(name, password) => {
            question.header("IDS-SESSION-ID", &world.session(Door::V1, name, password).await)
        }
        Kind::Scim => {
            question.header("Authorization", &format!("Bearer {}", world.notebook.read("scim_secret")))
        }
    };
    question.await.status.as_u16()
}

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let mut table = format!("{:62}", "");
    KINDS.iter().for_each(|(name, _)| write!(table, " {name:>11}").unwrap());
    for (method, path) in routes() {
        let world = furnished().await;
        write!(table, "\n{:62}", format!("{method} {path}")).unwrap();
        for (_, kind) in &KINDS {
            write!(table, " {:>11}", asked(&world, kind, &method, &path).await).unwrap();
        }
    }
    let table = format!("```text\n{}\n```", table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
    let written = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = written.split_once("```text\n").unwrap();
    let (_, after) = rest.split_once("\n```").unwrap();
    if option_env!("UPDATE_POLICY").is_some() {
        std::fs::write(page(), format!("{before}{table}{after}")).unwrap();
    }
    let written = std::fs::read_to_string(page()).unwrap();
    assert!(
        written.contains(&table),
        "docs/reference/policy.md is not what the routes do; refresh it with \
         `UPDATE_POLICY=1 cargo test -p latchkey-server --test api access` and read the difference\n{table}"
    );
}

/// The page that tells people who may do what.
fn page() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "reference", "policy.md"].iter().collect()
}

/// The page says of every privilege what it allows, and which built-in roles have it.
#[test]
fn the_page_names_every_privilege_as_the_rules_do() {
    let written = std::fs::read_to_string(page()).unwrap();
    for one in Privilege::ALL {
        let roles = Role::ALL.into_iter().filter(|role| role.privileges().contains(one)).map(Role::name);
        let row = format!(
            "| `{}` | {} | {} |",
            one.name(),
            one.description(),
            roles.collect::<Vec<_>>().join(", ")
        );
        assert!(written.contains(&row), "docs/reference/policy.md lacks the row\n{row}");
    }
}

/// Without a body a sign-in is a bad request for everybody; these routes ask for nothing at all.
#[tokio::test]
async fn the_open_routes_are_these_and_no_others() {
    let world = furnished().await;
    let mut open = Vec::new();
    for (method, path) in routes() {
        if asked(&world, &Kind::Nobody, &method, &path).await == 200 {
            open.push(path);
        }
    }
    assert_eq!(
        open,
        [
            "/.well-known/oauth-authorization-server/authz-service",
            "/authz-service/.well-known/jwks.json",
            "/authz-service/.well-known/oauth-authorization-server",
            "/authz-service/.well-known/openid-configuration",
            "/docs",
            "/healthz",
            "/identity-service/.well-known/jwks.json",
            "/identity-service/.well-known/openid-configuration",
            "/identity-service/home",
            "/identity-service/saml/{org}/metadata",
            "/metrics",
            "/openapi.json",
            "/readyz",
        ]
    );
}
