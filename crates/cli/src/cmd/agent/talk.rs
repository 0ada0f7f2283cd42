//! One program's conversation with the agent, and the clients that all of them share.

use super::speech::{self, Asked, Whose};
use crate::account::{self, Account};
use crate::error::Failure;
use crate::explain;
use client::{Cache, Client, Clock, Entry, SystemClock};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// No request is longer than this.
const MOST: u64 = 64 * 1024;

/// What all conversations share.
pub struct Agent {
    owner: Option<u32>,
    idle: Duration,
    clients: Mutex<Clients>,
}

/// The clients that were asked for, as the profiles stood then.
#[derive(Default)]
struct Clients {
    as_of: Option<SystemTime>,
    of: HashMap<Whose, Client>,
}

impl Agent {
    /// An agent for this user, which hangs up on who says nothing for `idle`.
    pub fn new(owner: Option<u32>, idle: Duration) -> Self {
        Self { owner, idle, clients: Mutex::default() }
    }

    /// Answers line by line. Another user than the owner hears nothing.
    pub async fn talk(&self, stream: UnixStream) {
        let peer = stream.peer_cred().ok().map(|peer| peer.uid());
        if self.owner.is_none() || peer != self.owner {
            return;
        }
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut reader).take(MOST);
            match timeout(self.idle, limited.read_until(b'\n', &mut line)).await {
                Ok(Ok(1..)) => {}
                _ => return,
            }
            let mut answer = self.answer(&line).await.to_string();
            answer.push('\n');
            // What is left of a line that is too long would be taken for requests.
            let is_whole = line.ends_with(b"\n");
            if writer.write_all(answer.as_bytes()).await.is_err() || !is_whole {
                return;
            }
        }
    }

    async fn answer(&self, line: &[u8]) -> Value {
        let asked = match serde_json::from_slice(line) {
            Ok(asked) => asked,
            Err(error) => return speech::not_understood(&error.to_string()),
        };
        let (whose, answered) = match asked {
            Asked::Status {} => return status().unwrap_or_else(|failure| speech::failure(&failure)),
            Asked::Token(whose) => (whose.clone(), self.token(&whose).await),
            Asked::Session(whose) => (whose.clone(), self.session(&whose).await),
        };
        answered.unwrap_or_else(|failure| {
            // Whoever mends the cause is believed at once.
            self.with_clients(|clients| clients.of.remove(&whose));
            speech::failure(&failure)
        })
    }

    async fn token(&self, whose: &Whose) -> Result<Value, Failure> {
        let client = self.client(whose)?;
        let token = client.token().await;
        token
            .map(|token| speech::token(&token))
            .map_err(|error| explain::token(error, client.login_url().as_str()))
    }

    async fn session(&self, whose: &Whose) -> Result<Value, Failure> {
        let client = self.client(whose)?;
        let session = client.session().await;
        session
            .map(|session| speech::session(&session))
            .map_err(|error| explain::sign_in(error, client.login_url().as_str()))
    }

    /// The client for such requests, as long as the profiles stay as they are.
    fn client(&self, whose: &Whose) -> Result<Client, Failure> {
        let profiles = std::fs::metadata(account::folders()?.profiles());
        let as_of = profiles.and_then(|file| file.modified()).ok();
        self.with_clients(|clients| {
            if clients.as_of != as_of {
                *clients = Clients { as_of, of: HashMap::new() };
            }
            if let Some(client) = clients.of.get(whose) {
                return Ok(client.clone());
            }
            let client = open(whose)?;
            clients.of.insert(whose.clone(), client.clone());
            Ok(client)
        })
    }

    fn with_clients<T>(&self, work: impl FnOnce(&mut Clients) -> T) -> T {
        work(&mut self.clients.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn open(whose: &Whose) -> Result<Client, Failure> {
    let builder = Account::choose(&whose.flags())?.builder();
    let builder = match &whose.client_id {
        Some(client_id) => builder.client_id(client_id),
        None => builder,
    };
    let builder = match whose.least_life {
        Some(seconds) => builder.least_life(Duration::from_secs(seconds)),
        None => builder,
    };
    builder.build().map_err(Failure::usage)
}

fn status() -> Result<Value, Failure> {
    let cache = Cache::in_folder(account::folders()?.sessions());
    let keys = cache.keys().map_err(explain::cache)?;
    // What cannot be read has nothing to show.
    let entries: Vec<Entry> = keys.iter().filter_map(|key| cache.read(key).ok().flatten()).collect();
    Ok(speech::status(&entries, SystemClock.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(owner: Option<u32>) -> String {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let agent = Agent::new(owner, Duration::from_secs(60));
        let asked = async {
            let (reader, mut writer) = theirs.into_split();
            // Who is hung up on cannot ask.
            let _hung_up = writer.write_all(b"{}\n").await;
            drop(writer);
            let mut heard = String::new();
            let _end = BufReader::new(reader).read_to_string(&mut heard).await;
            heard
        };
        tokio::join!(agent.talk(ours), asked).1
    }

    #[tokio::test]
    async fn only_the_owner_is_answered() {
        let us = UnixStream::pair().unwrap().0.peer_cred().unwrap().uid();
        assert!(heard(Some(us)).await.starts_with(r#"{"error":{"code":2,"#));
        assert_eq!(heard(Some(us + 1)).await, "");
        assert_eq!(heard(None).await, "");
    }
}
