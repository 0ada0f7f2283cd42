//! An entry in the Common Event Format, version 0: a header between bars, then pairs.

use domain::audit::chain::Sealed;
use serde_json::Value;

/// One line for an entry.
pub fn event(entry: &Sealed) -> String {
    let event: Value = serde_json::from_str(&entry.event).unwrap_or_default();
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let name = word("/event").unwrap_or("unknown").replace(['|', '\\', '\n', '\r'], "_");
    let pairs = [
        ("rt", Some((entry.at.as_micros() / 1_000).to_string())),
        ("externalId", Some(entry.seq.to_string())),
        ("suid", word("/by").or(word("/user")).map(str::to_owned)),
        ("duid", word("/by").and(word("/user")).map(str::to_owned)),
        ("src", word("/visit/address").map(str::to_owned)),
        ("reason", word("/reason").map(str::to_owned)),
        ("cs1Label", entry.org.map(|_| "org".to_owned())),
        ("cs1", entry.org.map(|org| org.base62())),
        ("msg", Some(entry.event.clone())),
    ];
    let pairs =
        pairs.iter().filter_map(|(key, value)| Some(format!("{key}={}", value_of(value.as_deref()?))));
    let (version, pairs) = (env!("CARGO_PKG_VERSION"), pairs.collect::<Vec<_>>().join(" "));
    format!("CEF:0|Latchkey|latchkey|{version}|{name}|{}|{}|{pairs}", name.replace('_', " "), severity(&name))
}

/// From 0 to 10; what somebody should look at is above 5.
fn severity(name: &str) -> u8 {
    match name {
        "sign_in_refused" | "assertion_refused" | "logout_refused" => 4,
        "locked_attempts" | "key_rotated" | "org_sessions_ended" => 6,
        _ if name.starts_with("identity_provider_")
            || name.starts_with("client_secret_")
            || name.ends_with("_written") =>
        {
            6
        }
        "restored" | "audit_cut" | "not_recorded" => 8,
        _ => 2,
    }
}

fn value_of(text: &str) -> String {
    text.replace('\\', r"\\").replace('=', r"\=").replace('\n', r"\n").replace('\r', r"\r")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::audit::chain::Link;
    use domain::time::Timestamp;

    #[test]
    fn an_entry_is_one_line() {
        let event = r#"{"event":"sign_in_refused","user":"000000000000000000000B","reason":"disabled","visit":{"address":"::1"},"x":"a=b\\n"}"#;
        let entry = Sealed {
            seq: 7,
            at: Timestamp::from_micros(1_787_395_152_736_999),
            org: None,
            event: event.into(),
            hash: Link::NOTHING,
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            super::event(&entry),
            format!(
                r#"CEF:0|Latchkey|latchkey|{version}|sign_in_refused|sign in refused|4|rt=1787395152736 externalId=7 suid=000000000000000000000B src=::1 reason=disabled msg={{"event":"sign_in_refused","user":"000000000000000000000B","reason":"disabled","visit":{{"address":"::1"}},"x":"a\=b\\\\n"}}"#
            )
        );
    }
}
