//! The administration of a running service: requests with the credentials of an account, answers as JSON.

use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::explain;
use crate::table::Format;
use clap::Args as Arguments;
use client::{Call, CallError, Client, Method, Replay, StatusCode, Url};
use serde_json::Value;
use std::fmt;
use std::io;

/// How many entries one request asks for: the most that a page holds.
const PAGE: usize = 200;

/// No page of a list and no record is longer than this; no refusal either.
const LONGEST_LIST: usize = 10_000;

/// Who asks, and how the answer is printed.
#[derive(Debug, Arguments)]
pub struct AdminArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Whose session is used.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// Which org a command is about.
#[derive(Debug, Clone, Arguments)]
pub struct OrgArg {
    /// The org, by id or name: one's own or one below it [default: one's own]
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
}

/// A service, as an administrator sees it.
pub struct Admin {
    client: Client,
    login: String,
}

/// Where a request goes: to the vendor's API below the base URL of the session, or to our own below the login host.
#[derive(Debug, Clone)]
pub enum Place {
    /// `…/public/core/v3/` and this.
    V3(String),
    /// `…/latchkey/v1/` and this.
    Own(String),
}

/// What the service said no with.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The status of HTTP.
    pub status: StatusCode,
    /// Its sentence.
    pub message: String,
}

impl Admin {
    /// The service of an account. No request is made.
    pub fn of(args: &AccountArgs) -> Result<Self, Failure> {
        let account = Account::choose(args)?;
        let client = account.builder().build().map_err(Failure::usage)?;
        Ok(Self { client, login: account.login.as_str().trim_end_matches('/').to_owned() })
    }

    /// The login host.
    pub fn host(&self) -> &str {
        &self.login
    }

    /// The id of the org in which the session works.
    pub async fn own_org(&self) -> Result<String, Failure> {
        let session = self.client.session().await.map_err(|error| explain::sign_in(error, &self.login))?;
        Ok(session.org_id)
    }

    /// The id of the org that a command names, or of one's own.
    pub async fn org_id(&self, org: &OrgArg) -> Result<String, Failure> {
        match &org.org {
            Some(word) => Ok(self.named_org(word).await?),
            None => self.own_org().await,
        }
    }

    /// The id of the org with this id or name, of those that one may see.
    pub async fn named_org(&self, word: &str) -> Result<String, Failure> {
        let orgs = match self.listed(Place::own("orgs"), &[], Some("orgs")).await? {
            Ok(orgs) => orgs,
            // Without a list of orgs there are still ids.
            Err(refused) if refused.is_no_route() => return Ok(word.to_owned()),
            Err(refused) => return Err(refused.explained(&self.login)),
        };
        let is = |org: &&Value, name: &str| org.get(name).and_then(Value::as_str) == Some(word);
        let by_id = orgs.iter().filter(|org| is(org, "id"));
        let mut found = by_id.chain(orgs.iter().filter(|org| is(org, "name")));
        match (found.next(), found.next()) {
            (None, _) => Err(unknown("org", word)),
            (Some(org), None) => Ok(text(org, "id")),
            (Some(_), Some(_)) => {
                let two = io::Error::other(format!("more than one org is called {word}"));
                Err(Failure::usage(two).hint("name its id: `latchkey org list` shows them"))
            }
        }
    }

    /// The one entry of a v3 list that has this name, else this id.
    pub async fn named(&self, kind: &Kind, org: &OrgArg, word: &str) -> Result<Value, Failure> {
        let org = match &org.org {
            Some(word) => Some(equals("orgId", &self.named_org(word).await?)),
            None => None,
        };
        for field in [kind.name, kind.id] {
            let terms = org.iter().cloned().chain([equals(field, word)]).collect::<Vec<_>>().join(";");
            let found = self.list(Place::v3(kind.list), &[("q", terms.as_str())], None).await?;
            if let Some(found) = found.into_iter().next() {
                return Ok(found);
            }
        }
        Err(unknown(kind.word, word))
    }

