//! What was asked: the last requests in their order, to be filtered and counted by tests and watched by people.

mod entry;
mod filter;

pub use entry::{By, Draft, Entry};
pub use filter::Filter;

use crate::asked::Asked;
use crate::mask::Mask;
use domain::entropy::Entropy;
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// How many requests are kept.
pub const ROOM: usize = 10_000;

/// The journal of a run.
#[derive(Debug)]
pub struct Journal {
    mask: Mask,
    kept: Mutex<Kept>,
    watchers: broadcast::Sender<Arc<Entry>>,
}

#[derive(Debug, Default)]
struct Kept {
    finished: u64,
    dropped: u64,
    entries: VecDeque<Arc<Entry>>,
}

/// Some entries, oldest first.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The entries that were asked for.
    #[serde(serialize_with = "each")]
    pub requests: Vec<Arc<Entry>>,
    /// How many entries were dropped since the journal was last cleared, for want of room.
    pub dropped: u64,
}

/// How many entries there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The number.
    pub count: usize,
}

impl Journal {
    /// An empty journal, whose marks are the same in every run with the same dice.
    pub fn new(dice: &dyn Entropy) -> Self {
        const BEHIND: usize = 1_024;
        let (watchers, _) = broadcast::channel(BEHIND);
        Self { mask: Mask::new(dice), kept: Mutex::default(), watchers }
    }

    /// The mark under which a session id or a token is in the journal.
    pub fn mark(&self, secret: &str) -> String {
        self.mask.mark(secret)
    }

    /// Writes down what may be kept of a request; its body with the content type, if the body was read.
    pub fn begin(&self, asked: &Asked, now: Timestamp, body: Option<(&[u8], &str)>) -> Draft {
        Draft::of(asked, now, body, &self.mask)
    }

    /// Keeps a request with what became of it: its status unless it got no answer, its fault, and who answered.
    pub fn finish(&self, draft: Draft, status: Option<StatusCode>, fault: Option<&str>, by: By) {
        let mut kept = self.kept();
        kept.finished += 1;
        let (n, status, fault) =
            (kept.finished, status.map(|status| status.as_u16()), fault.map(str::to_owned));
        let entry = Arc::new(Entry { n, status, fault, by, ..draft.0 });
        kept.keep(Arc::clone(&entry));
        // Sent before the lock is let go, so that watchers see the order of the journal; no watcher is no error.
        let _watched = self.watchers.send(entry);
    }

    /// The entries that a filter covers, oldest first.
    pub fn list(&self, filter: &Filter) -> Listing {
        let wanted = filter.with_mark(&self.mask);
        let kept = self.kept();
        let covered = kept.entries.iter().filter(|entry| wanted.covers(entry)).skip(filter.skip);
        let requests = covered.take(filter.limit.unwrap_or(ROOM)).map(Arc::clone).collect();
        Listing { requests, dropped: kept.dropped }
    }

    /// How many entries a filter covers; what it says of a page does not matter.
    pub fn count(&self, filter: &Filter) -> Count {
        let wanted = filter.with_mark(&self.mask);
        Count { count: self.kept().entries.iter().filter(|entry| wanted.covers(entry)).count() }
    }

    /// Forgets every entry; numbers go on, so that whoever asks for what is new misses nothing.
    pub fn clear(&self) {
        let mut kept = self.kept();
        kept.entries.clear();
        kept.dropped = 0;
    }

    /// Every entry from now on; a watcher that falls behind is told how many it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.watchers.subscribe()
    }

    /// Nothing that is done under the lock can leave the entries half changed, so a panic elsewhere does not matter.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, entry: Arc<Entry>) {
        if self.entries.len() == ROOM {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }
}

