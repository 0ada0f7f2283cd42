//! The shapes in which a credential leaves: for a variable, a header, a program, a shell, and curl.

use crate::account::Account;
use crate::error::Failure;
use crate::print;
use clap::ValueEnum;
use client::{Session, Token};
use serde_json::json;
use std::io;

/// How a credential is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The credential itself
    Raw,
    /// A header, name and value
    Header,
    /// JSON with its end and its org
    Json,
    /// Lines of NAME=value
    Env,
    /// A configuration for `curl -K -` with all headers
    Curl,
}

/// Prints a token.
pub fn print_token(
    token: &Token,
    session: Option<&Session>,
    account: &Account,
    format: Format,
) -> Result<(), Failure> {
    let value = plain(token.value.expose())?;
    let bearer = format!("Bearer {value}");
    match format {
        Format::Raw => print::line(value),
        Format::Header => print::line(&format!("Authorization: {bearer}")),
        Format::Json => print::line(
            &json!({
                "token": value,
                "login_url": account.login.as_str(),
                "user": account.user,
                "client_id": token.client_id,
                "org_id": token.org_id,
                "expires": token.expires.rfc3339(),
            })
            .to_string(),
        ),
        Format::Env => print_environment(&[
            ("IDMC_LOGIN_URL", account.login.as_str()),
            ("IDMC_ORG_ID", &token.org_id),
            ("IDMC_JWT", value),
        ])?,
        Format::Curl => {
            let session = session.map_or("", |session| session.id.expose());
            let headers = [("Authorization", bearer.as_str()), ("X-INFA-ORG-ID", &token.org_id)];
            print_for_curl(&[&headers[..], &[("IDS-SESSION-ID", session)]].concat())?;
        }
    }
    Ok(())
}

/// Prints a session.
pub fn print_session(session: &Session, account: &Account, format: Format) -> Result<(), Failure> {
    let id = plain(session.id.expose())?;
    match format {
        Format::Raw => print::line(id),
        Format::Header => print::line(&format!("INFA-SESSION-ID: {id}")),
        Format::Json => print::line(
            &json!({
                "session_id": id,
                "login_url": account.login.as_str(),
                "base_url": session.base_url,
                "user": session.user,
                "org_id": session.org_id,
                "org_name": session.org_name,
                "expires": session.expires.rfc3339(),
            })
            .to_string(),
        ),
        Format::Env => print_environment(&[
            ("IDMC_LOGIN_URL", account.login.as_str()),
            ("IDMC_BASE_URL", session.base_url.as_deref().unwrap_or_default()),
            ("IDMC_ORG_ID", &session.org_id),
            ("IDMC_SESSION_ID", id),
        ])?,
        Format::Curl => {
            print_for_curl(&[("INFA-SESSION-ID", id), ("IDS-SESSION-ID", id), ("icSessionId", id)])?;
        }
    }
    Ok(())
}

/// Variables for a program, empty ones left out.
pub fn environment(
    account: &Account,
    session: Option<&Session>,
    token: Option<&Token>,
) -> Vec<(&'static str, String)> {
    let org = session.map(|session| &session.org_id).filter(|org| !org.is_empty());
    let org = org.or(token.map(|token| &token.org_id)).cloned().unwrap_or_default();
    let base = session.and_then(|session| session.base_url.clone()).unwrap_or_default();
    let all = [
        ("IDMC_LOGIN_URL", account.login.to_string()),
        ("IDMC_BASE_URL", base),
        ("IDMC_SESSION_ID", session.map_or_else(String::new, |session| session.id.expose().to_owned())),
        ("IDMC_ORG_ID", org),
        ("IDMC_JWT", token.map_or_else(String::new, |token| token.value.expose().to_owned())),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn print_environment(variables: &[(&str, &str)]) -> Result<(), Failure> {
    let variables = variables.iter().filter(|(_, value)| !value.is_empty());
    let lines = variables.map(|(name, value)| Ok(format!("{name}={}", bare(value)?)));
    lines.collect::<Result<Vec<_>, Failure>>().map(|lines| print::line(&lines.join("\n")))
}

fn print_for_curl(headers: &[(&str, &str)]) -> Result<(), Failure> {
    let headers = headers.iter().filter(|(_, value)| !value.is_empty());
    let lines = headers.map(|(name, value)| {
        let value = plain(value)?.replace('\\', "\\\\").replace('"', "\\\"");
        Ok(format!("header = \"{name}: {value}\""))
    });
    lines.collect::<Result<Vec<_>, Failure>>().map(|lines| print::line(&lines.join("\n")))
}

/// A value in which nothing ends a line or a header.
fn plain(value: &str) -> Result<&str, Failure> {
    let fits = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    if value.chars().all(fits) { Ok(value) } else { Err(odd()) }
}

/// A value that no shell reads as anything else.
fn bare(value: &str) -> Result<&str, Failure> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.~:/@%+=,[]".contains(letter);
    if value.chars().all(fits) { Ok(value) } else { Err(odd()) }
}

fn odd() -> Failure {
    Failure::machine(io::Error::other("the login host gave a value with letters that have no place in it"))
        .hint("--format json prints whatever it is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_login_host_says_becomes_a_command_or_another_header() {
        for value in ["a;b", "a b", "$(a)", "a\nb", "`a`", "a'b", "a\"b", "a|b", "a&b", "a>b", "a*"] {
            assert!(bare(value).is_err(), "{value}");
        }
        for value in ["a\nb", "a\rb", "a\u{7f}", "a\u{1b}[2J", "é"] {
            assert!(plain(value).is_err(), "{value}");
        }
        assert_eq!(
            bare("https://usw1.dm-us.example:8470/saas").ok(),
            Some("https://usw1.dm-us.example:8470/saas")
        );
        assert_eq!(plain("5mYdXw9KcJhaf3LrN8pQ2v").ok(), Some("5mYdXw9KcJhaf3LrN8pQ2v"));
    }
}
