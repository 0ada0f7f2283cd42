//! A data folder with users in it, and the requests that its users send.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use http::{HeaderName, Request, StatusCode, header, request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::load::{Asked, Client};
use crate::server_process::ServerProcess;

/// How many connections a load has, and how many users a place.
pub const CONNECTIONS: usize = 16;

pub const PASSWORD: &str = "correct horse 9 battery";
pub const TOKEN: &str = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1234";
pub const USER: &str = "/session-service/api/v1/session/User";
pub const SESSION: HeaderName = HeaderName::from_static("ids-session-id");

/// The server's binary and a data folder for it.
pub struct Place<'a> {
    pub server: &'a Path,
    pub folder: PathBuf,
}

impl<'a> Place<'a> {
    /// A data folder with one user per connection.
    pub fn seeded(server: &'a Path, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let place = Self { server, folder: folder.to_owned() };
        let seed = folder.join("seed.toml");
        fs::write(&seed, seeds(CONNECTIONS))?;
        let process = place.start(&["--seed".as_ref(), seed.as_os_str()])?;
        ensure!(process.end()?.success(), "the server did not end cleanly after the seed");
        Ok(place)
    }

    /// Starts the service on it.
    pub fn start(&self, more: &[&OsStr]) -> anyhow::Result<ServerProcess> {
        let data = self.folder.join("data");
        let mut arguments = ["serve", "--listen", "127.0.0.1:0", "--data"].map(OsStr::new).to_vec();
        arguments.push(data.as_os_str());
        arguments.extend(more);
        ServerProcess::start(self.server, &arguments, &self.folder.join("server.log"))
    }
}

/// The name of a user.
pub fn user(number: usize) -> String {
    format!("bench.{number}")
}

/// An org with so many users.
pub fn seeds(users: usize) -> String {
    let seed = |number| {
        let name = user(number);
        format!("  [[org.user]]\n  name = \"{name}\"\n  password = \"{PASSWORD}\"\n  roles = [\"Admin\"]\n")
    };
    let users: String = (0..users).map(seed).collect();
    format!("[[org]]\nname = \"Bench\"\n{users}")
}

/// The families of endpoints where one signs in.
#[derive(Clone, Copy)]
pub enum Door {
    V1,
    V2,
    V3,
}

impl Door {
    /// A sign-in with the password that every user of the bench has.
    pub fn sign_in(self, user: &str) -> anyhow::Result<Asked> {
        let (path, body) = match self {
            Self::V1 => ("/identity-service/api/v1/Login", json!({ "username": user, "password": PASSWORD })),
            Self::V2 => {
                ("/ma/api/v2/user/login", json!({ "@type": "login", "username": user, "password": PASSWORD }))
            }
            Self::V3 => ("/saas/public/core/v3/login", json!({ "username": user, "password": PASSWORD })),
        };
        let request = Request::post(path).header(header::HOST, "localhost");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        Ok(request.body(Full::from(body.to_string()))?)
    }
}

/// A GET that is not finished.
pub fn get(path: &str) -> request::Builder {
    Request::get(path).header(header::HOST, "localhost")
}

/// A GET with a session.
pub fn with_session(path: &str, session: &str) -> anyhow::Result<Asked> {
    Ok(get(path).header(SESSION, session).body(Full::default())?)
}

/// A question to the gate with a token.
pub fn bearer(token: &str, org: &str) -> anyhow::Result<Asked> {
    let request = get("/gate").header(header::AUTHORIZATION, format!("Bearer {token}"));
    Ok(request.header("x-infa-org-id", org).body(Full::default())?)
}

/// Asks once, on a connection of its own, for JSON.
pub async fn ask(process: &ServerProcess, asked: Asked) -> anyhow::Result<Value> {
    let path = asked.uri().path().to_owned();
    let (status, body) = Client::connect(process.address()).await?.ask(asked).await?;
    ensure!(status == StatusCode::OK, "{path} answered {status}");
    Ok(serde_json::from_slice(&body)?)
}

/// One text of an answer.
pub fn text(answer: &Value, field: &str) -> anyhow::Result<String> {
    let value = answer.get(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("the answer has no {field}"))?.to_owned())
}
