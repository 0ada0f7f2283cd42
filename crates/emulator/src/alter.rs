//! What a fault does to an answer that is there already.

use crate::faults::{Cut, Pod};
use crate::intercept::{HangUp, Reply};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use std::io;

/// Sends a part of the body under the headers of the whole, and breaks off.
pub async fn cut(response: Response, cut: Cut) -> Reply {
    let (mut head, body) = response.into_parts();
    let whole = whole(body).await?;
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let part = whole.slice(..cut.of(whole.len()));
    let parts = [Ok(part), Err(io::Error::from(io::ErrorKind::ConnectionAborted))];
    Ok(Response::from_parts(head, Body::from_stream(stream::iter(parts))))
}

/// Names another pod in the body.
pub async fn moved(response: Response, pod: &Pod) -> Reply {
    let (mut head, body) = response.into_parts();
    let whole = whole(body).await?;
    let moved = std::str::from_utf8(&whole).map(|text| pod.moved(text).into_owned().into());
    let body: Bytes = moved.unwrap_or(whole);
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Response::from_parts(head, Body::from(body)))
}

/// An answer that breaks off by itself needs no fault.
async fn whole(body: Body) -> Result<Bytes, HangUp> {
    Ok(body.collect().await.map_err(|_broken_off| HangUp)?.to_bytes())
}
