//! Pods: the first label of the hosts to which a sign-in sends its caller.

use serde::Deserialize;
use std::borrow::Cow;

/// The name of a pod, such as `usw5`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pod(String);

impl TryFrom<String> for Pod {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let good = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if good { Ok(Self(name)) } else { Err(format!("{name:?} is not the name of a pod such as usw5")) }
    }
}

impl Pod {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A body in which every address on a pod of the vendor is on this one.
    pub fn moved<'a>(&self, body: &'a str) -> Cow<'a, str> {
        let mut parts = body.split("https://");
        let mut moved = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            moved.push_str("https://");
            moved.push_str(&self.moved_address(part));
        }
        if moved == body { Cow::Borrowed(body) } else { Cow::Owned(moved) }
    }

    /// What follows `https://`, with this pod if it begins with a host on one.
    fn moved_address<'a>(&self, address: &'a str) -> Cow<'a, str> {
        const DOMAINS: [&str; 2] = ["informaticacloud.com", "informaticaondemand.com"];
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.');
        let host = address.split(end).next().unwrap_or_default();
        match host.split_once('.').and_then(|(_, rest)| rest.split_once('.')) {
            Some((_, domain)) if DOMAINS.contains(&domain) => {
                let rest = address.split_once('.').map_or("", |(_, rest)| rest);
                Cow::Owned(format!("{}.{rest}", self.0))
            }
            _ => Cow::Borrowed(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_a_pod_move_and_others_stay() {
        let pod = Pod::try_from("usw5".to_owned()).unwrap();
        assert_eq!(
            pod.moved(
                r#"{"serverUrl":"https://use4.dm-us.informaticacloud.com/saas","spiUrl":"https://dm-us.informaticacloud.com/a","x":"https://example.com"}"#
            ),
            r#"{"serverUrl":"https://usw5.dm-us.informaticacloud.com/saas","spiUrl":"https://dm-us.informaticacloud.com/a","x":"https://example.com"}"#
        );
        assert_eq!(
            pod.moved("<serverUrl>https://use4.dm-us.informaticacloud.com</serverUrl>"),
            "<serverUrl>https://usw5.dm-us.informaticacloud.com</serverUrl>"
        );
        assert!(matches!(pod.moved("{}"), Cow::Borrowed("{}")));
    }

    #[test]
    fn a_pod_is_one_label() {
        for bad in ["", "us.w5", "USW5", "a/b", "a b"] {
            assert!(Pod::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
