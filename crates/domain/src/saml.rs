//! SAML 2.0, this side of a sign-in: whom an org trusts, what it makes of what they say, and what they are told of us.

pub mod carry;
pub mod certificate;
pub(crate) mod key;
pub mod logout;
pub mod mapping;
pub mod metadata;
pub mod provider;
pub(crate) mod provision;
pub mod request;
pub mod service;
pub mod session;
pub mod sought;
pub(crate) mod values;
mod xml;
