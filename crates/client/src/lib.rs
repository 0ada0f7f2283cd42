//! The SDK: sign in once, hold the session, mint tokens, verify them, whichever login host speaks the protocol.

mod alive;
mod cache;
mod client;
mod credential;
mod exchange;
mod folders;
mod keyring;
mod keys;
#[cfg(feature = "tower")]
mod layer;
mod login_url;
mod profile;
mod reach;
mod refresh;
mod refusal;
pub mod region;
mod reply;
mod request;
mod seal;
mod service;
mod session;
mod sign_in;
mod system;
mod time;
mod token;
mod verify;

pub use cache::{Cache, CacheError, Entry, FileShelf, Hold, Key, Shelf};
pub use client::{BuildError, Builder, CLIENT_ID, Client};
pub use credential::{Ask, Credential, Family, NotAFamily, Source, SourceError};
pub use exchange::{NetworkError, Unreachable};
pub use folders::{Folders, Homeless};
pub use http::{Method, StatusCode};
pub use keyring::{Kept, shelf};
pub use keys::{KeySource, KeysError};
#[cfg(feature = "tower")]
pub use layer::{RequireToken, WithToken};
pub use login_url::{LoginUrl, NotALoginUrl, Plain};
pub use profile::{DEFAULT, NoLoginHost, NotAProfileName, Profile, ProfileName, Profiles, ProfilesError};
pub use refusal::Refusal;
pub use region::Region;
pub use request::{Call, CallError, Pass, Replay, Reply};
pub use reqwest::Url;
pub use seal::{Keep, NotAKeep};
pub use service::Service;
pub use session::{Session, Slides, Token};
pub use sign_in::SignInError;
pub use system::SystemClock;
pub use time::{Clock, Timestamp};
pub use token::TokenError;
pub use verify::{AUDIENCE, NotVerified, Verified, Verifier};
pub use wire::Secret;
pub use wire::jwt::EMULATOR_ISSUER;
