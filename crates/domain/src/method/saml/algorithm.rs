//! Signatures that are accepted (RFC 9231), and what verifies them. The key has to be of the same kind.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    VerificationAlgorithm,
};

/// Beside its name, what verifies it.
type Algorithm = (&'static str, &'static dyn VerificationAlgorithm);

/// With RSA, wherever a signature stands.
static RSA: [Algorithm; 6] = [
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", &RSA_PKCS1_2048_8192_SHA256),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", &RSA_PKCS1_2048_8192_SHA384),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", &RSA_PKCS1_2048_8192_SHA512),
    ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", &RSA_PSS_2048_8192_SHA256),
    ("http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1", &RSA_PSS_2048_8192_SHA384),
    ("http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", &RSA_PSS_2048_8192_SHA512),
];

/// On elliptic curves, where a signature stands beside a message: there each goes with the hash of its own strength.
static CURVES: [Algorithm; 3] = [
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", &ECDSA_P256_SHA256_FIXED),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", &ECDSA_P384_SHA384_FIXED),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", &ECDSA_P521_SHA512_FIXED),
];

/// What an org may allow for a provider that cannot do better.
static WEAK: [Algorithm; 1] =
    [("http://www.w3.org/2000/09/xmldsig#rsa-sha1", &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY)];

/// Whether a signature by this algorithm may stand in a message.
pub(super) fn is_strong(name: &str) -> bool {
    RSA.iter().chain(&CURVES).any(|(known, _)| *known == name)
}

/// What verifies a signature with RSA by this algorithm, which was accepted before.
pub(super) fn rsa(name: &str) -> Option<&'static dyn VerificationAlgorithm> {
    named(RSA.iter().chain(&WEAK), name)
}

/// What verifies a signature by this algorithm beside a message; `None` when it is not accepted.
pub(super) fn verifier(name: &str, allow_sha1: bool) -> Option<&'static dyn VerificationAlgorithm> {
    let weak = WEAK.iter().filter(|_| allow_sha1);
    named(RSA.iter().chain(&CURVES).chain(weak), name)
}

fn named(
    mut all: impl Iterator<Item = &'static Algorithm>,
    name: &str,
) -> Option<&'static dyn VerificationAlgorithm> {
    all.find(|(known, _)| *known == name).map(|(_, verifier)| *verifier)
}
