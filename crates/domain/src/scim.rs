//! SCIM 2.0: the users and groups of an org, kept by its identity provider (RFC 7643, RFC 7644; protocol.md 6.4).

pub mod groups;
mod matching;
mod patch;
mod provisioned;
mod record;
pub mod token;
pub mod users;

pub use provisioned::{Contact, Provisioned};
pub use record::View;
pub use token::{ScimToken, TokenDigest};

use crate::access::NoPermit;
use crate::method::Busy;
use crate::password::Weakness;
use crate::revision::ChangeError;
use crate::store::StoreError;
use crate::strict_json::{self, NotStrict};
use std::borrow::Cow;
use wire::scim::filter::{Compares, Filter, Literal, NotAFilter};
use wire::scim::meta::MOST_RESULTS;
use wire::scim::schema::Schema;
use wire::scim::{Resource, ScimType};

/// How many users or groups one question looks at when no index answers it.
const MOST_SEEN: u32 = 10_000;

/// How often a change that met another one is tried anew.
const TRIES: u32 = 5;

/// Why SCIM did not do it.
#[derive(Debug)]
pub enum ScimError {
    /// What was asked for is not what it should be: which kind, and what.
    Asked(ScimType, Cow<'static, str>),
    /// The org has no such thing.
    Unknown,
    /// The token may not do that, or not to somebody who may do more.
    Denied,
    /// Something else has that name.
    Taken,
    /// It is not as the client believes: If-Match does not hold.
    Outdated,
    /// Others changed it again and again meanwhile.
    Contended,
    /// The password does not keep the rules.
    Weak(Weakness),
    /// Every hashing thread is busy.
    Busy(Busy),
    /// The store did not do it.
    Store(StoreError),
}

impl ScimError {
    pub(crate) fn asked(kind: ScimType, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Asked(kind, what.into())
    }
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NoPermit> for ScimError {
    fn from(error: NoPermit) -> Self {
        match error {
            NoPermit::Denied => Self::Denied,
            NoPermit::Unknown => Self::Unknown,
            NoPermit::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for ScimError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Taken => Self::Taken,
            ChangeError::Contended => Self::Contended,
            ChangeError::ManyMembers => Self::asked(ScimType::TooMany, "the group has too many members"),
            ChangeError::NoPassword => Self::asked(ScimType::InvalidValue, "the user has no password here"),
            ChangeError::Weak(weakness) => Self::Weak(weakness),
            ChangeError::Busy(busy) => Self::Busy(busy),
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotStrict> for ScimError {
    fn from(error: NotStrict) -> Self {
        let what = match error {
            NotStrict::NotAnObject => "the body is not a JSON object",
            NotStrict::Repeated => "a name in the body is repeated",
        };
        Self::asked(ScimType::InvalidSyntax, what)
    }
}

/// Where a client is told that a resource is.
pub type Base<'a> = &'a str;

/// Reads a body, in which no name is repeated.
pub fn body(bytes: &[u8]) -> Result<Resource, ScimError> {
    Ok(strict_json::object(bytes)?)
}

/// Which resources are asked for, and which part of them.
#[derive(Debug, Default)]
pub struct Question {
    /// Those that meet this.
    pub filter: Option<Filter>,
    /// The number of the first one; the first of all is 1.
    pub start: u32,
    /// How many at the most.
    pub count: u32,
    /// Which attributes of them.
    pub view: View,
}

impl Question {
    /// A question as it was asked: numbers outside their range are clamped (RFC 7644 section 3.4.2.4).
    pub fn new(
        filter: Option<&str>,
        start: Option<i64>,
        count: Option<i64>,
        view: View,
    ) -> Result<Self, ScimError> {
        let clamp = |number: i64, least: i64| u32::try_from(number.max(least)).unwrap_or(u32::MAX);
        let unread = |error: NotAFilter| {
            ScimError::asked(ScimType::InvalidFilter, format!("the filter cannot be read: {error}"))
        };
        Ok(Self {
            filter: filter.map(wire::scim::filter::filter).transpose().map_err(unread)?,
            start: clamp(start.unwrap_or(1), 1),
            count: count.map_or(MOST_RESULTS / 2, |count| clamp(count, 0).min(MOST_RESULTS)),
            view,
        })
    }

    fn skip(&self) -> u32 {
        self.start.saturating_sub(1)
    }
}

/// Which writings of a resource a request is about (RFC 7644 section 3.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Any.
    Any,
    /// One with one of these entity tags.
    OneOf(Vec<String>),
}

impl Expected {
    /// Whether a writing with this entity tag is meant.
    pub fn is(&self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| tag == "*" || tag == version),
        }
    }

    fn check(&self, version: &str) -> Result<(), ScimError> {
        if self.is(version) { Ok(()) } else { Err(ScimError::Outdated) }
    }

    /// What a change that met another one comes to: the client is told when it had said what it saw.
    fn met(&self, tries: u32) -> Option<ScimError> {
        match self {
            Self::OneOf(tags) if !tags.iter().any(|tag| tag == "*") => Some(ScimError::Outdated),
            Self::OneOf(_) | Self::Any => (tries >= TRIES).then_some(ScimError::Contended),
        }
    }
}

/// The value that an attribute must have for a filter to be met, where an index knows who has it.
fn pinned<'a>(filter: &'a Filter, schema: &Schema, attribute: &str) -> Option<&'a str> {
    match filter {
        Filter::Compare(name, Compares::Equal, Literal::Text(text)) => {
            let is_ours = name.schema.as_ref().is_none_or(|urn| urn.eq_ignore_ascii_case(schema.id));
            let is_meant = name.part.is_none() && name.name.eq_ignore_ascii_case(attribute);
            (is_ours && is_meant).then_some(text)
        }
        Filter::All(filters) => filters.iter().find_map(|filter| pinned(filter, schema, attribute)),
        Filter::Any(_) | Filter::Not(_) | Filter::Present(_) | Filter::Compare(..) | Filter::Within(..) => {
            None
        }
    }
}

/// The part of a list that a question is about, counted while it goes by.
struct Window<'a> {
    question: &'a Question,
    total: u64,
    resources: Vec<Resource>,
}

impl<'a> Window<'a> {
    fn new(question: &'a Question) -> Self {
        Self { question, total: 0, resources: Vec::new() }
    }

    /// Counts one that meets the filter, and keeps it if it is in the part.
    fn add(&mut self, schema: &'static Schema, resource: Resource) {
        let is_in = self.total >= u64::from(self.question.skip())
            && self.resources.len() < self.question.count as usize;
        if is_in {
            self.resources.push(self.question.view.of(schema, resource));
        }
        self.total += 1;
    }

    fn list(self) -> wire::scim::List {
        wire::scim::List::new(self.resources, self.question.start, self.total)
    }
}

fn too_many(what: &'static str) -> ScimError {
    ScimError::asked(ScimType::TooMany, what)
}
