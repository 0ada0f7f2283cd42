//! Which hosts may see a session: it is a password, so a wrong URL must not give it away.

use crate::client::Inner;
use crate::login_url::may_carry_secrets;
use reqwest::Url;

/// The domain under which the vendor's services are.
const VENDOR: &str = "informaticacloud.com";

impl Inner {
    /// Whether credentials may go to this URL: the login host and hosts below it, the pod that the sign-in named and its
    /// service hosts, the vendor's other hosts if the login host is the vendor's, and what the caller trusts.
    pub(crate) fn trusts(&self, url: &Url, base_url: Option<&str>) -> bool {
        let Some(host) = url.host_str() else { return false };
        if !may_carry_secrets(url, self.plain) {
            return false;
        }
        let login = self.login.host();
        let base = base_url.and_then(|base| Url::parse(base).ok());
        let base = base.as_ref().and_then(Url::host_str);
        host == login
            || is_below(host, login)
            || (is_below(login, VENDOR) && is_below(host, VENDOR))
            || base.is_some_and(|base| host == base || is_service_of(host, base))
            || self.hosts.iter().any(|trusted| trusted == host)
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// `usw1-mdm.dm-us.example.com` is a service of the pod `usw1.dm-us.example.com`.
fn is_service_of(host: &str, pod: &str) -> bool {
    let (Some((label, domain)), Some((pod_label, pod_domain))) = (host.split_once('.'), pod.split_once('.'))
    else {
        return false;
    };
    domain == pod_domain && label.strip_prefix(pod_label).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    fn trusts(login: &str, base: &str, url: &str) -> bool {
        let client = Client::builder(login).trusted_host("api.partner.example").build().unwrap();
        client.0.trusts(&Url::parse(url).unwrap(), Some(base))
    }

    #[test]
    fn credentials_go_where_the_sign_in_pointed() {
        let (login, base) = ("https://id.corp.example", "https://usw1.pods.corp.example/saas");
        for (url, trusted) in [
            ("https://id.corp.example/x", true),
            ("https://usw1.pods.corp.example/saas/api/v2/task", true),
            ("https://usw1-mdm.pods.corp.example/x", true),
            ("https://sub.id.corp.example/x", true),
            ("https://api.partner.example/x", true),
            ("http://id.corp.example/x", false),
            ("https://corp.example/x", false),
            ("https://evil-id.corp.example/x", false),
            ("https://usw1-mdm.pods.evil.example/x", false),
            ("https://usw1evil.pods.corp.example/x", false),
            ("https://usw1.dm-us.informaticacloud.com/x", false),
        ] {
            assert_eq!(trusts(login, base, url), trusted, "{url}");
        }
    }

    #[test]
    fn the_vendors_hosts_belong_together() {
        let (login, base) =
            ("https://dm-us.informaticacloud.com", "https://usw1.dm-us.informaticacloud.com/saas");
        assert!(trusts(login, base, "https://idmc-api.dm-us.informaticacloud.com/data360/x"));
        assert!(trusts(login, base, "https://cdgc-api.dm-us.informaticacloud.com/x"));
        assert!(!trusts(login, base, "https://notinformaticacloud.com/x"));
        assert!(!trusts(login, base, "https://informaticacloud.com.evil.example/x"));
    }
}
