//! Mailed links, by the digest of their secret. The condition of the write ensures that one is used once.

use doorward_domain::model::{Link, Purpose};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{Digest, EmailAddress, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::apply::stale_if_none;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::sweep::Sweep;
use crate::transaction::Transaction;

pub(crate) async fn put(transaction: &mut Transaction, link: &Link) -> Result<(), SqlError> {
    let sql = "INSERT INTO links (digest, user_id, purpose, email, epoch, requested_at, created_at, expires_at, used_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let args = [
        (&link.digest).into(),
        link.user_id.into(),
        link.purpose.as_str().into(),
        (&link.email).into(),
        link.epoch.into(),
        link.requested_at.into(),
        link.created_at.into(),
        link.expires_at.into(),
        link.used_at.into(),
    ];
    transaction.execute(sql, &args).await?;
    Ok(())
}

pub(crate) async fn mark_used(
    transaction: &mut Transaction,
    digest: &Digest,
    at: Timestamp,
) -> Result<(), SqlError> {
    let sql =
        "UPDATE links SET used_at = ? WHERE digest = ? AND used_at IS NULL AND expires_at > ?";
    stale_if_none(
        transaction
            .execute(sql, &[at.into(), digest.into(), at.into()])
            .await?,
    )
}

/// Deletes links that were requested at `since` or later.
pub(crate) async fn revoke(
    transaction: &mut Transaction,
    user_id: UserId,
    purpose: Purpose,
    since: Timestamp,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM links WHERE user_id = ? AND purpose = ? AND requested_at >= ?";
    let args = [user_id.into(), purpose.as_str().into(), since.into()];
    transaction.execute(sql, &args).await?;
    Ok(())
}

pub(crate) async fn find(store: &SqlStore, digest: &Digest) -> Result<Option<Link>, StoreError> {
    let sql = "SELECT digest, user_id, purpose, email, epoch, requested_at, created_at, expires_at, used_at FROM links WHERE digest = ?";
    let row = store.row("find link", sql, &[digest.into()]).await?;
    // A purpose that only a newer release knows is treated as an unknown link.
    Ok(row::readable(row.as_slice(), from_row).pop())
}

/// Skips purposes that only a newer release knows.
pub(crate) async fn list(store: &SqlStore, user_id: UserId) -> Result<Vec<Link>, StoreError> {
    let sql = "SELECT digest, user_id, purpose, email, epoch, requested_at, created_at, expires_at, used_at FROM links \
        WHERE user_id = ? ORDER BY created_at DESC";
    let rows = store.rows("list links", sql, &[user_id.into()]).await?;
    Ok(row::readable(&rows, from_row))
}

pub(crate) async fn sweep(store: &SqlStore, before: Timestamp) -> Result<(), StoreError> {
    let sweep = Sweep {
        operation: "sweep links",
        table: "links",
        key: "digest",
        condition: "expires_at < ?",
    };
    sweep.run(store, before).await
}

fn from_row(row: &AnyRow) -> Result<Link, BadRow> {
    let row = Row::new(row, "links", "user_id");
    Ok(Link {
        digest: Digest::from_bytes(row.array("digest")?),
        user_id: UserId::from_bytes(row.array("user_id")?),
        purpose: row.parsed("purpose", Purpose::from_name)?,
        email: row.parsed("email", |text| {
            Some(EmailAddress::from_stored(text.to_owned()))
        })?,
        epoch: row.int("epoch")?,
        requested_at: row.time("requested_at")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.opt_time("used_at")?,
    })
}
