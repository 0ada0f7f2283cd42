//! The client's commands as people run them, against a real service.

mod keeping;
mod oauth;
mod once;
mod refused;
mod secrets;
mod transcripts;
pub mod world;
