//! What clients of the nodes do: seeded, over all nodes at random, and written down until it can be compared.

use super::tally::{Kind, Tally};
use super::wire::{Answer, Board, Wire};
use super::{BOUND, PASSWORD};
use crate::crash::{LOGOUTS, SIGN_INS};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use tokio::time::Instant;

/// How many clients there are; each has a user of its own, and an administrator who ends that user's sessions.
pub const CLIENTS: usize = 5;

/// More sessions than that, and a client logs out.
const MOST_LIVE: usize = 8;

/// Something that was good until an acknowledged end.
pub struct Ended {
    pub what: String,
    pub at: Instant,
}

/// What one client holds the service to.
#[derive(Default)]
pub struct Ledger {
    pub live: Vec<String>,
    pub ended: Vec<Ended>,
    pub tokens: Vec<String>,
    pub withdrawn: Vec<Ended>,
    pub added: Vec<String>,
    pub tally: Tally,
}

/// What has to be acknowledged before the client can go on, for nobody knows whether it was done.
enum Repair {
    Enable,
    Password,
}

pub struct Client {
    number: usize,
    user: String,
    user_id: String,
    password: String,
    administrator: Option<String>,
    repair: Option<Repair>,
    passwords: u32,
    wire: Wire,
    dice: fastrand::Rng,
    ledger: Ledger,
}

impl Client {
    pub fn new(number: usize, user_id: String, board: &Arc<Board>, dice: fastrand::Rng) -> Self {
        Self {
            number,
            user: format!("guest.{number}"),
            user_id,
            password: PASSWORD.to_owned(),
            administrator: None,
            repair: None,
            passwords: 0,
            wire: Wire::new(Arc::clone(board)),
            dice,
            ledger: Ledger::default(),
        }
    }

    /// Acts until it is told to stop; each acknowledgement is told.
    pub fn work(mut self, stop: &AtomicBool, acknowledged: &Sender<()>) -> Ledger {
        while !stop.load(Ordering::Relaxed) {
            let before = self.ledger.tally.acknowledged();
            self.act();
            for _ in before..self.ledger.tally.acknowledged() {
                // Nobody listens when the scenario waits for something else.
                let _ = acknowledged.send(());
            }
        }
        // What nobody knows at the end is found out when all nodes serve again.
        self.ledger
    }

    fn act(&mut self) {
        if self.repair.is_some() {
            return self.mend();
        }
        match self.dice.u8(..100) {
            _ if self.ledger.live.len() > MOST_LIVE => self.log_out(),
            0..25 => self.sign_in(),
            25..45 => self.check(),
            45..60 => self.check_ended(),
            60..72 => self.mint(),
            72..79 => self.check_token(),
            79..90 => self.log_out(),
            90..93 => self.end_all(),
            93..95 => self.disable(),
            95..97 => self.change_password(),
            _ => self.add_user(),
        }
    }

    /// Notes a refusal that says come back later, and anything that no answer may be.
    fn note(&mut self, doing: &str, answer: Answer) {
        self.ledger.tally.refused(doing, answer);
    }

    fn sign_in(&mut self) {
        let (path, pointer) = SIGN_INS[self.dice.usize(..SIGN_INS.len())];
        let body = json!({ "username": self.user, "password": self.password });
        match self.wire.post(self.wire.any(&mut self.dice), path, None, &body) {
            Answer::Yes(told) => match told.pointer(pointer).and_then(Value::as_str) {
                Some(session) => {
                    self.ledger.live.push(session.to_owned());
                    self.ledger.tally.did(Kind::SignIn);
                }
                None => self.ledger.tally.strange(format!("sign-in: {told}")),
            },
            Answer::No(status) => {
                let known = format!("user {} with its password: {status}", self.user);
                self.ledger.tally.lost.push(known);
            }
            other => self.note("sign-in", other),
        }
    }

