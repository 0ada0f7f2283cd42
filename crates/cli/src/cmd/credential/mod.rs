//! `latchkey credential`: a token in the words of a tool that asks a helper program for it.

mod shape;

use super::block_on;
use crate::account::{Account, AccountArgs};
use crate::error::Failure;
use crate::explain;
use crate::print;
use client::{CallError, Client, Service, Token, TokenError, Url};
use std::io::Read;

/// A tool's request is shorter than this.
const MOST: u64 = 64 * 1024;

/// Arguments of `credential`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  latchkey credential --for kubernetes --profile prod
  git config --global credential.https://git.example.com.helper '!latchkey credential --for git --trust git.example.com'
  echo https://registry.example.com | latchkey credential --for docker --trust registry.example.com get
  latchkey credential --for netrc --trust api.example.com > .netrc
  latchkey credential --for maven

docker, git and netrc get a token only for the login host, its services, and hosts named with --trust.")]
pub struct CredentialArgs {
    /// The tool that asks
    #[arg(long = "for", value_name = "TOOL", value_enum)]
    pub tool: Tool,
    /// What it wants done, which docker and git say by themselves; only `get` does anything
    #[arg(default_value = "get")]
    pub action: String,
    /// Another host that may be given the token; may be repeated
    #[arg(long, value_name = "HOST")]
    pub trust: Vec<String>,
    /// The client of the token [default: idmc_api]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Whose token it is.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// The tools whose words are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tool {
    /// An ExecCredential of client.authentication.k8s.io/v1
    Kubernetes,
    /// A credential helper: reads a registry on stdin
    Docker,
    /// A credential helper: reads protocol and host on stdin
    Git,
    /// JSON of credential_process, for stores that take a token; AWS itself does not
    AwsProcess,
    /// A server for settings.xml that reads the token from the environment
    Maven,
    /// A line per host
    Netrc,
}

/// Prints what the tool reads.
pub fn run(args: CredentialArgs) -> Result<(), Failure> {
    if args.tool == Tool::Maven {
        print::line(shape::MAVEN);
        return Ok(());
    }
    let asks_by_stdin = matches!(args.tool, Tool::Docker | Tool::Git);
    if asks_by_stdin && args.action != "get" {
        return keep_nothing(&args);
    }
    let account = Account::choose(&args.account)?;
    let builder = args.trust.iter().fold(account.builder(), |builder, host| builder.trusted_host(host));
    let builder = match &args.client_id {
        Some(client_id) => builder.client_id(client_id),
        None => builder,
    };
    let giver = Giver { client: builder.build().map_err(Failure::usage)?, user: account.user };
    block_on(async {
        let said = match args.tool {
            Tool::Kubernetes => shape::kubernetes(&giver.token().await?),
            Tool::AwsProcess => shape::aws_process(&giver.user, &giver.token().await?),
            Tool::Docker => giver.docker().await?,
            Tool::Git => giver.git().await?,
            Tool::Netrc => giver.netrc(&args.trust).await?,
            Tool::Maven => String::new(),
        };
        if !said.is_empty() {
            print::line(&said);
        }
        Ok(())
    })
}

/// A helper that keeps nothing of its own has nothing to store, to erase or to list.
fn keep_nothing(args: &CredentialArgs) -> Result<(), Failure> {
    // The tool must not find its pipe closed.
    heard()?;
    if args.tool == Tool::Docker && args.action == "list" {
        print::line("{}");
    }
    Ok(())
}

fn heard() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().take(MOST).read_to_string(&mut text).map_err(Failure::usage)?;
    Ok(text)
}

/// Who gives tokens away, and in whose name.
struct Giver {
    client: Client,
    user: String,
}

impl Giver {
    async fn token(&self) -> Result<Token, Failure> {
        let host = self.client.login_url().as_str();
        self.client.token().await.map_err(|error| explain::token(error, host))
    }

    /// A token for a place that may see it; none for any other.
    async fn token_for(&self, place: &str) -> Result<Option<Token>, Failure> {
        let place = if place.contains("://") { place.to_owned() } else { format!("https://{place}") };
        let Ok(url) = Url::parse(&place) else { return Ok(None) };
        // Any service that takes a token alone.
        match self.client.credentials(&url, Service::Marketplace).await {
            Ok(_allowed) => self.token().await.map(Some),
            Err(CallError::ForeignHost { .. }) => Ok(None),
            Err(CallError::Token(error)) => Err(self.explain(error)),
            Err(error) => Err(Failure::machine(error)),
        }
    }

    fn explain(&self, error: TokenError) -> Failure {
        explain::token(error, self.client.login_url().as_str())
    }

    /// docker takes one sentence for "ask somebody else", on stdout, with exit code 1.
    async fn docker(&self) -> Result<String, Failure> {
        let registry = heard()?.trim().to_owned();
        let Some(token) = self.token_for(&registry).await? else {
            print::line("credentials not found in native keychain");
            let foreign = std::io::Error::other(format!("{registry} is not a host of this login"));
            return Err(Failure::refused(foreign).hint("name it with --trust if it may see the token"));
        };
        Ok(shape::docker(&registry, &self.user, &token))
    }

    /// git goes on to ask somebody else when it gets nothing.
    async fn git(&self) -> Result<String, Failure> {
        let heard = heard()?;
        let Some(place) = shape::git_place(&heard) else { return Ok(String::new()) };
        let token = self.token_for(&place).await?;
        Ok(token.map(|token| shape::git(&self.user, &token)).unwrap_or_default())
    }

    async fn netrc(&self, trusted: &[String]) -> Result<String, Failure> {
        let token = self.token().await?;
        let login = self.client.login_url().host();
        let hosts = std::iter::once(login).chain(trusted.iter().map(String::as_str));
        let lines: Vec<String> = hosts.map(|host| shape::netrc(host, &self.user, &token)).collect();
        Ok(lines.join("\n"))
    }
}
