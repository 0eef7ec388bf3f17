//! The outbox. A worker holds a mail by a lease: `due_at` is in the future until the lease ends.

use doorward_domain::model::{MailJob, MailKind};
use doorward_domain::ports::{OutboxStats, StoreError};
use doorward_domain::values::{EmailAddress, Locale, MailJobId, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::apply::stale_if_none;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::sweep::Sweep;
use crate::transaction::Transaction;

pub(crate) async fn insert(transaction: &mut Transaction, job: &MailJob) -> Result<(), SqlError> {
    let sql = "INSERT INTO mail_jobs (id, kind, user_id, email, locale, created_at, attempts, due_at, failed_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let args = [
        job.id.into(),
        job.kind.as_str().into(),
        job.user_id.into(),
        (&job.email).into(),
        job.locale.tag().into(),
        job.created_at.into(),
        job.attempts.into(),
        job.due_at.into(),
        job.failed_at.into(),
    ];
    transaction.execute(sql, &args).await?;
    Ok(())
}

pub(crate) async fn delete(transaction: &mut Transaction, id: MailJobId) -> Result<(), SqlError> {
    let sql = "DELETE FROM mail_jobs WHERE id = ?";
    transaction.execute(sql, &[id.into()]).await?;
    Ok(())
}

/// Deletes mails to an address without a user. An address is ASCII, so `LOWER` is the same on every database.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    email: &EmailAddress,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM mail_jobs WHERE user_id IS NULL AND LOWER(email) = ?";
    transaction.execute(sql, &[email.key().into()]).await?;
    Ok(())
}

/// Deletes mails that were written at `since` or later.
pub(crate) async fn forget_of_user(
    transaction: &mut Transaction,
    user_id: UserId,
    kind: MailKind,
    since: Timestamp,
) -> Result<(), SqlError> {
    let sql = "DELETE FROM mail_jobs WHERE user_id = ? AND kind = ? AND created_at >= ?";
    let args = [user_id.into(), kind.as_str().into(), since.into()];
    transaction.execute(sql, &args).await?;
    Ok(())
}

/// Locks a mail by a write that changes nothing; fails if it was deleted.
pub(crate) async fn check(transaction: &mut Transaction, id: MailJobId) -> Result<(), SqlError> {
    let sql = "UPDATE mail_jobs SET attempts = attempts WHERE id = ?";
    stale_if_none(transaction.execute(sql, &[id.into()]).await?)
}

pub(crate) async fn retry(
    transaction: &mut Transaction,
    id: MailJobId,
    due_at: Timestamp,
) -> Result<(), SqlError> {
    let sql = "UPDATE mail_jobs SET due_at = ? WHERE id = ?";
    transaction
        .execute(sql, &[due_at.into(), id.into()])
        .await?;
    Ok(())
}

pub(crate) async fn expire_leases(
    transaction: &mut Transaction,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), SqlError> {
    let sql = "UPDATE mail_jobs SET due_at = ? WHERE due_at > ? AND due_at <= ?";
    let args = [now.into(), now.into(), until.into()];
    transaction.execute(sql, &args).await?;
    Ok(())
}

pub(crate) async fn fail(
    transaction: &mut Transaction,
    id: MailJobId,
    at: Timestamp,
) -> Result<(), SqlError> {
    let sql = "UPDATE mail_jobs SET failed_at = ? WHERE id = ?";
    transaction.execute(sql, &[at.into(), id.into()]).await?;
    Ok(())
}

/// Selects due mails outside of any transaction, and then claims those that no other worker has claimed in the
/// meantime.
pub(crate) async fn claim(
    store: &SqlStore,
    now: Timestamp,
    lease_until: Timestamp,
    limit: usize,
) -> Result<Vec<MailJob>, StoreError> {
    const OPERATION: &str = "claim mails";
    // A kind that only a newer release knows is left to its nodes, and delays no other mail.
    let kinds = vec!["?"; MailKind::ALL.len()].join(", ");
    let sql = format!(
        "SELECT id, kind, user_id, email, locale, created_at, attempts, due_at, failed_at FROM mail_jobs \
         WHERE failed_at IS NULL AND due_at <= ? AND kind IN ({kinds}) ORDER BY due_at, id LIMIT ?"
    );
    let mut args = vec![now.into()];
    args.extend(MailKind::ALL.map(|kind| kind.as_str().into()));
    args.push(limit.into());
    let rows = store.rows(OPERATION, &sql, &args).await?;
    let due = row::readable(&rows, from_row);
    if due.is_empty() {
        return Ok(due);
    }
    let limit = store.pool.timeouts().operation();
    let due = due.as_slice();
    let claimed = store.transaction(limit, |mut transaction| async move {
        let result = claim_each(&mut transaction, due, lease_until).await;
        (transaction, result)
    });
    let claimed = claimed.await;
    claimed.map_err(|error| error.into_store_error(OPERATION))
}

