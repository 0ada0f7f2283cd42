//! Every route asked by every kind of caller: a new route is missing in the table until somebody has thought about it.

use crate::world::{Door, World};
use http::Method;
use std::fmt::Write;

/// Who asks: with the name and the password of a session, or with the session id of nobody.
enum Kind {
    Nobody,
    Stranger,
    User(&'static str, &'static str),
}

const KINDS: [(&str, Kind); 5] = [
    ("nobody", Kind::Nobody),
    ("stranger", Kind::Stranger),
    ("member", Kind::User("bob", "battery staple")),
    ("admin", Kind::User("ada", "correct horse")),
    ("other admin", Kind::User("eve", "other side")),
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

async fn asked(world: &World, kind: &Kind, method: &Method, path: &str) -> u16 {
    let question = world.ask(method.clone(), &format!("{path}?client_id=idmc_api&nonce=1"));
    let question = match kind {
        Kind::Nobody => question,
        Kind::Stranger => question.header("IDS-SESSION-ID", "3fTqk0ZpXyLr9bWcV2uN7e"),
        Kind::User(name, password) => {
            question.header("IDS-SESSION-ID", &world.session(Door::V1, name, password).await)
        }
    };
    question.await.status.as_u16()
}

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let world = World::new().await;
    let mut table = format!("{:55}", "");
    KINDS.iter().for_each(|(name, _)| write!(table, " {name:>11}").unwrap());
    for (method, path) in routes() {
        write!(table, "\n{:55}", format!("{method} {path}")).unwrap();
        for (_, kind) in &KINDS {
            write!(table, " {:>11}", asked(&world, kind, &method, &path).await).unwrap();
        }
    }
    let expected = "
                                                             nobody    stranger      member       admin other admin
GET /authz-service/.well-known/jwks.json                        200         200         200         200         200
GET /docs                                                       200         200         200         200         200
GET /gate                                                       401         401         200         200         200
GET /gate/                                                      401         401         200         200         200
GET /gate/any/path                                              401         401         200         200         200
GET /healthz                                                    200         200         200         200         200
GET /identity-service/.well-known/jwks.json                     200         200         200         200         200
GET /identity-service/.well-known/openid-configuration          200         200         200         200         200
GET /identity-service/api/v1/CurrentUserInfo                    401         401         200         200         200
POST /identity-service/api/v1/Login                             400         400         400         400         400
POST /identity-service/api/v1/Logout                            401         401         200         200         200
GET /identity-service/api/v1/jwt/Token                          401         401         200         200         200
POST /identity-service/api/v1/jwt/Token                         401         401         200         200         200
POST /ma/api/v2/user/login                                      400         400         400         400         400
POST /ma/api/v2/user/logout                                     401         401         200         200         200
POST /ma/api/v2/user/logoutall                                  401         401         403         200         200
GET /metrics                                                    200         200         200         200         200
GET /openapi.json                                               200         200         200         200         200
GET /readyz                                                     200         200         200         200         200
GET /saas/api/v2/server/serverTime                              401         401         200         200         200
POST /saas/api/v2/user/logout                                   401         401         200         200         200
POST /saas/api/v2/user/validSessionId                           400         400         400         400         400
POST /saas/public/core/v3/login                                 400         400         400         400         400
POST /saas/public/core/v3/logout                                401         401         200         200         200
GET /session-service/api/v1/session/User                        401         401         200         200         200
";
    assert!(table.trim() == expected.trim(), "\nthe table is now\n{table}\n");
}

/// Without a body a sign-in is a bad request for everybody; these routes ask for nothing at all.
#[tokio::test]
async fn the_open_routes_are_these_and_no_others() {
    let world = World::new().await;
    let mut open = Vec::new();
    for (method, path) in routes() {
        if asked(&world, &Kind::Nobody, &method, &path).await == 200 {
            open.push(path);
        }
    }
    assert_eq!(
        open,
        [
            "/authz-service/.well-known/jwks.json",
            "/docs",
            "/healthz",
            "/identity-service/.well-known/jwks.json",
            "/identity-service/.well-known/openid-configuration",
            "/metrics",
            "/openapi.json",
            "/readyz",
        ]
    );
}
