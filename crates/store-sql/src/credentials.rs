//! Password hashes: one row for each user.

use doorward_domain::model::Credential;
use doorward_domain::ports::StoreError;
use doorward_domain::values::{Secret, UserId};
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

/// Inserts or replaces it. If two processes insert at the same time, one fails and is retried.
pub(crate) async fn put(
    transaction: &mut Transaction,
    credential: &Credential,
) -> Result<(), SqlError> {
    let args = [
        credential.password_hash.expose().as_str().into(),
        credential.updated_at.into(),
        credential.user_id.into(),
    ];
    let update = "UPDATE credentials SET password_hash = ?, updated_at = ? WHERE user_id = ?";
    if transaction.execute(update, &args).await? == 0 {
        let insert =
            "INSERT INTO credentials (password_hash, updated_at, user_id) VALUES (?, ?, ?)";
        transaction.execute(insert, &args).await?;
    }
    Ok(())
}

/// Replaces the hash that was verified, unless the password was changed in the meantime.
pub(crate) async fn rehash(
    transaction: &mut Transaction,
    credential: &Credential,
    old: &Secret<String>,
) -> Result<(), SqlError> {
    let sql = "UPDATE credentials SET password_hash = ?, updated_at = ? WHERE user_id = ? AND password_hash = ?";
    let args = [
        credential.password_hash.expose().as_str().into(),
        credential.updated_at.into(),
        credential.user_id.into(),
        old.expose().as_str().into(),
    ];
    transaction.execute(sql, &args).await?;
    Ok(())
}

pub(crate) async fn find(
    store: &SqlStore,
    user_id: UserId,
) -> Result<Option<Credential>, StoreError> {
    let sql = "SELECT user_id, password_hash, updated_at FROM credentials WHERE user_id = ?";
    let row = store.row("find credential", sql, &[user_id.into()]).await?;
    row::one("find credential", row.as_ref(), from_row)
}

pub(crate) async fn list(
    store: &SqlStore,
    user_ids: &[UserId],
) -> Result<Vec<Credential>, StoreError> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let places = vec!["?"; user_ids.len()].join(", ");
    let sql = format!(
        "SELECT user_id, password_hash, updated_at FROM credentials WHERE user_id IN ({places})"
    );
    let args: Vec<_> = user_ids.iter().map(|id| (*id).into()).collect();
    let rows = store.rows("list credentials", &sql, &args).await?;
    row::all("list credentials", &rows, from_row)
}

fn from_row(row: &AnyRow) -> Result<Credential, BadRow> {
    let row = Row::new(row, "credentials", "user_id");
    Ok(Credential {
        user_id: UserId::from_bytes(row.array("user_id")?),
        password_hash: Secret::new(row.text("password_hash")?),
        updated_at: row.time("updated_at")?,
    })
}
