//! How much of a PostgreSQL database this node takes, and what it proves itself with.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The connections to the database that `store` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// File with the password of the database's user; the environment variable `PGPASSWORD` when absent.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authorities that may sign the database's certificate; those of this machine when absent.
    pub authorities: Option<PathBuf>,
    /// How many connections this node opens at most.
    pub connections: u32,
    /// Seconds to open one.
    pub connect_seconds: u32,
    /// Seconds that a request waits for one that is free.
    pub wait_seconds: u32,
    /// Seconds that a statement may take.
    pub statement_seconds: u32,
    /// How often a transaction is tried that surely was not committed.
    pub tries: u32,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            password_file: None,
            authorities: None,
            connections: 16,
            connect_seconds: 5,
            wait_seconds: 5,
            statement_seconds: 10,
            tries: 10,
        }
    }
}
