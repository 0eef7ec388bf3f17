//! Ids of deleted users.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Record, Row, RowReader, Table};
use crate::values::UserId;

/// Remembers that a user was deleted: its id is not used again, and its personal data in the audit log is
/// erased (L-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedUser {
    /// The id of the user.
    pub id: UserId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl Record for DeletedUser {
    const TABLE: &'static Table = &Table {
        columns: &[Kind::Id.column("id"), Kind::Int.column("deleted_at")],
        ..Table::new("deleted_users")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.into()),
            ("deleted_at", self.deleted_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: UserId::from_bytes(row.array("id")?),
            deleted_at: row.time("deleted_at")?,
        })
    }
}
