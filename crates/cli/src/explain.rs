//! What went wrong between a client and its login host, in words that say what to do.

use crate::error::Failure;
use client::{CacheError, NotVerified, SignInError, SourceError, TokenError};

/// Why nobody is signed in.
pub fn sign_in(error: SignInError, host: &str) -> Failure {
    let hint = sign_in_hint(&error);
    let failure = match error {
        SignInError::Refused { .. }
        | SignInError::RefusedBefore { .. }
        | SignInError::Locked { .. }
        | SignInError::OtherRegion { .. }
        | SignInError::TooManySessions { .. }
        | SignInError::NoSecret(_)
        | SignInError::NoCredential
        | SignInError::NoSession => Failure::refused(error),
        SignInError::TooMany { .. }
        | SignInError::WrongUrl(_)
        | SignInError::Network(_)
        | SignInError::Server { .. }
        | SignInError::Interrupted
        | SignInError::Cache(_) => Failure::machine(error),
    };
    failure.while_doing(format!("not signed in to {host}")).hint(hint)
}

/// Why there is no token.
pub fn token(error: TokenError, host: &str) -> Failure {
    let hint = match &error {
        TokenError::SignIn(_) => "",
        TokenError::Refused { .. } => "name another client with --client-id",
        TokenError::TooMany { .. } => "try again in a minute",
        TokenError::Network(_) => NETWORK,
        TokenError::Server { .. } => SERVER,
    };
    let failure = match error {
        TokenError::SignIn(error) => return sign_in(error, host),
        TokenError::Refused { .. } => Failure::refused(error),
        TokenError::TooMany { .. } | TokenError::Network(_) | TokenError::Server { .. } => {
            Failure::machine(error)
        }
    };
    failure.while_doing(format!("no token from {host}")).hint(hint)
}

/// Why a token is not good.
pub fn not_verified(error: NotVerified) -> Failure {
    let (failure, hint) = match &error {
        NotVerified::NoKeys(_) => (
            Failure::machine(error).while_doing("the token cannot be judged"),
            "name the key set with --jwks, as a URL or a file",
        ),
        NotVerified::Issuer(_) => {
            (not_good(error), "name the issuer with --issuer, or its login host with --url")
        }
        NotVerified::Emulated => (not_good(error), "if you mean an emulator, say so with --emulator"),
        NotVerified::Audience => (not_good(error), "name the audience with --audience"),
        NotVerified::UnknownKey => (not_good(error), "name the key set of the issuer with --jwks"),
        NotVerified::Ended(_) => (not_good(error), "`latchkey token` prints one that is alive"),
        NotVerified::Early(_) => (not_good(error), "set the clock of this machine"),
        _ => return not_good(error),
    };
    failure.hint(hint)
}

/// Why the cache does not do what was asked.
pub fn cache(error: CacheError) -> Failure {
    Failure::machine(error).hint("name a folder that may be written in LATCHKEY_STATE_DIR")
}

const NETWORK: &str = "check the address, the network and HTTPS_PROXY";
const SERVER: &str = "try again later; the login host says it cannot help it";

fn not_good(error: NotVerified) -> Failure {
    Failure::refused(error).while_doing("the token is not good")
}

fn sign_in_hint(error: &SignInError) -> String {
    let hint = match error {
        SignInError::Refused { .. } => {
            "check the user, the password and the login host; nothing is sent again by itself"
        }
        SignInError::RefusedBefore { .. } => {
            "set the right password; if it is right after all, `latchkey login --again` sends it once more"
        }
        SignInError::Locked { .. } => "wait until the lock ends, or ask an administrator to unlock the user",
        SignInError::OtherRegion { login_url: Some(url), .. } => {
            return format!("run `latchkey login --url {url}`");
        }
        SignInError::OtherRegion { login_url: None, .. } => "name the user's own login host with --url",
        SignInError::TooManySessions { .. } => {
            "end sessions with `latchkey logout`, or wait until some expire"
        }
        SignInError::TooMany { .. } => "try again in a minute",
        SignInError::WrongUrl(_) => "a login host is like https://dm-us.informaticacloud.com, without a path",
        SignInError::Network(_) => NETWORK,
        SignInError::Server { .. } => SERVER,
        SignInError::NoSecret(SourceError::NotGiven(_)) | SignInError::NoCredential => {
            "run `latchkey login`, or set LATCHKEY_PASSWORD"
        }
        SignInError::NoSecret(_) => "check the password command, or set LATCHKEY_PASSWORD",
        SignInError::NoSession => "`latchkey token` prints a token",
        SignInError::Interrupted => "try again",
        SignInError::Cache(_) => "name a folder that may be written in LATCHKEY_STATE_DIR",
    };
    hint.to_owned()
}
