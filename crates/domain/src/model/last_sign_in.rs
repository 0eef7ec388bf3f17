//! The last sign-in of a user.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Record, Row, RowReader, Table};
use crate::values::UserId;

/// When a user last signed in. It is a record of its own, so that a sign-in changes neither the version of the user nor its
/// `ETag`. Devices and audit events expire, and a session ends, so none of them can replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSignIn {
    /// The user.
    pub user_id: UserId,
    /// The time of the sign-in.
    pub at: Timestamp,
}

impl Record for LastSignIn {
    const TABLE: &'static Table = &Table {
        owner: Some("user_id"),
        ..Table::new(
            "last_sign_ins",
            &[Kind::Id.column("user_id"), Kind::Int.column("signed_in_at")],
        )
    };

    fn to_row(&self) -> Row {
        let columns = [
            ("user_id", self.user_id.into()),
            ("signed_in_at", self.at.into()),
        ];
        Row::new(Self::TABLE, columns)
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            at: row.time("signed_in_at")?,
        })
    }
}
