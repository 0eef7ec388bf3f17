//! The last sign-in of a user.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::store::{BadRow, Kind, ReadStore, Record, Records, Row, RowReader, StoreError, Table};
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

impl LastSignIn {
    /// When the user last signed in; `None` if never.
    pub(crate) async fn time_of(
        store: &dyn ReadStore,
        user_id: UserId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let last: Option<Self> = store.get(user_id).await?;
        Ok(last.map(|last| last.at))
    }

    /// When each of these users last signed in. Users who never did are omitted.
    pub(crate) async fn times_of(
        store: &dyn ReadStore,
        users: Vec<UserId>,
    ) -> Result<HashMap<UserId, Timestamp>, StoreError> {
        let last: Vec<Self> = store.get_all(users).await?;
        Ok(last.iter().map(|last| (last.user_id, last.at)).collect())
    }
}

impl Record for LastSignIn {
    const TABLE: &'static Table = &Table {
        owner: Some("user_id"),
        indexes: &[&["signed_in_at"]],
        columns: &[Kind::Id.column("user_id"), Kind::Int.column("signed_in_at")],
        ..Table::new("last_sign_ins")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("user_id", self.user_id.into()),
            ("signed_in_at", self.at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            at: row.time("signed_in_at")?,
        })
    }
}
