//! Values on their way to PostgreSQL and back, in its binary form.

use crate::db::{DbError, Outcome, Row, Statement, Value};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Any = Box<dyn Error + Sync + Send>;

/// The type that a value has unless the statement says otherwise. Without one `$8 - 1` would be a small integer.
pub fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

/// What one statement did, from its rows and its tag.
pub fn outcome(statement: &Statement, rows: Vec<Row>, tagged: u64) -> Result<Outcome, DbError> {
    // The tag of a question counts its rows.
    let changed = if is_question(statement.sql) { 0 } else { tagged };
    if statement.must_change && changed == 0 && rows.is_empty() {
        return Err(DbError::Unchanged);
    }
    Ok(Outcome { changed, rows })
}

fn is_question(text: &str) -> bool {
    text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

/// A row as the nouns read it.
pub fn row(found: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    (0..found.len()).map(|column| found.try_get(column)).collect::<Result<_, _>>().map(Row)
}

/// A value and the type that the statement wants do not fit. It does not say which value.
#[derive(Debug, thiserror::Error)]
#[error("a value does not fit the type {0}")]
struct Misfit(Type);

impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Any> {
        let misfit = || Misfit(wanted.clone());
        match (self, wanted) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(number), &Type::INT8) => number.to_sql(wanted, out),
            (Self::Int(number), &Type::INT4) => {
                i32::try_from(*number).map_err(|_| misfit())?.to_sql(wanted, out)
            }
            (Self::Text(text), &(Type::TEXT | Type::VARCHAR | Type::UNKNOWN)) => text.to_sql(wanted, out),
            (Self::Blob(bytes), &Type::BYTEA) => bytes.to_sql(wanted, out),
            _ => Err(misfit().into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, Any> {
        Ok(match *found {
            Type::INT8 => Self::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(found, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(found, raw)?.into()),
            Type::TEXT | Type::VARCHAR | Type::UNKNOWN => Self::Text(String::from_sql(found, raw)?),
            Type::BYTEA => Self::Blob(Vec::from_sql(found, raw)?),
            ref other => return Err(Misfit(other.clone()).into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Any> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
