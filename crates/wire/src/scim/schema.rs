//! The attributes that are kept here, each with its rules, as tables and as `/Schemas` shows them (RFC 7643 section 7).

use super::Resource;
use serde_json::{Value, json};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// An instant.
    DateTime,
    /// A URI.
    Reference,
    /// An object of [`Attribute::parts`].
    Complex,
}

/// Who may write a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// The service alone.
    ReadOnly,
    /// Its client too.
    ReadWrite,
    /// Its client, who never sees it again.
    WriteOnly,
    /// Its client, when it is new.
    Immutable,
}

/// When a value is in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Whatever is asked for.
    Always,
    /// Unless it is left out on demand.
    Default,
    /// Never.
    Never,
}

/// An attribute, or a part of one, with its rules (RFC 7643 section 2.2).
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name; names are compared without regard to case.
    pub name: &'static str,
    /// What people read about it.
    pub about: &'static str,
    /// What a value is.
    pub kind: Kind,
    /// Whether it has many values.
    pub many: bool,
    /// Whether there is always one.
    pub required: bool,
    /// Whether values are compared with regard to case.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is in an answer.
    pub returned: Returned,
    /// Whether no two resources of an org share a value.
    pub unique: bool,
    /// The values that it usually has.
    pub usual: &'static [&'static str],
    /// What a reference leads to.
    pub refers: &'static [&'static str],
    /// The parts of a complex value.
    pub parts: &'static [Attribute],
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            about,
            kind,
            many: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            usual: &[],
            refers: &[],
            parts: &[],
        }
    }

    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::String, about)
    }

    pub(super) const fn flag(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Boolean, about)
    }

    pub(super) const fn number(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Integer, about)
    }

    pub(super) const fn instant(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::DateTime, about).exact()
    }

    pub(super) const fn reference(
        name: &'static str,
        refers: &'static [&'static str],
        about: &'static str,
    ) -> Self {
        Self { refers, ..Self::new(name, Kind::Reference, about).exact() }
    }

    pub(super) const fn complex(
        name: &'static str,
        parts: &'static [Attribute],
        about: &'static str,
    ) -> Self {
        Self { parts, ..Self::new(name, Kind::Complex, about) }
    }

    pub(super) const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    pub(super) const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn always(self) -> Self {
        Self { returned: Returned::Always, ..self }
    }

    const fn secret(self) -> Self {
        Self { mutability: Mutability::WriteOnly, returned: Returned::Never, ..self }
    }

    const fn usually(self, usual: &'static [&'static str]) -> Self {
        Self { usual, ..self }
    }

    /// The part with this name.
    pub fn part(&self, name: &str) -> Option<&'static Attribute> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }

    /// As `/Schemas` shows it.
    fn shown(&self) -> Value {
        let mut shown = json!({
            "name": self.name,
            "type": match self.kind {
                Kind::String => "string",
                Kind::Boolean => "boolean",
                Kind::Integer => "integer",
                Kind::DateTime => "dateTime",
                Kind::Reference => "reference",
                Kind::Complex => "complex",
            },
            "multiValued": self.many,
            "description": self.about,
            "required": self.required,
            "caseExact": self.case_exact,
            "mutability": match self.mutability {
                Mutability::ReadOnly => "readOnly",
                Mutability::ReadWrite => "readWrite",
                Mutability::WriteOnly => "writeOnly",
                Mutability::Immutable => "immutable",
            },
            "returned": match self.returned {
                Returned::Always => "always",
                Returned::Default => "default",
                Returned::Never => "never",
            },
            "uniqueness": if self.unique { "server" } else { "none" },
        });
        let lists = [("canonicalValues", self.usual), ("referenceTypes", self.refers)];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert(name.to_owned(), list.into());
            }
        }
        if let (Some(shown), false) = (shown.as_object_mut(), self.parts.is_empty()) {
            shown.insert("subAttributes".to_owned(), self.parts.iter().map(Self::shown).collect());
        }
        shown
    }
}

/// A schema: a name for the attributes of a resource.
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Where its resources are, after the base of the service.
    pub endpoint: &'static str,
    /// What people read about it.
    pub about: &'static str,
    /// Its attributes, without those that every resource has.
    pub attributes: &'static [Attribute],
}