async fn claim_each(
    transaction: &mut Transaction,
    due: &[MailJob],
    lease_until: Timestamp,
) -> Result<Vec<MailJob>, SqlError> {
    let sql = "UPDATE mail_jobs SET due_at = ?, attempts = attempts + 1 \
        WHERE id = ? AND attempts = ? AND due_at = ? AND failed_at IS NULL";
    let mut claimed = Vec::with_capacity(due.len());
    for job in due {
        let args = [
            lease_until.into(),
            job.id.into(),
            job.attempts.into(),
            job.due_at.into(),
        ];
        if transaction.execute(sql, &args).await? == 1 {
            claimed.push(MailJob {
                attempts: job.attempts + 1,
                due_at: lease_until,
                ..job.clone()
            });
        }
    }
    Ok(claimed)
}

/// Skips kinds that only a newer release knows.
pub(crate) async fn list(
    store: &SqlStore,
    user_id: UserId,
    email_key: Option<&str>,
) -> Result<Vec<MailJob>, StoreError> {
    let sql = "SELECT id, kind, user_id, email, locale, created_at, attempts, due_at, failed_at FROM mail_jobs \
        WHERE user_id = ? OR (user_id IS NULL AND LOWER(email) = ?) ORDER BY id";
    let args = [user_id.into(), email_key.into()];
    let rows = store.rows("list mails", sql, &args).await?;
    Ok(row::readable(&rows, from_row))
}

/// Without a sum, whose type differs between the databases.
pub(crate) async fn outbox(store: &SqlStore) -> Result<OutboxStats, StoreError> {
    const OPERATION: &str = "read outbox statistics";
    let sql = "SELECT COUNT(*) AS mails, COUNT(failed_at) AS failed, \
        MIN(CASE WHEN failed_at IS NULL THEN created_at END) AS oldest_at, \
        MIN(CASE WHEN failed_at IS NULL THEN due_at END) AS due_at FROM mail_jobs";
    let row = store.row(OPERATION, sql, &[]).await?;
    let read = |row: &AnyRow| {
        let row = Row::new(row, "mail_jobs", "mails");
        let (mails, failed) = (row.int("mails")?, row.int("failed")?);
        Ok(OutboxStats {
            waiting: u64::try_from(mails - failed).unwrap_or(0),
            oldest_at: row.opt_time("oldest_at")?,
            due_at: row.opt_time("due_at")?,
            failed: u64::try_from(failed).unwrap_or(0),
        })
    };
    Ok(row::one(OPERATION, row.as_ref(), read)?.unwrap_or_default())
}

pub(crate) async fn sweep(store: &SqlStore, before: Timestamp) -> Result<(), StoreError> {
    let sweep = Sweep {
        operation: "sweep mails",
        table: "mail_jobs",
        key: "id",
        condition: "failed_at < ?",
    };
    sweep.run(store, before).await
}

fn from_row(row: &AnyRow) -> Result<MailJob, BadRow> {
    let row = Row::new(row, "mail_jobs", "id");
    Ok(MailJob {
        id: MailJobId::from_bytes(row.array("id")?),
        kind: row.parsed("kind", MailKind::from_name)?,
        user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
        email: row.parsed("email", |text| {
            Some(EmailAddress::from_stored(text.to_owned()))
        })?,
        locale: row.parsed("locale", Locale::from_tag)?,
        created_at: row.time("created_at")?,
        attempts: row.int("attempts")?,
        due_at: row.time("due_at")?,
        failed_at: row.opt_time("failed_at")?,
    })
}