fn each<S: Serializer>(entries: &[Arc<Entry>], into: S) -> Result<S::Ok, S::Error> {
    into.collect_seq(entries.iter().map(|entry| &**entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::Front;
    use crate::faults::testing::{Dice, asked};

    const NOW: Timestamp = Timestamp::from_seconds(1_787_395_152);
    const ID: &str = "3fTqk0ZpXyLr9bWcV2uN7e";

    fn journal() -> Journal {
        Journal::new(&Dice::default())
    }

    fn note(journal: &Journal, asked: &Asked, status: u16, fault: Option<&str>) {
        let by = if fault.is_some() { By::Fault } else { By::Service };
        journal.finish(journal.begin(asked, NOW, None), StatusCode::from_u16(status).ok(), fault, by);
    }

    /// A sign-in, two calls of its session and a health check.
    fn story() -> Journal {
        let journal = journal();
        let mut login = asked("POST", "/saas/public/core/v3/login");
        login.user = Some("Ada".into());
        let mut call = asked("GET", "/saas/api/v2/job");
        call.user = login.user.clone();
        call.org = Some("5mYdXw9KcJhaf3LrN8pQ2v".into());
        call.front = Front::Vendor("use4.dm-us.informaticacloud.com".into());
        call.headers.insert("icsessionid", ID.parse().unwrap());
        note(&journal, &login, 200, None);
        note(&journal, &call, 200, None);
        note(&journal, &call, 401, Some("expire-mid-job"));
        note(&journal, &asked("GET", "/healthz"), 0, Some("fault-2"));
        journal
    }

    #[test]
    fn an_entry_holds_what_was_asked_and_what_became_of_it() {
        let journal = journal();
        let mut login = asked("POST", "/ma/api/v2/user/login");
        login.front = Front::Vendor("DM-us.informaticacloud.com".into());
        login.query = Some("token=x".into());
        login.user = Some("ada".into());
        login.headers.insert("content-type", "application/json".parse().unwrap());
        let body = br#"{"username":"ada","password":"correct horse"}"#;
        let draft = journal.begin(&login, NOW, Some((body, "application/json")));
        journal.finish(draft, Some(StatusCode::FORBIDDEN), Some("locked-account"), By::Fault);
        let listing = serde_json::to_string(&journal.list(&Filter::default())).unwrap();
        let mark = journal.mark("x").replace("session", "token");
        assert_eq!(
            listing,
            format!(
                r#"{{"requests":[{{"n":1,"time":"2026-08-22T10:39:12.000Z","host":"dm-us.informaticacloud.com","method":"POST","path":"/ma/api/v2/user/login","query":"token={mark}","user":"ada","headers":{{"content-type":"application/json"}},"body":{{"username":"ada","password":"***"}},"status":403,"fault":"locked-account","by":"fault"}}],"dropped":0}}"#
            )
        );
    }

    #[test]
    fn equal_runs_have_equal_journals() {
        let text = || serde_json::to_string(&story().list(&Filter::default())).unwrap();
        assert_eq!(text(), text());
    }

    #[test]
    fn a_filter_covers_what_it_says() {
        let journal = story();
        let mark = journal.mark(ID);
        for (query, expected) in [
            ("", vec![1, 2, 3, 4]),
            ("path=/saas/**", vec![1, 2, 3]),
            ("path=/saas/api/v2/*&status=401", vec![3]),
            ("method=post", vec![1]),
            ("status=2xx", vec![1, 2]),
            ("status=none", vec![4]),
            ("user=ADA", vec![1, 2, 3]),
            ("org=5mYdXw9KcJhaf3LrN8pQ2v", vec![2, 3]),
            ("host=*.DM-us.*", vec![2, 3]),
            (&format!("session={mark}"), vec![2, 3]),
            (&format!("session={ID}"), vec![2, 3]),
            ("fault=expire-mid-job", vec![3]),
            ("fault=*", vec![3, 4]),
            ("by=service", vec![1, 2]),
            ("since=2", vec![3, 4]),
            ("skip=1&limit=2", vec![2, 3]),
            ("limit=0", vec![]),
        ] {
            let filter = Filter::read(query).unwrap();
            let numbers: Vec<_> = journal.list(&filter).requests.iter().map(|entry| entry.n).collect();
            assert_eq!(numbers, expected, "{query}");
        }
        let count = |query| journal.count(&Filter::read(query).unwrap()).count;
        assert_eq!((count("status=200"), count("limit=1"), count("path=/nobody")), (2, 4, 0));
    }

    #[test]
    fn a_filter_that_is_none_says_which_field() {
        for (query, told) in [
            (
                "pth=/",
                "pth: is not known here, where there are: path, method, status, user, org, host, session, fault, by, since, skip, limit",
            ),
            ("status=abc", "status: \"abc\" is neither a status nor one of 4xx and none"),
            ("since=-1", "since: \"-1\" is not a whole number"),
            (
                "by=me",
                "by: unknown variant `me`, expected one of `service`, `stub`, `upstream`, `fault`, `nobody`",
            ),
            ("path=/a&path=/b", "path: is there more than once"),
        ] {
            assert_eq!(Filter::read(query).unwrap_err().to_string(), told, "{query}");
        }
    }

    #[test]
    fn the_oldest_make_room_and_clearing_forgets() {
        let journal = journal();
        (0..ROOM + 3).for_each(|_| note(&journal, &asked("GET", "/"), 200, None));
        let listing = journal.list(&Filter::default());
        assert_eq!((listing.requests.len(), listing.dropped, listing.requests[0].n), (ROOM, 3, 4));
        journal.clear();
        note(&journal, &asked("GET", "/"), 200, None);
        let listing = journal.list(&Filter::default());
        assert_eq!((listing.requests.len(), listing.dropped, listing.requests[0].n), (1, 0, ROOM as u64 + 4));
    }

    #[tokio::test]
    async fn a_watcher_sees_what_comes() {
        let journal = story();
        let mut watcher = journal.subscribe();
        note(&journal, &asked("GET", "/later"), 404, None);
        assert_eq!(watcher.recv().await.unwrap().path, "/later");
    }
}
