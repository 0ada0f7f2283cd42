//! The OpenAPI description of the routes, for programs at `/openapi.json` and for people at `/docs`.

use askama::Template;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response as Described,
    ResponseBuilder,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};
use wire::error::{Flat, Nested};
use wire::latchkey::Problem;
use wire::oauth;

/// Everything in the description but the routes.
pub fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Latchkey")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sign in, hold a session, mint and verify tokens: wire-compatible with the sign-in of IICS.",
        ))
        .build();
    let mut components = utoipa::openapi::Components::new();
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    components.schemas.insert(Nested::name().into(), Nested::schema());
    components.schemas.insert(Flat::name().into(), Flat::schema());
    components.schemas.insert(Problem::name().into(), Problem::schema());
    components.schemas.insert(oauth::Error::name().into(), oauth::Error::schema());
    components.schemas.insert(wire::scim::Error::name().into(), wire::scim::Error::schema());
    let mut parts = Vec::new();
    Nested::schemas(&mut parts);
    Flat::schemas(&mut parts);
    components.schemas.extend(parts);
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

fn schemes() -> [(&'static str, SecurityScheme); 6] {
    let key = |name| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    [
        ("ids_session", key("IDS-SESSION-ID")),
        ("infa_session", key("INFA-SESSION-ID")),
        ("ic_session", key("icSessionId")),
        ("bearer", SecurityScheme::Http(bearer)),
        ("client", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build())),
        ("scim_token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build())),
    ]
}

/// What a request may be refused with.
const REFUSALS: [(u16, &str); 12] = [
    (400, "The request is not what it should be"),
    (401, "Not signed in, or not with what was sent"),
    (403, "Known, but not allowed"),
    (404, "Nothing is here"),
    (405, "Another method"),
    (408, "Not in time"),
    (409, "Something else has that name, or it was changed meanwhile"),
    (413, "The body is too long"),
    (429, "Too much at once: see Retry-After"),
    (431, "The headers are too long"),
    (500, "Something is broken"),
    (503, "Not right now: see Retry-After"),
];

/// The refusals of v1, v3 and everything without a family.
pub struct Refusals;

/// The refusals of v2.
pub struct FlatRefusals;

/// The refusals of our own administration.
pub struct Problems;

/// The refusals of OAuth.
pub struct OAuthRefusals;

impl IntoResponses for OAuthRefusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[("application/json", &oauth::Error::name())])
    }
}

/// The refusals of SCIM.
pub struct ScimRefusals;

impl IntoResponses for ScimRefusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let mut all = refusals(&[(wire::scim::MEDIA_TYPE, &wire::scim::Error::name())]);
        let outdated = ResponseBuilder::new().description("It is not as If-Match says");
        let outdated = outdated.content(wire::scim::MEDIA_TYPE, body(&wire::scim::Error::name()));
        all.insert("412".to_owned(), outdated.build().into());
        all
    }
}

/// The refusals of pages: a page each.
pub struct Troubles;

impl IntoResponses for Troubles {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let page = || ContentBuilder::new().schema(Some(String::schema())).build();
        let told = |text: &str| ResponseBuilder::new().description(text).content("text/html", page()).build();
        let told = |(status, text): &(u16, &str)| (status.to_string(), told(text).into());
        REFUSALS.iter().map(told).collect()
    }
}

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[("application/problem+json", &Problem::name())])
    }
}

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[("application/json", &Nested::name())])
    }
}

impl IntoResponses for FlatRefusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[("application/json", &Flat::name())])
    }
}

fn refusals(bodies: &[(&str, &str)]) -> BTreeMap<String, RefOr<Described>> {
    let described = |text: &str| {
        let start = ResponseBuilder::new().description(text);
        bodies.iter().fold(start, |response, (media, schema)| response.content(*media, body(schema))).build()
    };
    REFUSALS.iter().map(|(status, text)| (status.to_string(), described(text).into())).collect()
}

fn body(schema: &str) -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build()
}

/// The description as it was committed, which a test compares with that of the routes, without its indentation.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The description, as JSON.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "This document", body = serde_json::Value)))]
pub async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT).into_response()
}

/// The description, as a page that needs nothing but itself.
#[utoipa::path(get, path = "/docs", tag = "operations",
    responses((status = 200, description = "This document for people", body = String, content_type = "text/html")))]
pub async fn page() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| written().unwrap_or_default().into());
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
    ];
    (headers, PAGE.clone()).into_response()
}

fn written() -> Result<String, askama::Error> {
    let description: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
    Page { version: env!("CARGO_PKG_VERSION"), entries: entries(&description) }.render()
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    version: &'static str,
    entries: Vec<Entry>,
}

struct Entry {
    method: String,
    path: String,
    tag: String,
    summary: String,
    parameters: Vec<(String, String)>,
    body: Option<String>,
    answers: Vec<(String, String)>,
}

fn entries(description: &Value) -> Vec<Entry> {
    let mut entries: Vec<_> = fields(description.get("paths"))
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(|method| Some(entry(method, path, item.get(*method)?)))
        })
        .collect();
    entries.sort_by(|one, other| (&one.tag, &one.path).cmp(&(&other.tag, &other.path)));
    entries
}

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn entry(method: &str, path: &str, operation: &Value) -> Entry {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let media = fields(operation.pointer("/requestBody/content")).map(|(media, _)| media.as_str());
    let media: Vec<_> = media.collect();
    let answers = fields(operation.get("responses"));
    Entry {
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        tag: text(operation.pointer("/tags/0")),
        summary: text(operation.get("summary")),
        parameters: parameters.map(|one| (text(one.get("name")), text(one.get("description")))).collect(),
        body: (!media.is_empty()).then(|| media.join(", ")),
        answers: answers.map(|(status, answer)| (status.clone(), text(answer.get("description")))).collect(),
    }
}

fn fields(object: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.and_then(Value::as_object).into_iter().flatten()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
