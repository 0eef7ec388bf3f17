//! The lockout of an account.

use super::User;
use crate::store::{BadRow, Kind, ReadStore, Record, Records, Row, RowReader, StoreError, Table};
use crate::values::UserId;

/// Locks unknown clients out of an account until a new password is set or the user signs in on a known device. It is a
/// record of its own, so that no write of the user discards it or becomes stale by it. An identifier without an account
/// causes the same write, for an id that no user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// The account.
    pub user_id: UserId,
    /// The account's security epoch at the lockout. A new password raises it, which ends the lockout.
    pub epoch: i64,
}

impl Lockout {
    /// Returns `true` if unknown clients are locked out of the user's current password. An account without a confirmed
    /// address is never locked out, because no mail could lift it.
    pub fn applies_to(&self, user: &User) -> bool {
        user.id == self.user_id && user.email.is_some() && user.security_epoch == self.epoch
    }

    /// Returns `true` if unknown clients are locked out of the account: one read.
    pub(crate) async fn is_in_force(
        store: &dyn ReadStore,
        user: &User,
    ) -> Result<bool, StoreError> {
        let lockout: Option<Self> = store.get(user.id).await?;
        Ok(lockout.is_some_and(|lockout| lockout.applies_to(user)))
    }
}

impl Record for Lockout {
    const TABLE: &'static Table = &Table {
        owner: Some("user_id"),
        columns: &[Kind::Id.column("user_id"), Kind::Int.column("epoch")],
        ..Table::new("lockouts")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("user_id", self.user_id.into()),
            ("epoch", self.epoch.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            epoch: row.int("epoch")?,
        })
    }
}
