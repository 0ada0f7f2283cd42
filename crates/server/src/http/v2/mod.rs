//! Platform v2 (protocol.md 4): JSON, XML and forms in; JSON or XML out.

pub mod audit_log;
pub mod login;
pub mod login_oauth;
pub mod login_saml;
pub mod logout;
pub mod logout_all;
pub mod orgs;
pub mod people;
pub mod register;
pub mod server_time;
pub mod users;
pub mod valid_session_id;
