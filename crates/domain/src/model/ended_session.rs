//! A session that has ended, for a session store that may restore it.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Record, Row, RowReader, Table};
use crate::values::{SessionId, UserId};

/// Remembers that a session has ended, until it would have expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub id: SessionId,
    /// Its owner.
    pub user_id: UserId,
    /// Latest time at which the session could have expired.
    pub ends_at: Timestamp,
}

impl Record for EndedSession {
    const TABLE: &'static Table = &Table {
        expires: Some("ends_at"),
        owner: Some("user_id"),
        indexes: &[&["user_id"], &["ends_at"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Id.column("user_id"),
            Kind::Int.column("ends_at"),
        ],
        ..Table::new("ended_sessions")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.into()),
            ("user_id", self.user_id.into()),
            ("ends_at", self.ends_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: SessionId::from_bytes(row.array("id")?),
            user_id: UserId::from_bytes(row.array("user_id")?),
            ends_at: row.time("ends_at")?,
        })
    }
}
