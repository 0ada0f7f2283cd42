//! The OpenAPI description of the routes, for programs at `/openapi.json` and for people at `/docs`.

use askama::Template;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::openapi::path::{Operation, PathItem};
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

/// The description, as JSON.
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "This document", body = serde_json::Value)))]
pub async fn openapi() -> Response {
    static DOCUMENT: LazyLock<Bytes> =
        LazyLock::new(|| serde_json::to_vec(&super::description()).unwrap_or_default().into());
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT.clone()).into_response()
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
    Page { version: env!("CARGO_PKG_VERSION"), entries: entries(&super::description()) }.render()
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    version: &'static str,
    entries: Vec<Entry>,
}

struct Entry {
    method: &'static str,
    path: String,
    tag: String,
    summary: String,
    parameters: Vec<(String, String)>,
    body: Option<String>,
    answers: Vec<(String, String)>,
}

fn entries(description: &OpenApi) -> Vec<Entry> {
    let mut entries: Vec<_> =
        description.paths.paths.iter().flat_map(|(path, item)| operations(path, item)).collect();
    entries.sort_by(|one, other| (&one.tag, &one.path).cmp(&(&other.tag, &other.path)));
    entries
}

fn operations(path: &str, item: &PathItem) -> Vec<Entry> {
    let each = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    each.into_iter()
        .filter_map(|(method, operation)| Some(entry(method, path, operation.as_ref()?)))
        .collect()
}

fn entry(method: &'static str, path: &str, operation: &Operation) -> Entry {
    let parameters = operation.parameters.iter().flatten().filter_map(given);
    let body = operation
        .request_body
        .as_ref()
        .and_then(given)
        .map(|body| body.content.keys().cloned().collect::<Vec<_>>().join(", "));
    let answers = operation
        .responses
        .responses
        .iter()
        .filter_map(|(status, answer)| Some((status.clone(), given(answer)?.description.clone())));
    Entry {
        method,
        path: path.to_owned(),
        tag: operation.tags.iter().flatten().next().cloned().unwrap_or_default(),
        summary: operation.summary.clone().unwrap_or_default(),
        parameters: parameters
            .map(|one| (one.name.clone(), one.description.clone().unwrap_or_default()))
            .collect(),
        body,
        answers: answers.collect(),
    }
}

/// What is written out in its place rather than referred to; nothing here is referred to.
fn given<T>(part: &RefOr<T>) -> Option<&T> {
    match part {
        RefOr::T(part) => Some(part),
        RefOr::Ref(_) => None,
    }
}
