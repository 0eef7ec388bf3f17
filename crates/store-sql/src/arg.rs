//! The values that can be bound to a `?`: 64-bit integers, text and bytes.
//!
//! A value is never part of a statement's text (C-05). The types are few because PostgreSQL prepares a
//! statement with the parameter types of its first use: bound once with another kind of integer, it
//! would fail from then on; a NULL has a type too. To bind a new type: a `From` here.

use std::borrow::Cow;
use std::net::IpAddr;

use doorward_domain::model::Version;
use doorward_domain::values::{AuditEventId, Digest, EmailAddress, MailJobId, SessionId, UserId};
use jiff::Timestamp;
use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

#[derive(Debug)]
pub(crate) enum Arg<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

impl Arg<'_> {
    /// The same value, owned.
    pub(crate) fn into_owned(self) -> Arg<'static> {
        match self {
            Self::Int(value) => Arg::Int(value),
            Self::Text(value) => Arg::Text(value.map(|text| text.into_owned().into())),
            Self::Bytes(value) => Arg::Bytes(value.map(|bytes| bytes.into_owned().into())),
        }
    }

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

impl From<Option<i64>> for Arg<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Version> for Arg<'_> {
    fn from(value: Version) -> Self {
        Self::Int(Some(value.0))
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

impl From<Option<Timestamp>> for Arg<'_> {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_microsecond))
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<&'a EmailAddress> for Arg<'a> {
    fn from(value: &'a EmailAddress) -> Self {
        value.as_str().into()
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<String> for Arg<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl From<Option<IpAddr>> for Arg<'_> {
    fn from(value: Option<IpAddr>) -> Self {
        Self::Text(value.map(|address| Cow::Owned(address.to_string())))
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<Option<&'a [u8]>> for Arg<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value.map(Cow::Borrowed))
    }
}

impl<'a> From<Option<&'a Digest>> for Arg<'a> {
    fn from(value: Option<&'a Digest>) -> Self {
        value.map(|digest| digest.as_bytes().as_slice()).into()
    }
}

impl<'a> From<&'a Digest> for Arg<'a> {
    fn from(value: &'a Digest) -> Self {
        value.as_bytes().as_slice().into()
    }
}

impl From<Option<UserId>> for Arg<'_> {
    fn from(value: Option<UserId>) -> Self {
        Self::Bytes(value.map(|id| Cow::Owned(id.as_bytes().to_vec())))
    }
}

impl From<UserId> for Arg<'_> {
    fn from(value: UserId) -> Self {
        Some(value).into()
    }
}

impl From<SessionId> for Arg<'_> {
    fn from(value: SessionId) -> Self {
        Self::Bytes(Some(Cow::Owned(value.as_bytes().to_vec())))
    }
}

impl From<MailJobId> for Arg<'_> {
    fn from(value: MailJobId) -> Self {
        Self::Bytes(Some(Cow::Owned(value.as_bytes().to_vec())))
    }
}

impl From<AuditEventId> for Arg<'_> {
    fn from(value: AuditEventId) -> Self {
        Self::Bytes(Some(Cow::Owned(value.as_bytes().to_vec())))
    }
}
