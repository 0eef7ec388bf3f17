//! Signing keys, newest first by `position`: clocks of nodes differ, and two keys may have the same time.

use doorward_domain::changes::ApplyError;
use doorward_domain::model::SigningKey;
use doorward_domain::ports::StoreError;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

/// The caller holds the lock `keys`, so no other process adds a key.
pub(crate) async fn rotate(
    transaction: &mut Transaction,
    key: &SigningKey,
    replaces: Option<&str>,
) -> Result<(), SqlError> {
    let newest = "SELECT kid, position FROM signing_keys ORDER BY position DESC LIMIT 1";
    let newest = match transaction.row(newest, &[]).await? {
        Some(row) => {
            let row = Row::new(&row, "signing_keys", "kid");
            Some((row.text("kid")?, row.int("position")?))
        }
        None => None,
    };
    let (kid, position) = newest.unzip();
    if kid.as_deref() != replaces {
        return Err(SqlError::Refused(ApplyError::Stale));
    }
    let retire = "UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL";
    transaction
        .execute(retire, &[key.created_at.into()])
        .await?;
    let insert = "INSERT INTO signing_keys (kid, position, public_half, sealed, created_at, retired_at) \
        VALUES (?, ?, ?, ?, ?, ?)";
    let args = [
        key.kid.as_str().into(),
        (position.unwrap_or(0) + 1).into(),
        key.public.as_slice().into(),
        key.sealed.as_slice().into(),
        key.created_at.into(),
        key.retired_at.into(),
    ];
    transaction.execute(insert, &args).await?;
    Ok(())
}

pub(crate) async fn delete(transaction: &mut Transaction, kid: &str) -> Result<(), SqlError> {
    let sql = "DELETE FROM signing_keys WHERE kid = ?";
    transaction.execute(sql, &[kid.into()]).await?;
    Ok(())
}

pub(crate) async fn list(store: &SqlStore) -> Result<Vec<SigningKey>, StoreError> {
    let sql = "SELECT kid, public_half, sealed, created_at, retired_at FROM signing_keys ORDER BY position DESC";
    let rows = store.rows("list signing keys", sql, &[]).await?;
    row::all("list signing keys", &rows, from_row)
}

fn from_row(row: &AnyRow) -> Result<SigningKey, BadRow> {
    let row = Row::new(row, "signing_keys", "kid");
    Ok(SigningKey {
        kid: row.text("kid")?,
        public: row.array("public_half")?,
        sealed: row.bytes("sealed")?,
        created_at: row.time("created_at")?,
        retired_at: row.opt_time("retired_at")?,
    })
}
