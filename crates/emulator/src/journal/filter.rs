//! Which entries somebody wants to see, asked for in a query string.

use super::entry::{By, Entry};
use crate::faults::glob::Glob;
use crate::faults::reading::{BadField, Reading};
use crate::mask::Mask;
use domain::name::CanonicalName;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::str::FromStr;

/// Which entries somebody wants to see; what is not given may be anything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    path: Option<Glob>,
    method: Option<String>,
    status: Option<Status>,
    user: Option<CanonicalName>,
    org: Option<String>,
    host: Option<Glob>,
    session: Option<String>,
    fault: Option<Glob>,
    by: Option<By>,
    since: u64,
    pub(super) skip: usize,
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Status {
    Is(u16),
    Begins(u16),
    Missing,
}

impl Filter {
    /// Reads a query string such as `path=/saas/**&status=4xx`.
    pub fn read(query: &str) -> Result<Self, BadField> {
        let mut fields = Reading::of("", fields(query)?);
        let filter = Self {
            path: fields.take("path")?,
            method: fields.take::<String>("method")?.map(|method| method.to_ascii_uppercase()),
            status: fields.take("status")?,
            user: fields.take::<String>("user")?.map(|user| CanonicalName::of(&user)),
            org: fields.take("org")?,
            host: fields.take::<String>("host")?.map(|host| Glob::from(host.to_ascii_lowercase())),
            session: fields.take("session")?,
            fault: fields.take("fault")?,
            by: fields.take("by")?,
            since: number(&mut fields, "since")?.unwrap_or(0),
            skip: number(&mut fields, "skip")?.unwrap_or(0),
            limit: number(&mut fields, "limit")?,
        };
        fields.done()?;
        Ok(filter)
    }

    /// The same filter with the session as the journal shows it; a session may be asked for by its id too.
    pub(super) fn with_mark(&self, mask: &Mask) -> Self {
        let is_mark = |text: &str| ["session:", "token:"].iter().any(|kind| text.starts_with(kind));
        let mark = |text: &String| if is_mark(text) { text.clone() } else { mask.mark(text) };
        Self { session: self.session.as_ref().map(mark), ..self.clone() }
    }

    /// Whether an entry is wanted.
    pub(super) fn covers(&self, entry: &Entry) -> bool {
        entry.n > self.since
            && self.path.as_ref().is_none_or(|path| path.matches(&entry.path))
            && self.method.as_ref().is_none_or(|method| *method == entry.method)
            && self.status.is_none_or(|status| status.covers(entry.status))
            && self.by.is_none_or(|by| by == entry.by)
            && self.org.as_ref().is_none_or(|org| Some(org) == entry.org.as_ref())
            && self.session.as_ref().is_none_or(|session| Some(session) == entry.session.as_ref())
            && covers(self.host.as_ref(), entry.host.as_deref())
            && covers(self.fault.as_ref(), entry.fault.as_deref())
            && self
                .user
                .as_ref()
                .is_none_or(|user| entry.user.as_deref().map(CanonicalName::of).as_ref() == Some(user))
    }
}

fn covers(wanted: Option<&Glob>, text: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| text.is_some_and(|text| wanted.matches(text)))
}

fn fields(query: &str) -> Result<Map<String, Value>, BadField> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query).map_err(|error| BadField::new("query", error.to_string()))?;
    let mut fields = Map::new();
    for (name, value) in pairs {
        if fields.insert(name.clone(), value.into()).is_some() {
            return Err(BadField::new(name, "is there more than once"));
        }
    }
    Ok(fields)
}

fn number<T: FromStr>(fields: &mut Reading, name: &'static str) -> Result<Option<T>, BadField> {
    let text: Option<String> = fields.take(name)?;
    let read = text.map(|text| text.parse().map_err(|_| format!("{text:?} is not a whole number")));
    read.transpose().map_err(|why| BadField::new(name, why))
}

impl Status {
    fn covers(self, status: Option<u16>) -> bool {
        match self {
            Self::Is(wanted) => status == Some(wanted),
            Self::Begins(hundred) => status.is_some_and(|status| status / 100 == hundred),
            Self::Missing => status.is_none(),
        }
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let hundred = text.strip_suffix("xx").and_then(|hundred| hundred.parse().ok());
        match (hundred, text.parse()) {
            (Some(hundred @ 1..=5), _) => Ok(Self::Begins(hundred)),
            (_, Ok(status @ 100..=599)) => Ok(Self::Is(status)),
            _ if text == "none" => Ok(Self::Missing),
            _ => Err(format!("{text:?} is neither a status nor one of 4xx and none")),
        }
    }
}