/// Attributes that every resource has (RFC 7643 section 3.1).
const COMMON: [Attribute; 4] = [
    Attribute::text("schemas", "The URNs of the schemas of this resource")
        .many()
        .exact()
        .read_only()
        .always(),
    Attribute::text("id", "The id that the service gave").exact().read_only().always().unique(),
    Attribute::text("externalId", "The id that the client gave").exact(),
    Attribute::complex(
        "meta",
        &[
            Attribute::text("resourceType", "The kind of this resource").exact().read_only(),
            Attribute::instant("created", "When it was made").read_only(),
            Attribute::instant("lastModified", "When it was last changed").read_only(),
            Attribute::reference("location", &["uri"], "Where it is").read_only(),
            Attribute::text("version", "Its entity tag").exact().read_only(),
        ],
        "What the service notes about this resource",
    )
    .read_only(),
];

const TYPES: [&str; 3] = ["work", "home", "other"];

/// A user (RFC 7643 section 4.1), as far as it is kept here.
pub static USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    endpoint: "/Users",
    about: "A user of the org",
    attributes: &[
        Attribute::text("userName", "What the user signs in with; unique on the whole instance")
            .required()
            .unique(),
        Attribute::complex(
            "name",
            &[Attribute::text("familyName", "Family name"), Attribute::text("givenName", "Given name")],
            "The parts of the user's name",
        ),
        Attribute::text("displayName", "The name that others see"),
        Attribute::text("title", "Job title"),
        Attribute::text("timezone", "A time zone, such as America/Los_Angeles"),
        Attribute::flag(
            "active",
            "Whether the user may sign in; there is always a value, true for a new user",
        )
        .required(),
        Attribute::text("password", "What the user signs in with; it is never shown").exact().secret(),
        Attribute::complex(
            "emails",
            &[
                Attribute::text("value", "The address"),
                Attribute::text("type", "What it is for").usually(&TYPES),
                Attribute::flag("primary", "Whether it is the one that is used"),
            ],
            "E-mail addresses; the primary one, else the first, is the user's",
        )
        .many(),
        Attribute::complex(
            "phoneNumbers",
            &[
                Attribute::text("value", "The number"),
                Attribute::text("type", "What it is for").usually(&["work", "home", "mobile", "other"]),
                Attribute::flag("primary", "Whether it is the one that is used"),
            ],
            "Telephone numbers; the primary one, else the first, is the user's",
        )
        .many(),
        Attribute::complex(
            "groups",
            &[
                Attribute::text("value", "The id of the group").exact().read_only(),
                Attribute::reference("$ref", &["Group"], "Where the group is").read_only(),
                Attribute::text("display", "What people call the group").read_only(),
                Attribute::text("type", "Always direct").usually(&["direct"]).read_only(),
            ],
            "The groups that the user is in; they change through the groups",
        )
        .many()
        .read_only(),
    ],
};

/// A group (RFC 7643 section 4.2).
pub static GROUP: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    endpoint: "/Groups",
    about: "A user group of the org",
    attributes: &[
        Attribute::text("displayName", "What people call the group; unique in the org").required().unique(),
        Attribute::complex(
            "members",
            &[
                Attribute::text("value", "The id of the user").exact().immutable(),
                Attribute::reference("$ref", &["User"], "Where the user is").immutable(),
                Attribute::text("type", "Always User").usually(&["User"]).immutable(),
            ],
            "The users that are in the group",
        )
        .many(),
    ],
};

impl Schema {
    /// The attribute with this name, of this schema or of every resource.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.all().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// Every attribute of a resource of this schema.
    pub fn all(&self) -> impl Iterator<Item = &'static Attribute> {
        COMMON.iter().chain(self.attributes)
    }

    /// As `/Schemas` shows it; `base` is the URL of the service.
    pub fn shown(&self, base: &str) -> Resource {
        let shown = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.id,
            "name": self.name,
            "description": self.about,
            "attributes": self.attributes.iter().map(Attribute::shown).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id) },
        });
        super::meta::object(shown)
    }
}
