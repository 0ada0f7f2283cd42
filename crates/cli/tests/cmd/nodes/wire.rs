//! Requests to the nodes, and what their answers mean.

use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use ureq::http::Response;
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

const CARRIER: &str = "IDS-SESSION-ID";

/// Where each node is just now.
#[derive(Default)]
pub struct Board(RwLock<Vec<String>>);

impl Board {
    pub fn set(&self, node: usize, url: &str) {
        let mut urls = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let count = urls.len().max(node + 1);
        urls.resize(count, String::new());
        urls[node] = url.to_owned();
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("{}{path}", self.0.read().unwrap_or_else(PoisonError::into_inner)[node])
    }

    fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// 2xx, with its body if that is JSON.
    Yes(Value),
    /// 401 or 403.
    No(u16),
    /// 429 or 503 with `Retry-After`, or 409: somebody else was quicker, or this node has not heard yet who was.
    Later,
    /// Nobody accepted the connection.
    Unreached,
    /// The connection, or the time that a request has (408), ended before the answer did: nobody knows.
    Torn,
    /// What no answer may be.
    Strange(String),
}

pub struct Wire {
    board: Arc<Board>,
    agent: Agent,
}

impl Wire {
    pub fn new(board: Arc<Board>) -> Self {
        // Each request has a connection of its own, so one that is refused was surely not acted on.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(super::PATIENCE));
        Self { board, agent: config.build().into() }
    }

    /// Any of the nodes.
    pub fn any(&self, dice: &mut fastrand::Rng) -> usize {
        dice.usize(..self.board.len())
    }

    pub fn post(&self, node: usize, path: &str, session: Option<&str>, body: &Value) -> Answer {
        let request = self.agent.post(self.board.url(node, path)).content_type("application/json");
        let request = session.into_iter().fold(request, |request, session| request.header(CARRIER, session));
        meaning(request.send(body.to_string()))
    }

    pub fn patch(&self, node: usize, path: &str, session: &str, body: &Value) -> Answer {
        let request = self.agent.patch(self.board.url(node, path)).content_type("application/json");
        meaning(request.header(CARRIER, session).send(body.to_string()))
    }

    pub fn delete(&self, node: usize, path: &str, session: &str) -> Answer {
        meaning(self.agent.delete(self.board.url(node, path)).header(CARRIER, session).call())
    }

    fn get(&self, node: usize, path: &str) -> RequestBuilder<WithoutBody> {
        self.agent.get(self.board.url(node, path))
    }

    pub fn check(&self, node: usize, session: &str) -> Answer {
        meaning(self.get(node, "/session-service/api/v1/session/User").header(CARRIER, session).call())
    }

    pub fn mint(&self, node: usize, session: &str) -> Answer {
        let path = "/identity-service/api/v1/jwt/Token?client_id=idmc_api&nonce=1";
        meaning(self.get(node, path).header(CARRIER, session).call())
    }

    pub fn gate(&self, node: usize, token: &str) -> Answer {
        meaning(self.get(node, "/gate").header("Authorization", format!("Bearer {token}")).call())
    }

    pub fn is_ready(&self, node: usize) -> bool {
        matches!(meaning(self.get(node, "/readyz").call()), Answer::Yes(_))
    }

    /// What time it is for the node, as a second of the day.
    pub fn second_of_day(&self, node: usize) -> i64 {
        let answer = self.get(node, "/healthz").call().expect("a node that runs answers");
        let date = answer.headers()["date"].to_str().expect("text");
        let time = date.split(' ').find(|word| word.contains(':')).expect("a date has a time");
        let numbers = time.split(':').map(|number| number.parse::<i64>().expect("a number"));
        numbers.fold(0, |sum, number| sum * 60 + number)
    }

    /// A number of the node's metrics.
    pub fn metric(&self, node: usize, name: &str) -> f64 {
        let answer = self.get(node, "/metrics").call().expect("a node that runs tells its numbers");
        let text = answer.into_body().read_to_string().expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the metric is there");
        line.trim().parse().expect("a number")
    }
}

fn meaning(answer: Result<Response<Body>, ureq::Error>) -> Answer {
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(ureq::Error::ConnectionFailed) => return Answer::Unreached,
        Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            return Answer::Unreached;
        }
        Err(ureq::Error::Timeout(_)) => return Answer::Strange("no answer in time".to_owned()),
        Err(_) => return Answer::Torn,
    };
    let (status, may_retry) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
    let Ok(body) = answer.body_mut().read_to_string() else { return Answer::Torn };
    match status {
        200..300 => Answer::Yes(serde_json::from_str(&body).unwrap_or(Value::Null)),
        401 | 403 => Answer::No(status),
        429 | 503 if may_retry => Answer::Later,
        409 => Answer::Later,
        408 => Answer::Torn,
        _ => Answer::Strange(format!("{status} {body}")),
    }
}
