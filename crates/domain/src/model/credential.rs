//! The credential of a user.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Record, Row, RowReader, Table};
use crate::values::{Secret, UserId};

/// A user's stored password hash.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The owner.
    pub user_id: UserId,
    /// A PHC string, or an imported format that `passwords::foreign` parses.
    pub password_hash: Secret<String>,
    /// When the password was set or rehashed.
    pub updated_at: Timestamp,
}

impl Record for Credential {
    const TABLE: &'static Table = &Table {
        owner: Some("user_id"),
        ..Table::new(
            "credentials",
            &[
                Kind::Id.column("user_id"),
                Kind::Key.column("password_hash"),
                Kind::Int.column("updated_at"),
            ],
        )
    };

    fn to_row(&self) -> Row {
        Row::new(
            Self::TABLE,
            [
                ("user_id", self.user_id.into()),
                ("password_hash", self.password_hash.expose().as_str().into()),
                ("updated_at", self.updated_at.into()),
            ],
        )
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            password_hash: Secret::new(row.text("password_hash")?),
            updated_at: row.time("updated_at")?,
        })
    }
}
