//! What the service says about itself: its configuration, its resource types and the schemas of both (RFC 7643 section 5 to 7).

use super::Resource;
use super::schema::{Attribute, GROUP, Schema, USER};
use serde_json::{Value, json};

/// The most resources that one answer holds.
pub const MOST_RESULTS: u32 = 200;

/// What can be asked of this service (RFC 7643 section 5); `base` is its URL.
pub fn configuration(base: &str) -> Resource {
    let no = json!({ "supported": false });
    object(json!({
        "schemas": [CONFIGURATION.id],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST_RESULTS },
        "changePassword": { "supported": true },
        "sort": no,
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "SCIM token",
            "description": "A token of the org, in the header Authorization: Bearer",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    }))
}

/// The kinds of resources that are here (RFC 7643 section 6).
pub fn resource_types(base: &str) -> Vec<Resource> {
    let shown = |schema: &Schema| {
        object(json!({
            "schemas": [RESOURCE_TYPE.id],
            "id": schema.name,
            "name": schema.name,
            "endpoint": schema.endpoint,
            "description": schema.about,
            "schema": schema.id,
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", schema.name) },
        }))
    };
    [&USER, &GROUP].map(shown).into()
}

/// Every schema that is in use here (RFC 7643 section 7).
pub fn schemas(base: &str) -> Vec<Resource> {
    [&USER, &GROUP, &CONFIGURATION, &RESOURCE_TYPE, &SCHEMA].map(|schema| schema.shown(base)).into()
}

/// The object that a literal is.
pub(super) fn object(value: Value) -> Resource {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Resource::new()
        }
    }
}

const fn said(name: &'static str, about: &'static str) -> Attribute {
    Attribute::text(name, about).read_only()
}

const fn can(name: &'static str, about: &'static str) -> Attribute {
    const SUPPORTED: Attribute =
        Attribute::flag("supported", "Whether it is done here").required().read_only();
    Attribute::complex(name, &[SUPPORTED], about).required().read_only()
}

static CONFIGURATION: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    name: "ServiceProviderConfig",
    endpoint: "/ServiceProviderConfig",
    about: "What can be asked of this service",
    attributes: &[
        can("patch", "Changes of single attributes"),
        Attribute::complex(
            "bulk",
            &[
                Attribute::flag("supported", "Whether it is done here").required().read_only(),
                Attribute::number("maxOperations", "How many at once").required().read_only(),
                Attribute::number("maxPayloadSize", "How many bytes at once").required().read_only(),
            ],
            "Many requests in one",
        )
        .required()
        .read_only(),
        Attribute::complex(
            "filter",
            &[
                Attribute::flag("supported", "Whether it is done here").required().read_only(),
                Attribute::number("maxResults", "How many resources an answer holds").required().read_only(),
            ],
            "Filters of lists",
        )
        .required()
        .read_only(),
        can("changePassword", "Changes of passwords"),
        can("sort", "Sorted lists"),
        can("etag", "Entity tags"),
        Attribute::complex(
            "authenticationSchemes",
            &[
                said("type", "Which scheme").required(),
                said("name", "What people call it").required(),
                said("description", "What people read about it").required(),
                Attribute::flag("primary", "Whether it is the usual one").read_only(),
            ],
            "How a client says who it is",
        )
        .many()
        .required()
        .read_only(),
    ],
};

static RESOURCE_TYPE: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    name: "ResourceType",
    endpoint: "/ResourceTypes",
    about: "A kind of resource",
    attributes: &[
        said("name", "What people call it").required(),
        said("description", "What people read about it"),
        Attribute::reference("endpoint", &["uri"], "Where its resources are").required().read_only(),
        Attribute::reference("schema", &["uri"], "The URN of its schema").required().read_only(),
    ],
};

const RULES: [Attribute; 11] = [
    said("name", "Its name").required().exact(),
    said("type", "What a value is").required().exact(),
    Attribute::flag("multiValued", "Whether it has many values").required().read_only(),
    said("description", "What people read about it").exact(),
    Attribute::flag("required", "Whether there is always one").required().read_only(),
    said("canonicalValues", "The values that it usually has").many().exact(),
    Attribute::flag("caseExact", "Whether case makes a difference").read_only(),
    said("mutability", "Who may write it").required().exact(),
    said("returned", "When it is in an answer").required().exact(),
    said("uniqueness", "Whether two resources may share a value").exact(),
    said("referenceTypes", "What a reference leads to").many().exact(),
];

const RULES_AND_PARTS: [Attribute; 12] = {
    let parts =
        Attribute::complex("subAttributes", &RULES, "The parts of a complex value").many().read_only();
    let [a, b, c, d, e, f, g, h, i, j, k] = RULES;
    [a, b, c, d, e, f, g, h, i, j, k, parts]
};

static SCHEMA: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
    name: "Schema",
    endpoint: "/Schemas",
    about: "The attributes of a resource",
    attributes: &[
        said("name", "What people call it").required(),
        said("description", "What people read about it"),
        Attribute::complex("attributes", &RULES_AND_PARTS, "The attributes, each with its rules")
            .many()
            .required()
            .read_only(),
    ],
};