    fn any_of(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.dice.usize(..count))
    }

    fn check(&mut self) {
        let Some(index) = self.any_of(self.ledger.live.len()) else { return self.sign_in() };
        let session = self.ledger.live[index].clone();
        match self.wire.check(self.wire.any(&mut self.dice), &session) {
            Answer::Yes(_) => self.ledger.tally.did(Kind::Check),
            Answer::No(status) => {
                self.ledger.live.swap_remove(index);
                self.ledger.tally.lost.push(format!("session of {}: {status} while it lives", self.user));
            }
            other => self.note("check", other),
        }
    }

    fn check_ended(&mut self) {
        // One of the last: the others were asked for often enough.
        let from = self.ledger.ended.len().saturating_sub(6);
        let Some(index) = self.any_of(self.ledger.ended.len() - from) else { return self.sign_in() };
        let Ended { what, at } = &self.ledger.ended[from + index];
        let (what, at, node) = (what.clone(), *at, self.wire.any(&mut self.dice));
        let sent = at.elapsed();
        let answer = self.wire.check(node, &what);
        self.judge("session", node, sent, answer);
    }

    /// What ended so long before the question must be refused.
    fn judge(&mut self, what: &str, node: usize, sent: std::time::Duration, answer: Answer) {
        match answer {
            Answer::Yes(_) if sent >= BOUND => {
                let late = format!("{what} of {}, node {node}, {sent:?} after its end", self.user);
                self.ledger.tally.late.push(late);
            }
            Answer::Yes(_) => self.ledger.tally.longest = self.ledger.tally.longest.max(sent),
            Answer::No(_) => self.ledger.tally.did(Kind::Refusal),
            other => self.note("check of what has ended", other),
        }
    }

    fn mint(&mut self) {
        let Some(index) = self.any_of(self.ledger.live.len()) else { return self.sign_in() };
        let session = self.ledger.live[index].clone();
        match self.wire.mint(self.wire.any(&mut self.dice), &session) {
            Answer::Yes(told) => {
                let token = told["jwt_token"].as_str().unwrap_or_default().to_owned();
                self.ledger.tally.did(Kind::Mint);
                self.verify(&token);
                self.ledger.tokens.push(token);
            }
            Answer::No(status) => {
                self.ledger.live.swap_remove(index);
                self.ledger.tally.lost.push(format!("session of {}: {status} at minting", self.user));
            }
            other => self.note("mint", other),
        }
    }

    /// A token is good on every node from the moment that somebody has it.
    fn verify(&mut self, token: &str) {
        let node = self.wire.any(&mut self.dice);
        match self.wire.gate(node, token) {
            Answer::Yes(_) => self.ledger.tally.did(Kind::Verify),
            Answer::No(status) => {
                self.ledger.tally.lost.push(format!("token of {}: {status} at node {node}", self.user));
            }
            other => self.note("gate", other),
        }
    }

    fn check_token(&mut self) {
        if self.dice.bool()
            && let Some(index) = self.any_of(self.ledger.withdrawn.len())
        {
            let Ended { what, at } = &self.ledger.withdrawn[index];
            let (what, at, node) = (what.clone(), *at, self.wire.any(&mut self.dice));
            let sent = at.elapsed();
            let answer = self.wire.gate(node, &what);
            return self.judge("token", node, sent, answer);
        }
        let Some(index) = self.any_of(self.ledger.tokens.len()) else { return self.mint() };
        let token = self.ledger.tokens[index].clone();
        self.verify(&token);
    }

    fn log_out(&mut self) {
        let Some(index) = self.any_of(self.ledger.live.len()) else { return self.sign_in() };
        // From here on nobody may rely on it; once it is acknowledged nobody may accept it.
        let session = self.ledger.live.swap_remove(index);
        let path = LOGOUTS[self.dice.usize(..LOGOUTS.len())];
        match self.wire.post(self.wire.any(&mut self.dice), path, Some(&session), &json!({})) {
            Answer::Yes(_) => {
                self.ledger.tally.did(Kind::Logout);
                self.ledger.ended.push(Ended { what: session, at: Instant::now() });
            }
            Answer::No(status) => {
                self.ledger.tally.lost.push(format!("session of {}: {status} at logout", self.user));
            }
            other => self.note("logout", other),
        }
    }

    /// The administrator's session; it is opened when there is none.
    fn administrator(&mut self) -> Option<String> {
        if self.administrator.is_none() {
            let body = json!({ "username": format!("admin.{}", self.number), "password": PASSWORD });
            let (path, pointer) = SIGN_INS[0];
            match self.wire.post(self.wire.any(&mut self.dice), path, None, &body) {
                Answer::Yes(told) => {
                    self.ledger.tally.did(Kind::SignIn);
                    let session = told.pointer(pointer).and_then(Value::as_str);
                    self.administrator = session.map(str::to_owned);
                }
                Answer::No(status) => self.ledger.tally.lost.push(format!("administrator: {status}")),
                other => self.note("sign-in of the administrator", other),
            }
        }
        self.administrator.clone()
    }

    /// Takes up what the user has before something is asked for that ends it.
    fn all_at_stake(&mut self) -> (Vec<String>, Vec<String>) {
        (std::mem::take(&mut self.ledger.live), std::mem::take(&mut self.ledger.tokens))
    }

    fn have_ended(&mut self, sessions: Vec<String>, tokens: Vec<String>) {
        let at = Instant::now();
        self.ledger.tally.did(Kind::Revocation);
        self.ledger.ended.extend(sessions.into_iter().map(|what| Ended { what, at }));
        self.ledger.withdrawn.extend(tokens.into_iter().map(|what| Ended { what, at }));
    }

    fn end_all(&mut self) {
        let Some(administrator) = self.administrator() else { return };
        let (sessions, tokens) = self.all_at_stake();
        let path = format!("/latchkey/v1/users/{}/sessions", self.user_id);
        match self.wire.delete(self.wire.any(&mut self.dice), &path, &administrator) {
            Answer::Yes(_) => self.have_ended(sessions, tokens),
            other => self.administrator_heard("end of all sessions", other),
        }
    }

    fn administrator_heard(&mut self, doing: &str, answer: Answer) {
        match answer {
            Answer::No(status) => {
                self.administrator = None;
                self.ledger.tally.lost.push(format!("administrator: {status} at {doing}"));
            }
            other => self.note(doing, other),
        }
    }

    fn disable(&mut self) {
        let Some(administrator) = self.administrator() else { return };
        let (sessions, tokens) = self.all_at_stake();
        self.repair = Some(Repair::Enable);
        match self.set_state(&administrator, "Inactive") {
            Answer::Yes(_) => self.have_ended(sessions, tokens),
            other => self.administrator_heard("disabling", other),
        }
        self.mend();
    }

    fn set_state(&mut self, administrator: &str, state: &str) -> Answer {
        let path = format!("/saas/public/core/v3/users/{}", self.user_id);
        self.wire.patch(self.wire.any(&mut self.dice), &path, administrator, &json!({ "state": state }))
    }

    fn change_password(&mut self) {
        let Some(administrator) = self.administrator() else { return };
        let (sessions, tokens) = self.all_at_stake();
        self.repair = Some(Repair::Password);
        if let Some(answer) = self.give_password(&administrator) {
            return self.administrator_heard("change of a password", answer);
        }
        self.have_ended(sessions, tokens);
    }

    /// Gives the user the next password; nothing when that was acknowledged.
    fn give_password(&mut self, administrator: &str) -> Option<Answer> {
        self.passwords += 1;
        let password = format!("{PASSWORD} {}", self.passwords);
        let body = json!({ "userId": self.user_id, "newPassword": password });
        let path = "/saas/public/core/v3/Users/ChangePassword";
        match self.wire.post(self.wire.any(&mut self.dice), path, Some(administrator), &body) {
            Answer::Yes(_) => {
                self.password = password;
                self.repair = None;
                None
            }
            other => Some(other),
        }
    }

    fn mend(&mut self) {
        let Some(administrator) = self.administrator() else { return };
        let answer = match self.repair {
            None => return,
            Some(Repair::Password) => self.give_password(&administrator),
            Some(Repair::Enable) => match self.set_state(&administrator, "Active") {
                Answer::Yes(_) => {
                    self.repair = None;
                    None
                }
                other => Some(other),
            },
        };
        match answer {
            None => self.ledger.tally.did(Kind::Change),
            Some(answer) => self.administrator_heard("what nobody knew the end of", answer),
        }
    }

    fn add_user(&mut self) {
        let Some(administrator) = self.administrator() else { return };
        let name = format!("added.{}.{}", self.number, self.dice.u64(..));
        let body = json!({ "name": name, "firstName": "Ad", "lastName": "Ded", "email": "a@acme.test",
            "password": PASSWORD, "roles": ["Designer"] });
        let path = "/saas/public/core/v3/users";
        match self.wire.post(self.wire.any(&mut self.dice), path, Some(&administrator), &body) {
            Answer::Yes(_) => {
                self.ledger.tally.did(Kind::Change);
                self.ledger.added.push(name);
            }
            other => self.administrator_heard("adding a user", other),
        }
    }
}
