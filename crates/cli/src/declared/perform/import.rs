//! New users come many at once, without a password: `latchkey user password` gives them one.

use super::{Act, Change, Kind, Site, Thing, given};
use crate::admin::{Place, text};
use crate::error::Failure;
use crate::print;
use serde_json::Value;
use std::io;

/// New users in one request.
pub const BATCH: usize = 500;

/// Whether this is one of them.
pub fn is_new_user(change: &Change) -> bool {
    change.act == Act::Add && change.thing == Thing::Record(Kind::User)
}

impl Site<'_> {
    pub(super) async fn import(&self, batch: &[&Change]) -> Result<(), Failure> {
        let Some(first) = batch.first() else { return Ok(()) };
        let mut body = String::new();
        for change in batch {
            let mut user = given(change);
            user.insert("name".to_owned(), change.record.name.clone().into());
            body.push_str(&Value::Object(user).to_string());
            body.push('\n');
        }
        let place = Place::own("users/import").with(&[("orgId", &self.org(first))]);
        let answer = self.admin.import(place, body.into()).await?;
        let mut lines = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for change in batch {
            let told: Value =
                lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
            match text(&told, "result").as_str() {
                "added" | "unchanged" => print::note(&format!("added {}", change.subject())),
                _ => {
                    let reason = Some(text(&told, "reason")).filter(|reason| !reason.is_empty());
                    let reason = reason.unwrap_or_else(|| "the answer broke off".to_owned());
                    return Err(Failure::refused(io::Error::other(reason)).while_doing(change.subject()));
                }
            }
        }
        Ok(())
    }
}