    /// Every entry of a v3 list of an org.
    pub async fn all(&self, kind: &Kind, org: &OrgArg) -> Result<Vec<Value>, Failure> {
        let org = match &org.org {
            Some(word) => Some(equals("orgId", &self.named_org(word).await?)),
            None => None,
        };
        let parameters: Vec<_> = org.iter().map(|term| ("q", term.as_str())).collect();
        self.list(Place::v3(kind.list), &parameters, None).await
    }

    /// Reads.
    pub async fn get(&self, place: Place) -> Result<Value, Failure> {
        self.done(Method::GET, place, None).await
    }

    /// Sends, and hands back what was answered; null for nothing.
    pub async fn send(&self, method: Method, place: Place, body: &Value) -> Result<Value, Failure> {
        self.done(method, place, Some(body)).await
    }

    /// Removes.
    pub async fn delete(&self, place: Place) -> Result<(), Failure> {
        self.done(Method::DELETE, place, None).await.map(drop)
    }

    async fn done(&self, method: Method, place: Place, body: Option<&Value>) -> Result<Value, Failure> {
        self.ask(method, place, body).await?.map_err(|refused| refused.explained(&self.login))
    }

    /// Asks, and hands back a refusal as such.
    pub async fn ask(
        &self,
        method: Method,
        place: Place,
        body: Option<&Value>,
    ) -> Result<Result<Value, Refused>, Failure> {
        let call = self.call(method, place);
        let call = match body {
            Some(body) => call.json(body).map_err(|error| self.no_answer(error))?,
            None => call,
        };
        let reply = call.send().await.map_err(|error| self.no_answer(error))?;
        let status = reply.status;
        let bytes = reply.bytes().await.map_err(|error| self.no_answer(error))?;
        if !status.is_success() {
            return Ok(Err(Refused::read(status, &bytes)));
        }
        if bytes.is_empty() {
            return Ok(Ok(Value::Null));
        }
        serde_json::from_slice(&bytes).map(Ok).map_err(|error| {
            Failure::machine(error).while_doing(format!("{} did not answer in JSON", self.login))
        })
    }

    /// Sends rows of users to where they are imported, and hands back what was said of each. Rows that are sent again
    /// add nothing twice.
    pub async fn import(&self, place: Place, rows: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let call = self.call(Method::POST, place).replay(Replay::Safe).body(rows);
        let reply = call.send().await.map_err(|error| self.no_answer(error))?;
        let status = reply.status;
        let told = reply.bytes().await.map_err(|error| self.no_answer(error))?;
        match status.is_success() {
            true => Ok(told.to_vec()),
            false => Err(Refused::read(status, &told).explained(&self.login)),
        }
    }

    fn call(&self, method: Method, place: Place) -> Call {
        let url = match place {
            Place::V3(path) => format!("/public/core/v3/{path}"),
            Place::Own(path) => format!("{}/latchkey/v1/{path}", self.login),
        };
        self.client.request(method, url).replay(Replay::ByMethod)
    }

    /// Why there was no answer.
    fn no_answer(&self, error: CallError) -> Failure {
        match error {
            CallError::Token(error) => explain::token(error, &self.login),
            other => Failure::machine(other).while_doing(format!("no answer from {}", self.login)),
        }
    }

