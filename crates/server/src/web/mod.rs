//! Pages for people: plain HTML that works without a script, over the same rules as every other door.

pub mod asked;
pub mod cookies;
pub mod home;
pub mod logout;
pub mod page;
pub mod password;
pub mod saml;
pub mod visitor;
