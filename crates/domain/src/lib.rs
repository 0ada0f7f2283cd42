//! The rules of Latchkey: what a proof is, what a session is, what a token says. It touches nothing by itself.

pub mod entropy;
pub mod method;
pub mod time;
