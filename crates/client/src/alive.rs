//! Whether a session is alive: asked of the login host, and known from its use.

use crate::cache::CacheError;
use crate::client::Inner;
use crate::session::Session;
use crate::time::Timestamp;
use http::header;
use serde::Deserialize;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::header::IC_SESSION_ID;

/// A slide of less than this is not worth a write: other processes may think that the session ends so much earlier.
const SLIDE: Duration = Duration::from_secs(5 * 60);

impl Inner {
    /// Asks for the session without sliding it (`validSessionId`). No answer counts as no.
    pub(crate) async fn is_alive(&self, session: &Session) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Probe {
            is_valid_token: bool,
        }
        let (Some(base), Ok(http)) = (&session.base_url, self.exchange.http()) else { return false };
        let url = format!("{base}/api/v2/user/validSessionId");
        if !reqwest::Url::parse(&url).is_ok_and(|url| self.trusts(&url, Some(base))) {
            return false;
        }
        let id = session.id.expose();
        let body = json!({"@type": "validatedToken", "userName": session.user, "icToken": id});
        let request = http
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(IC_SESSION_ID, crate::sign_in::sensitive(id))
            .body(body.to_string());
        tracing::debug!("asking {base} whether the session is alive");
        match self.exchange.ask(request).await {
            Ok(answer) => {
                let probe = serde_json::from_slice::<Probe>(&answer.body);
                answer.status.is_success() && probe.is_ok_and(|probe| probe.is_valid_token)
            }
            Err(_no_answer) => false,
        }
    }

    /// Slides the session as its server did, in memory at once and on disk now and then.
    pub(crate) fn used(&self, session: &Session) {
        let now = self.clock.now();
        let slid = self.change(|known| {
            let ours = known.session.take_if(|ours| ours.id.expose() == session.id.expose())?;
            known.session = Some(ours.used(now));
            known.session.clone()
        });
        let kept = Timestamp::from_millis(self.kept_until.load(Ordering::Relaxed));
        if let Some(slid) = slid.filter(|slid| slid.expires.since(kept) >= SLIDE) {
            self.keep_slid(slid).unwrap_or_else(|error| {
                tracing::debug!("the use of a session is not kept: {error}");
            });
        }
    }

    fn keep_slid(&self, slid: Session) -> Result<(), CacheError> {
        let Some(cache) = &self.cache else { return Ok(()) };
        // Whoever refreshes right now writes a better end than this one.
        let Some(hold) = cache.try_lock(&self.key)? else { return Ok(()) };
        let Some(mut entry) = hold.read()? else { return Ok(()) };
        if entry.session.as_ref().is_some_and(|kept| kept.id.expose() == slid.id.expose()) {
            self.kept_until.store(slid.expires.as_millis(), Ordering::Relaxed);
            entry.session = Some(slid);
            hold.write(&entry)?;
        }
        Ok(())
    }
}
