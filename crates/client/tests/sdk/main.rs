//! The SDK against the real service, and against servers that misbehave.
#![cfg(test)]

mod once;
mod refusals;
mod requests;
mod rude;
mod stories;
mod tokens;
mod world;
