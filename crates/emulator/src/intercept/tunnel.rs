//! `CONNECT`: the vendor's hosts are spoken for, allowed hosts are reached, all others are refused.

use super::door::{refuse, say};
use super::host::{host_of, vendor_host};
use super::{Guest, Reply, attend, forward};
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use std::io;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

pub(super) async fn open(guest: Guest, request: Request<Body>) -> Reply {
    let Some(target) = request.uri().authority().cloned() else {
        return Ok(say(StatusCode::BAD_REQUEST, "CONNECT names a host and a port"));
    };
    let (host, upgrade) = (host_of(&target), hyper::upgrade::on(request));
    if let Some(host) = vendor_host(&host) {
        let guest = Guest { believes: Some(host.clone()), ..guest };
        match target.port_u16() {
            Some(80) => drop(tokio::spawn(in_plain(guest, upgrade))),
            _ => drop(tokio::spawn(in_tls(guest, host, upgrade))),
        }
    } else if guest.may_reach(&host) {
        match forward::reach(&target, 443).await {
            Ok(stream) => drop(tokio::spawn(carry(guest, upgrade, stream))),
            Err(error) => return Ok(forward::unreachable(&target, &error)),
        }
    } else {
        return Ok(refuse(&host));
    }
    Ok(Response::new(Body::empty()))
}

/// Port 80 is that of programs which tunnel for `http://` too.
async fn in_plain(guest: Guest, upgrade: OnUpgrade) {
    if let Ok(upgraded) = upgrade.await {
        attend(guest, TokioIo::new(upgraded)).await;
    }
}

async fn in_tls(mut guest: Guest, host: String, upgrade: OnUpgrade) {
    let caller = guest.clone();
    let greeted = tokio::select! {
        greeted = timeout(HANDSHAKE, greet(caller, &host, upgrade)) => greeted.unwrap_or_else(|late| Err(late.into())),
        () = guest.left() => return,
    };
    match greeted {
        Ok((guest, stream)) => attend(guest, stream).await,
        Err(error) => tracing::warn!("the program did not agree on TLS to {host}: {error}"),
    }
}

/// The handshake, in the name that the caller asks for in it, or else of the host that it named to the proxy.
async fn greet(
    guest: Guest,
    host: &str,
    upgrade: OnUpgrade,
) -> io::Result<(Guest, TlsStream<TokioIo<Upgraded>>)> {
    let stream = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let host = hello.client_hello().server_name().and_then(vendor_host).unwrap_or_else(|| host.to_owned());
    let config = guest.house.authority.leaf(&host).map_err(io::Error::other)?;
    let stream = hello.into_stream(config).await?;
    Ok((Guest { believes: Some(host), ..guest }, stream))
}

/// Carries bytes until both sides are done, or the emulator is.
async fn carry(mut guest: Guest, upgrade: OnUpgrade, mut stream: TcpStream) {
    let carried = async {
        let mut upgraded = TokioIo::new(upgrade.await.map_err(io::Error::other)?);
        copy_bidirectional(&mut upgraded, &mut stream).await
    };
    tokio::select! {
        _ = carried => {}
        () = guest.left() => {}
    }
}
