//! The rules of Latchkey: what a proof is, how long a session lives, what a token says.
//!
//! The crate touches nothing by itself: no socket, no file, no clock, no dice. It asks the [`Cx`] that it was handed.

pub mod access;
pub mod attempts;
pub mod audit;
pub mod client;
mod common;
pub mod cx;
pub mod entropy;
pub mod flow;
pub mod founding;
pub mod group;
pub mod identity_provider;
pub mod import;
pub mod key_set;
pub mod keyring;
pub mod log;
pub mod method;
pub mod name;
pub mod network;
pub mod oauth;
pub mod once;
pub mod org;
pub mod org_policy;
pub mod page;
pub mod password;
pub mod privilege;
pub mod revision;
pub mod revocation;
pub mod role;
pub mod roster;
pub mod saml;
pub mod scim;
pub mod session;
pub mod sign_in;
pub mod store;
mod strict_json;
mod texts;
mod throttle;
pub mod time;
pub mod token;
mod turns;
pub mod user;

pub use cx::{Cx, Needs, Operator};