    /// Every entry of a list, page by page; `key` names the list when it is not the whole answer.
    pub async fn list(
        &self,
        place: Place,
        parameters: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Vec<Value>, Failure> {
        self.listed(place, parameters, key).await?.map_err(|refused| refused.explained(&self.login))
    }

    /// The same, with a refusal as such.
    pub async fn listed(
        &self,
        place: Place,
        parameters: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Result<Vec<Value>, Refused>, Failure> {
        let mut all = Vec::new();
        for page in 0..LONGEST_LIST {
            let (limit, skip) = (PAGE.to_string(), (page * PAGE).to_string());
            let own = [("limit", limit.as_str()), ("skip", skip.as_str())];
            let place = place.clone().with(&[parameters, &own].concat());
            let answer = match self.ask(Method::GET, place, None).await? {
                Ok(answer) => answer,
                Err(refused) => return Ok(Err(refused)),
            };
            let entries = match key {
                Some(key) => answer.get(key).cloned().unwrap_or_default(),
                None => answer,
            };
            let Value::Array(entries) = entries else {
                let strange = io::Error::other(format!("{} did not answer with a list", self.login));
                return Err(Failure::machine(strange));
            };
            let last = entries.len() < PAGE;
            all.extend(entries);
            if last {
                break;
            }
        }
        Ok(Ok(all))
    }
}

impl Place {
    /// A path of the vendor's v3.
    pub fn v3(path: impl Into<String>) -> Self {
        Self::V3(path.into())
    }

    /// A path of our own.
    pub fn own(path: impl Into<String>) -> Self {
        Self::Own(path.into())
    }

    /// With a query.
    #[must_use]
    pub fn with(self, parameters: &[(&str, &str)]) -> Self {
        let query = Url::parse_with_params("http://localhost/", parameters);
        let query = query.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default();
        match self {
            Self::V3(path) => Self::V3(format!("{path}?{query}")),
            Self::Own(path) => Self::Own(format!("{path}?{query}")),
        }
    }
}

/// A kind of record of v3: its word, its list, and the fields of `q` that name one.
#[derive(Debug)]
pub struct Kind {
    word: &'static str,
    list: &'static str,
    name: &'static str,
    id: &'static str,
}

/// Users.
pub const USERS: Kind = Kind { word: "user", list: "users", name: "userName", id: "userId" };
/// Groups.
pub const GROUPS: Kind = Kind { word: "group", list: "userGroups", name: "userGroupName", id: "userGroupId" };
/// Roles.
pub const ROLES: Kind = Kind { word: "role", list: "roles", name: "roleName", id: "roleId" };

/// The text in a field of a record; empty when there is none.
pub fn text(record: &Value, name: &str) -> String {
    record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// An object of the fields that have a value.
pub fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}

/// A condition of the small language of `q`.
pub fn equals(name: &str, value: &str) -> String {
    let quote = if value.contains('"') { '\'' } else { '"' };
    format!("{name}=={quote}{value}{quote}")
}

/// Nothing has this name.
pub fn unknown(kind: &str, name: &str) -> Failure {
    Failure::refused(io::Error::other(format!("there is no {kind} {name}")))
        .hint(format!("`latchkey {kind} list` shows them"))
}

impl Refused {
    fn read(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let message = text("/error/message").or_else(|| text("/detail")).or_else(|| text("/description"));
        let message = message.unwrap_or_else(|| format!("the service answered {status}"));
        let message: String = message.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        Self { status, message: message.trim_end_matches('.').to_owned() }
    }

    /// Whether the service does not know the path at all: it is an older release, or no Latchkey.
    pub fn is_no_route(&self) -> bool {
        let unknown_path =
            self.status == StatusCode::NOT_FOUND && self.message.starts_with("nothing is here");
        unknown_path || self.status == StatusCode::METHOD_NOT_ALLOWED
    }

    /// What a person reads.
    pub fn explained(self, host: &str) -> Failure {
        let hint = match self.status {
            _ if self.is_no_route() => format!("{host} is no Latchkey, or one of an older release"),
            StatusCode::UNAUTHORIZED => "run `latchkey login`".to_owned(),
            StatusCode::FORBIDDEN => {
                "sign in as an administrator of that org: `latchkey login -u USER`".to_owned()
            }
            _ => String::new(),
        };
        let server = self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS;
        let failure = if server { Failure::machine(self) } else { Failure::refused(self) };
        if hint.is_empty() { failure } else { failure.hint(hint) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}
