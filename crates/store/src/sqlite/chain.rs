//! The one function that SQLite is taught: the hash of an entry, so that it is reckoned where the order is decided.

use domain::audit::chain::{Link, Written};
use domain::time::Timestamp;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error};
use wire::OrgId;

/// Teaches a connection `audit_hash(before, seq, at, org_id, event)`; without a hash before it, there is none.
pub fn teach(connection: &Connection) -> Result<(), Error> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("audit_hash", 5, flags, hash)
}

fn hash(values: &Context<'_>) -> Result<Option<[u8; 32]>, Error> {
    let Some(before) = values.get::<Option<[u8; 32]>>(0)? else { return Ok(None) };
    let org = values.get::<Option<[u8; 16]>>(3)?.map(|bytes| OrgId::from_bits(u128::from_be_bytes(bytes)));
    let event = values.get_raw(4).as_str()?;
    let at = Timestamp::from_micros(values.get(2)?);
    Ok(Some(Written { seq: values.get(1)?, at, org, event }.after(Link(before)).0))
}
