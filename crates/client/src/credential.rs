//! What one signs in with, and where the secret part of it comes from.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;
use wire::Secret;

/// The three families of endpoints where a password is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// identity-service.
    V1,
    /// Platform v2.
    V2,
    /// Platform v3, whose reply names every base URL.
    #[default]
    V3,
}

impl FromStr for Family {
    type Err = NotAFamily;

    fn from_str(text: &str) -> Result<Self, NotAFamily> {
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            _ => Err(NotAFamily),
        }
    }
}

/// This text is neither `v1`, `v2` nor `v3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a family is v1, v2 or v3")]
pub struct NotAFamily;

/// What one signs in with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A name and its password.
    Password {
        /// Where it is sent.
        family: Family,
        /// The name.
        user: String,
        /// The password.
        password: Source,
    },
    /// A SAML assertion in Base64, good for one sign-in (`loginSaml`).
    Saml {
        /// The org whose settings judge it.
        org_id: String,
        /// The assertion.
        assertion: Source,
    },
    /// A JWT of the company's own identity provider, good for one sign-in (`loginOAuth`).
    Bearer {
        /// The org where the provider is registered.
        org_id: String,
        /// The JWT.
        token: Source,
    },
    /// An OAuth client, which gets tokens but no session.
    Client {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Source,
    },
}

impl Credential {
    /// A name for whom this signs in, by which sessions are kept.
    pub fn user(&self) -> String {
        match self {
            Self::Password { user, .. } => user.clone(),
            Self::Saml { org_id, .. } => format!("saml:{org_id}"),
            Self::Bearer { org_id, .. } => format!("bearer:{org_id}"),
            Self::Client { id, .. } => format!("client:{id}"),
        }
    }

    pub(crate) fn source(&self) -> &Source {
        match self {
            Self::Password { password, .. } => password,
            Self::Saml { assertion, .. } => assertion,
            Self::Bearer { token, .. } => token,
            Self::Client { secret, .. } => secret,
        }
    }
}

/// Asks somebody for a secret.
pub type Ask = Arc<dyn Fn() -> Result<Secret, SourceError> + Send + Sync>;

/// Where a secret comes from. It is fetched only when a sign-in is really needed.
#[derive(Clone)]
pub enum Source {
    /// Here it is.
    Value(Secret),
    /// A command for the system's shell prints it; the newline at its end is not part of it.
    Command(String),
    /// A function gives it, on a thread where it may wait for a person.
    Ask(Ask),
}

impl Source {
    /// Fetches the secret.
    pub async fn fetch(&self) -> Result<Secret, SourceError> {
        let secret = match self {
            Self::Value(secret) => secret.clone(),
            Self::Command(command) => {
                let command = command.clone();
                apart(move || printed_by(&command)).await?
            }
            Self::Ask(ask) => {
                let ask = Arc::clone(ask);
                apart(move || ask()).await?
            }
        };
        if secret.expose().is_empty() { Err(SourceError::Empty) } else { Ok(secret) }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(..)"),
            Self::Command(_) => f.write_str("Command(..)"),
            Self::Ask(_) => f.write_str("Ask(..)"),
        }
    }
}

/// Why there is no secret.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It is empty.
    #[error("the password is empty")]
    Empty,
    /// Nobody answered.
    #[error("no password was given: {0}")]
    NotGiven(String),
    /// The command did not start.
    #[error("the password command did not start")]
    NotStarted(#[source] std::io::Error),
    /// The command failed, or printed no text.
    #[error("the password command failed: {0}")]
    Failed(String),
}

async fn apart(
    work: impl FnOnce() -> Result<Secret, SourceError> + Send + 'static,
) -> Result<Secret, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(SourceError::NotGiven("asking for it was cut short".to_owned())))
}

fn printed_by(command: &str) -> Result<Secret, SourceError> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut process = Command::new(shell);
    process.arg(flag).arg(command).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = process.output().map_err(SourceError::NotStarted)?;
    if !output.status.success() {
        return Err(SourceError::Failed(output.status.to_string()));
    }
    let printed = zeroize::Zeroizing::new(output.stdout);
    let text = str::from_utf8(&printed).map_err(|_| SourceError::Failed("it printed no text".to_owned()))?;
    Ok(Secret::new(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_prints_the_password() {
        let of = |command: &str| Source::Command(command.to_owned());
        assert_eq!(of("printf 'a b \\n'").fetch().await.unwrap().expose(), "a b ");
        assert!(matches!(of("exit 3").fetch().await, Err(SourceError::Failed(_))));
        assert!(matches!(of("true").fetch().await, Err(SourceError::Empty)));
    }

    #[tokio::test]
    async fn an_asked_person_may_refuse() {
        let source = Source::Ask(Arc::new(|| Err(SourceError::NotGiven("no terminal".to_owned()))));
        assert_eq!(source.fetch().await.unwrap_err().to_string(), "no password was given: no terminal");
        assert_eq!(format!("{source:?}"), "Ask(..)");
    }
}
