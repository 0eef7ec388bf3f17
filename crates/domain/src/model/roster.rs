//! The active admins.

use std::collections::BTreeSet;

use super::User;
use crate::store::{BadRow, Batch, Kind, Record, Row, RowReader, Table, Write};
use crate::values::UserId;

/// The ids of all active admins, in one record. Every batch that adds or removes one replaces it by its version, so that
/// concurrent writes cannot together remove the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// The active admins.
    pub admins: BTreeSet<UserId>,
    /// Incremented by every replacement; 0 if the record does not exist yet.
    pub version: i64,
}

/// No active admin would be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastAdmin;

impl Roster {
    /// The primary key column.
    pub const KEY: &'static str = "roster";
    /// The key of the record.
    pub const ADMINS: &'static str = "admins";

    /// Returns `true` if replacing `read` by `changed` adds or removes an active admin. `None` is a user that does not
    /// exist.
    pub fn is_concerned(read: Option<&User>, changed: Option<&User>) -> bool {
        let is_admin = |user: Option<&User>| user.is_some_and(User::is_active_admin);
        is_admin(read) != is_admin(changed)
    }

    /// The writes for users that become active admins, and for one that no longer is one. Fails with `Stale` or `Taken` if
    /// another write has changed the roster.
    pub fn changed(
        &self,
        added: impl IntoIterator<Item = UserId>,
        removed: Option<UserId>,
    ) -> Result<Batch, LastAdmin> {
        let mut next = self.clone();
        next.admins.extend(added);
        if let Some(id) = removed {
            next.admins.remove(&id);
        }
        if next.admins == self.admins {
            return Ok(Batch::new());
        }
        if next.admins.is_empty() {
            return Err(LastAdmin);
        }
        next.version += 1;
        Ok(vec![match self.version {
            0 => Write::insert(&next),
            version => Write::replace(&next, version),
        }])
    }
}

impl Record for Roster {
    const TABLE: &'static Table = &Table {
        version: Some("version"),
        columns: &[
            Kind::Key.column(Self::KEY),
            Kind::Text.column("members"),
            Kind::Int.column("version"),
        ],
        ..Table::new("rosters")
    };

    fn to_row(&self) -> Row {
        let members: Vec<_> = self.admins.iter().map(UserId::to_string).collect();
        Self::row([
            (Self::KEY, Self::ADMINS.into()),
            ("members", members.join(" ").into()),
            ("version", self.version.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let ids = |text: &str| text.split_whitespace().map(|id| id.parse().ok()).collect();
        Ok(Self {
            admins: row.parsed("members", ids)?,
            version: row.int("version")?,
        })
    }
}
