//! The values that can be bound to a `?`: 64-bit integers, text and bytes.
//!
//! A value is never part of a statement's text (C-05). The types are few because PostgreSQL prepares a
//! statement with the parameter types of its first use: bound once with another kind of integer, it
//! would fail afterwards; a NULL has a type too.

use std::borrow::Cow;

use jiff::Timestamp;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, SqlSafeStr};

use crate::dialect::Dialect;

#[derive(Debug)]
pub(crate) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

impl Arg<'_> {
    pub(crate) fn bind<'q>(
        &self,
        query: Query<'q, Any, AnyArguments>,
    ) -> Query<'q, Any, AnyArguments> {
        match self {
            Self::Int(value) => query.bind(*value),
            Self::Text(value) => query.bind(value.as_deref()),
            Self::Bytes(value) => query.bind(value.as_deref()),
        }
    }
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

/// The limit of a query.
impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for Arg<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_microsecond()))
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

/// A statement with its parameters, in the database's own spelling. Its text consists of our own literals only; values
/// are always bound. Each connection prepares it once.
pub(crate) fn bind(sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Query<'static, Any, AnyArguments> {
    args.iter()
        .fold(sqlx::query(sql), |query, arg| arg.bind(query))
}

/// The same with a `?` for each parameter.
pub(crate) fn query(
    dialect: Dialect,
    sql: &str,
    args: &[Arg<'_>],
) -> Query<'static, Any, AnyArguments> {
    bind(AssertSqlSafe(dialect.sql(sql)), args)
}
