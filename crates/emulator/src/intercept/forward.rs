//! The way on to hosts that are not the vendor's.

use super::door::say;
use super::host::host_of;
use axum::body::Body;
use http::header::{CONNECTION, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::Authority;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time to find a host and to connect to it.
const REACH: Duration = Duration::from_secs(10);

/// Connects to a host outside.
pub(super) async fn reach(target: &Authority, usual_port: u16) -> io::Result<TcpStream> {
    let host = host_of(target);
    let address = (host.as_str(), target.port_u16().unwrap_or(usual_port));
    let stream = timeout(REACH, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request in plain HTTP to where it was meant to go, and hands back the answer.
pub(super) async fn send(target: &Authority, request: Request<Body>) -> Response<Body> {
    match exchange(target, request).await {
        Ok(response) => response,
        Err(error) => unreachable(target, &error),
    }
}

async fn exchange(target: &Authority, mut request: Request<Body>) -> io::Result<Response<Body>> {
    let stream = TokioIo::new(reach(target, 80).await?);
    let (mut sender, connection) = handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    of_one_hop(request.headers_mut());
    let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
    of_one_hop(response.headers_mut());
    Ok(response.map(Body::new))
}

/// Takes away what is between two neighbours only.
fn of_one_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// The answer when nobody answered.
pub(super) fn unreachable(target: &Authority, error: &io::Error) -> Response<Body> {
    say(StatusCode::BAD_GATEWAY, &format!("latchkey emulate cannot reach {target}: {error}"))
}
