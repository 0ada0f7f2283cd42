//! The private authority of one run: its certificates speak for the vendor's hosts and for nothing else.

use super::host::{ISSUER, VENDOR};
use domain::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, version};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// How many hosts are remembered; a program that names more pays for its certificates again.
const HOSTS: usize = 512;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate authority that lives in memory and ends with the run; its key is never written down.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: Timestamp,
    provider: Arc<CryptoProvider>,
    leaves: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The library does not make one, for example for a host that cannot be written in it.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// TLS does not take the one that was made.
    #[error("cannot use a certificate that was made just now")]
    Tls(#[from] rustls::Error),
}

impl Authority {
    /// Makes an authority for a month from `now`, the machine's time: callers judge certificates by their own clock.
    pub fn new(now: Timestamp) -> Result<Self, AuthorityError> {
        let mut params = lifetime(now, CertificateParams::default());
        params.distinguished_name.push(DnType::CommonName, "Latchkey emulator, made for one run");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints());
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)?;
        Ok(Self { issuer, now, provider: Arc::new(default_provider()), leaves: Mutex::default() })
    }

    /// The certificate of the authority, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The same in binary.
    pub fn der(&self) -> &[u8] {
        self.issuer.der()
    }

    /// What a server needs to be taken for `host`, made at the first call.
    pub fn leaf(&self, host: &str) -> Result<Arc<ServerConfig>, AuthorityError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = leaves.get(host) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.make(host)?);
        if leaves.len() >= HOSTS {
            leaves.clear();
        }
        leaves.insert(host.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    fn make(&self, host: &str) -> Result<ServerConfig, AuthorityError> {
        let mut params = lifetime(self.now, CertificateParams::new([host.to_owned()])?);
        params.distinguished_name.push(DnType::CommonName, "Latchkey emulator, not the vendor");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let chain = vec![params.signed_by(&key, &self.issuer)?.der().clone(), self.issuer.der().clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The vendor's domains, and no address at all.
fn constraints() -> NameConstraints {
    let domains = VENDOR.into_iter().chain([ISSUER]);
    let permitted_subtrees = domains.map(|domain| GeneralSubtree::DnsName(domain.to_owned())).collect();
    let addresses = [CidrSubnet::from_v4_prefix([0; 4], 0), CidrSubnet::from_v6_prefix([0; 16], 0)];
    NameConstraints { permitted_subtrees, excluded_subtrees: addresses.map(GeneralSubtree::IpAddress).into() }
}

/// From a day before `now`, for clocks that are a little slow, to a month after.
fn lifetime(now: Timestamp, mut params: CertificateParams) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + (now - DAY).since(Timestamp::default());
    params.not_after = epoch + (now + 30 * DAY).since(Timestamp::default());
    params.distinguished_name = DistinguishedName::new();
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    const NOW: Timestamp = Timestamp::from_seconds(1_787_395_152);

    /// Whether a leaf for `host` is believed by one who trusts the authority, some days from now.
    fn is_believed(authority: &Authority, host: &'static str, days: i64) -> bool {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let mut params = lifetime(NOW, CertificateParams::new([host.to_owned()]).unwrap());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let leaf = params.signed_by(&key, &authority.issuer).unwrap();
        let time = u64::try_from(NOW.as_seconds() + days * 86_400).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(time));
        let name = ServerName::try_from(host).unwrap();
        verifier.verify_server_cert(leaf.der(), &[], &name, &[], time).is_ok()
    }

    #[test]
    fn the_vendors_hosts_are_vouched_for_during_a_month() {
        let authority = Authority::new(NOW).unwrap();
        for host in ["dm-us.informaticacloud.com", "use4.dm-us.informaticaondemand.com", ISSUER] {
            assert!(is_believed(&authority, host, 0), "{host}");
        }
        for (days, believed) in [(-2, false), (29, true), (31, false)] {
            assert_eq!(is_believed(&authority, "a.informaticacloud.com", days), believed, "{days}");
        }
    }

    #[test]
    fn no_other_host_can_be_vouched_for() {
        let authority = Authority::new(NOW).unwrap();
        for host in ["example.com", "informaticacloud.com.example", "127.0.0.1"] {
            assert!(!is_believed(&authority, host, 0), "{host}");
        }
    }

    #[test]
    fn a_leaf_is_made_once_and_not_for_ever() {
        let authority = Authority::new(NOW).unwrap();
        let first = authority.leaf("a.informaticacloud.com").unwrap();
        assert!(Arc::ptr_eq(&first, &authority.leaf("a.informaticacloud.com").unwrap()));
        for number in 0..HOSTS {
            authority.leaf(&format!("{number}.informaticacloud.com")).unwrap();
        }
        assert!(!Arc::ptr_eq(&first, &authority.leaf("a.informaticacloud.com").unwrap()));
        assert!(authority.leaves.lock().unwrap().len() <= HOSTS);
    }

    #[test]
    fn two_runs_do_not_trust_each_other() {
        let [one, two] = [Authority::new(NOW).unwrap(), Authority::new(NOW).unwrap()];
        assert_ne!(one.der(), two.der());
        assert!(one.pem().starts_with("-----BEGIN CERTIFICATE-----"));
    }

    #[test]
    fn a_host_that_cannot_be_written_has_no_certificate() {
        assert!(matches!(
            Authority::new(NOW).unwrap().leaf("ü.informaticacloud.com"),
            Err(AuthorityError::Certificate(_))
        ));
    }
}
