//! Our own administration, which the vendor does not have: `/latchkey/v1`, JSON, problems as RFC 9457 has them.

pub mod clients;
pub mod sessions;
