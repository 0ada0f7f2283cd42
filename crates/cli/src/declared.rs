//! Files as truth: what they declare beside what a service has, and the changes that lead from the one to the other.
//!
//! Both sides are a [`State`] of the same shape, in which everything is called by name, so that a file carries over from
//! one service to another.

pub mod actual;
pub mod change;
pub mod export;
pub mod file;
pub mod perform;
mod saml;
pub mod shape;

use domain::name::CanonicalName;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// The names that lead from the org of the caller down to another; none for the org of the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<String>);

impl Path {
    /// The org above; nothing for the org of the caller.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, above)| Self(above.to_vec()))
    }

    /// Its own name; nothing for the org of the caller.
    pub fn name(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("your org") } else { write!(f, "org {}", self.0.join(" / ")) }
    }
}

/// What an org has several of, in the order in which they need one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What users may be.
    Role,
    /// Users who have the same roles.
    Group,
    /// Programs that get tokens.
    Client,
    /// Who signs in.
    User,
    /// Whose tokens open sessions.
    IdentityProvider,
    /// Where its people sign in by SAML; an org has one at most.
    SamlProvider,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Role, Self::Group, Self::Client, Self::User, Self::IdentityProvider, Self::SamlProvider];

    /// Its key in a file, and its word.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Group => "group",
            Self::Client => "client",
            Self::User => "user",
            Self::IdentityProvider => "identity_provider",
            Self::SamlProvider => "saml_provider",
        }
    }

    /// The key of its name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityProvider | Self::SamlProvider => "issuer",
            Self::Role | Self::Group | Self::Client | Self::User => "name",
        }
    }

    /// The form in which names of this kind are compared: an issuer as it stands, everything else folded. One SAML
    /// provider takes the place of another, so all of them are the same one.
    pub fn fold(self, name: &str) -> String {
        match self {
            Self::IdentityProvider => name.to_owned(),
            Self::SamlProvider => String::new(),
            Self::Role | Self::Group | Self::Client | Self::User => {
                CanonicalName::of(name).as_str().to_owned()
            }
        }
    }
}

/// Orgs by where they are.
pub type State = BTreeMap<Path, Org>;

/// An org on one of the two sides.
#[derive(Debug, Clone, Default)]
pub struct Org {
    /// The id; empty for what is only declared.
    pub id: String,
    /// `name`, `description`, `region`: those that are said.
    pub fields: Map<String, Value>,
    /// What the org decides for itself; nothing when that is not spoken of.
    pub policy: Option<Map<String, Value>>,
    /// The records of each kind by folded name; a kind that is not spoken of is absent.
    pub records: BTreeMap<Kind, BTreeMap<String, Record>>,
    /// How many failures lock a user for whom nothing else is said, as far as the service tells.
    pub attempts: Option<u32>,
    /// What the service does not tell about it, by key, and why.
    pub untold: BTreeMap<&'static str, String>,
    /// Whether it has users, when that matters.
    pub peopled: bool,
    /// Where it is declared.
    pub place: String,
}

impl Org {
    /// How many failures lock a user once what is declared holds, if that is said.
    pub fn declared_attempts(&self) -> Option<u32> {
        let said = self.policy.as_ref()?.get("max_login_attempts")?.as_u64()?;
        said.try_into().ok()
    }
}

/// A role, a group, a client, a user or a provider on one of the two sides.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The id; empty for what is only declared.
    pub id: String,
    /// The name as it is spelled.
    pub name: String,
    /// Everything else that is said; what has its default is absent.
    pub fields: Map<String, Value>,
    /// Where it is declared.
    pub place: String,
}

impl Record {
    /// What a record of this kind calls by name, and of which kind that is.
    pub fn called(&self, kind: Kind) -> Vec<(Kind, String)> {
        let of = |other: Kind, words: Vec<String>| words.into_iter().map(move |word| (other, word));
        let one = |field| self.fields.get(field).and_then(Value::as_str).map(str::to_owned);
        let keys = |field| {
            let table = self.fields.get(field).and_then(Value::as_object).into_iter().flatten();
            table.map(|(key, _)| key.clone()).collect()
        };
        match kind {
            Kind::Role | Kind::IdentityProvider => Vec::new(),
            Kind::Group | Kind::Client | Kind::User => {
                of(Kind::Role, self.words("roles")).chain(of(Kind::Group, self.words("groups"))).collect()
            }
            Kind::SamlProvider => of(Kind::Role, one("default_role").into_iter().collect())
                .chain(of(Kind::Group, one("default_group").into_iter().collect()))
                .chain(of(Kind::Role, keys("group_mappings")))
                .chain(of(Kind::Role, keys("role_mappings")))
                .collect(),
        }
    }

    /// The texts in one of its lists.
    pub fn words(&self, field: &str) -> Vec<String> {
        let words = self.fields.get(field).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
