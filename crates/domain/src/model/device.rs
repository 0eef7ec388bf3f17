//! Devices that an account was used from.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Query, Record, Row, RowReader, Table};
use crate::values::{Digest, UserId};

/// A program and a network that a user has signed in from. A sign-in from a program or a network without such a record
/// is reported to the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The user.
    pub user_id: UserId,
    /// The program and its system, such as `Firefox, Linux`.
    pub program: Option<String>,
    /// The network prefix.
    pub network: Option<String>,
    /// The last sign-in.
    pub last_used_at: Timestamp,
    /// When the device is forgotten.
    pub expires_at: Timestamp,
}

impl Device {
    /// The devices of a user.
    pub fn of_user(user_id: UserId) -> Query {
        Query::by::<Self>(&["user_id"]).equal(user_id)
    }

    /// The key: a program in a network has one record, which each sign-in replaces.
    fn id(&self) -> [u8; 16] {
        let parts = (&self.program, &self.network);
        let parts = serde_json::to_vec(&parts).expect("texts are JSON");
        Digest::of(&[self.user_id.as_bytes().as_slice(), &parts].concat()).prefix()
    }
}

impl Record for Device {
    const TABLE: &'static Table = &Table {
        expires: Some("expires_at"),
        owner: Some("user_id"),
        indexes: &[&["user_id"], &["expires_at"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Id.column("user_id"),
            Kind::Text.nullable("program"),
            Kind::Text.nullable("network"),
            Kind::Int.column("last_used_at"),
            Kind::Int.column("expires_at"),
        ],
        ..Table::new("devices")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id().as_slice().into()),
            ("user_id", self.user_id.into()),
            ("program", self.program.as_deref().into()),
            ("network", self.network.as_deref().into()),
            ("last_used_at", self.last_used_at.into()),
            ("expires_at", self.expires_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            program: row.opt_text("program")?,
            network: row.opt_text("network")?,
            last_used_at: row.time("last_used_at")?,
            expires_at: row.time("expires_at")?,
        })
    }
}
