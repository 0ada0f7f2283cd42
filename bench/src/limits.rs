//! What the machine can do at best: the bare handler, one signature, one verification, one hash, one flush to disk.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::load::Spread;
use crate::server_process::own_cpu;

/// The size of a token of this service: what is signed and verified.
const MESSAGE: [u8; 700] = [b'm'; 700];

/// How many signatures are verified in turn.
const SIGNATURES: usize = 1_000;

/// What one core does at best.
pub struct Limits {
    pub sign: Limit,
    pub verify: Limit,
    pub hash: Limit,
    pub flush: Limit,
}

/// One thing done over and over.
pub struct Limit {
    /// How often per second of CPU: a neighbour's load does not change it.
    pub per_cpu_second: f64,
    /// How long each took by the clock on the wall.
    pub spread: Spread,
}

impl Limits {
    /// Measures each for `duration`, flushing in `folder`.
    pub fn measure(folder: &Path, duration: Duration) -> anyhow::Result<Self> {
        let (sign, verify) = signatures(duration)?;
        Ok(Self { sign, verify, hash: hashes(duration)?, flush: flushes(folder, duration)? })
    }
}

fn signatures(duration: Duration) -> anyhow::Result<(Limit, Limit)> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())?;
    let sign = repeat(duration, || Ok(key.sign(&random, &MESSAGE)?))?;
    // Whoever verifies meets another signature each time; one over and over is learned by the processor, branch by branch.
    let signatures = (0..SIGNATURES).map(|_| key.sign(&random, &MESSAGE)).collect::<Result<Vec<_>, _>>()?;
    let mut signatures = signatures.iter().cycle();
    let verify = repeat(duration, || {
        let signature = signatures.next().context("there is no signature")?;
        Ok(public.verify_sig(&MESSAGE, signature.as_ref())?)
    })?;
    Ok((sign, verify))
}

/// Argon2id with the service's default cost, in memory that is kept from hash to hash.
fn hashes(duration: Duration) -> anyhow::Result<Limit> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| anyhow!("argon2: {error}"))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    repeat(duration, || {
        argon2
            .hash_password_into_with_memory(b"correct horse", b"a salt of sixteen", &mut output, &mut memory)
            .map_err(|error| anyhow!("argon2: {error}"))
    })
}

/// One small append that is on the disk when it returns.
fn flushes(folder: &Path, duration: Duration) -> anyhow::Result<Limit> {
    let mut file = tempfile::tempfile_in(folder).context("cannot write to the folder of the bench")?;
    repeat(duration, || {
        file.write_all(&[0; 4096])?;
        Ok(file.sync_data()?)
    })
}

/// Does something over and over for `duration`.
pub fn repeat<T>(duration: Duration, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<Limit> {
    work()?;
    let (started, used) = (Instant::now(), own_cpu()?);
    let mut spread = Spread::default();
    while started.elapsed() < duration {
        let one = Instant::now();
        work()?;
        spread.add(one.elapsed());
    }
    let used = own_cpu()?.saturating_sub(used);
    Ok(Limit { per_cpu_second: spread.count() as f64 / used.as_secs_f64(), spread })
}

/// Serves until it is ended, announcing itself as the service does.
pub async fn serve_bare() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    crate::report::announce(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) -> hyper::Result<()> {
    http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(one_body)).await
}

async fn one_body(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body =
        Bytes::from_static(br#"{"id":"7aQvUe2LkYhbs0dRk1TzPm","name":"etl.robot","orgName":"Acme Prod"}"#);
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}
