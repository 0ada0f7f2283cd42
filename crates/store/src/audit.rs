//! The record of what happened, written in the transaction that makes it happen.

use crate::db::{Statement, sql};
use domain::audit::Entry;

const APPEND: &str = "INSERT INTO audit (seq, at, org_id, event)
    SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3 FROM audit";

/// The statement that appends an entry.
pub fn append(entry: &Entry) -> Statement {
    // An event is plain words and ids; writing it as JSON cannot fail.
    let event = serde_json::to_string(&entry.event).unwrap_or_default();
    let org = entry.event.org().map(|org| org.bits().to_be_bytes());
    sql(APPEND).bind(entry.at.as_micros()).bind(org).bind(event)
}
