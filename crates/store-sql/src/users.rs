//! Users. `username_key` and `email_key` are unique, but several users may have NULL. The version is a condition
//! of every update.

use doorward_domain::changes::ApplyError;
use doorward_domain::model::{PendingEmail, RequestedBy, Role, Status, User, UserFilter, Version};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{Data, EmailAddress, Locale, Name, UserId, Username};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::apply::stale_if_none;
use crate::arg::Arg;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

/// All columns of a user but `data`, for lookups that an unauthenticated client can cause.
const WITHOUT_DATA: &str = "id, username, username_key, email, pending_email, \
    pending_email_at, pending_email_by, name, role, status, locale, session_epoch, locked_out_epoch, \
    void_undo_links, version, created_at, updated_at";

pub(crate) async fn insert(transaction: &mut Transaction, user: &User) -> Result<(), SqlError> {
    let sql = "INSERT INTO users (username, username_key, email, email_key, pending_email, pending_email_key, \
        pending_email_at, pending_email_by, \
        name, role, status, data, locale, session_epoch, void_undo_links, version, created_at, updated_at, search, id) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    transaction.execute(sql, &values(user)).await?;
    Ok(())
}

pub(crate) async fn update(
    transaction: &mut Transaction,
    user: &User,
    expected: Version,
) -> Result<(), SqlError> {
    let sql = "UPDATE users SET username = ?, username_key = ?, email = ?, email_key = ?, pending_email = ?, \
        pending_email_key = ?, pending_email_at = ?, pending_email_by = ?, name = ?, role = ?, status = ?, data = COALESCE(?, data), locale = ?, session_epoch = ?, void_undo_links = ?, version = ?, \
        created_at = ?, updated_at = ?, search = ? WHERE id = ? AND version = ?";
    let mut args = values(user);
    args.push(expected.into());
    stale_if_none(transaction.execute(sql, &args).await?)
}

/// Locks the actor's row by a write that changes nothing, which is the same on every database, and then reads it.
pub(crate) async fn check_actor(
    transaction: &mut Transaction,
    id: UserId,
    role: Role,
    session_epoch: i64,
) -> Result<(), SqlError> {
    let lock =
        "UPDATE users SET version = version WHERE id = ? AND status = ? AND session_epoch <= ?";
    let args = [
        id.into(),
        Status::Active.as_str().into(),
        session_epoch.into(),
    ];
    if transaction.execute(lock, &args).await? == 0 {
        return Err(SqlError::Refused(ApplyError::ActorSignedOut));
    }
    let row = transaction
        .row("SELECT id, role FROM users WHERE id = ?", &[id.into()])
        .await?;
    let row = row.ok_or(SqlError::Refused(ApplyError::ActorSignedOut))?;
    let actual = Row::new(&row, "users", "id").parsed("role", Role::from_name)?;
    match actual.includes(role) {
        true => Ok(()),
        false => Err(SqlError::Refused(ApplyError::ActorNotAllowed)),
    }
}

/// A separate write, so that no concurrent write of the user discards a lockout or becomes stale by one.
pub(crate) async fn set_lockout(
    transaction: &mut Transaction,
    id: UserId,
    epoch: Option<i64>,
) -> Result<(), SqlError> {
    let sql = "UPDATE users SET locked_out_epoch = ? WHERE id = ?";
    transaction.execute(sql, &[epoch.into(), id.into()]).await?;
    Ok(())
}

pub(crate) async fn delete(transaction: &mut Transaction, id: UserId) -> Result<(), SqlError> {
    let sql = "DELETE FROM users WHERE id = ?";
    stale_if_none(transaction.execute(sql, &[id.into()]).await?)
}

/// Fails if there is no active admin. The caller holds the lock `admins`, so no other process removes one.
pub(crate) async fn check_admin_remains(transaction: &mut Transaction) -> Result<(), SqlError> {
    match transaction.row(AN_ADMIN, &active_admin()).await? {
        Some(_) => Ok(()),
        None => Err(SqlError::Refused(ApplyError::LastAdmin)),
    }
}

const AN_ADMIN: &str = "SELECT id FROM users WHERE role = ? AND status = ? LIMIT 1";

fn active_admin() -> [Arg<'static>; 2] {
    [Role::Admin.as_str().into(), Status::Active.as_str().into()]
}

pub(crate) async fn has_active_admin(store: &SqlStore) -> Result<bool, StoreError> {
    let row = store
        .row("find an active admin", AN_ADMIN, &active_admin())
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn find(store: &SqlStore, id: UserId) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {WITHOUT_DATA}, data FROM users WHERE id = ?");
    let row = store.row("find user", &sql, &[id.into()]).await?;
    row::one("find user", row.as_ref(), from_row)
}

pub(crate) async fn find_by_username(
    store: &SqlStore,
    key: &str,
) -> Result<Option<User>, StoreError> {
    find_by(store, "username_key", key.into()).await
}

pub(crate) async fn find_by_email(store: &SqlStore, key: &str) -> Result<Option<User>, StoreError> {
    find_by(store, "email_key", key.into()).await
}

/// Without `data`: the response time must not reveal its size to an unauthenticated client.
async fn find_by(
    store: &SqlStore,
    column: &'static str,
    value: Arg<'_>,
) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {WITHOUT_DATA} FROM users WHERE {column} = ?");
    let row = store.row("find user", &sql, &[value]).await?;
    row::one("find user", row.as_ref(), without_data)
}

pub(crate) async fn list_by_pending_email(
    store: &SqlStore,
    key: &str,
    limit: usize,
) -> Result<Vec<User>, StoreError> {
    const OPERATION: &str = "list users by pending address";
    let sql = format!(
        "SELECT {WITHOUT_DATA} FROM users WHERE pending_email_key = ? ORDER BY id DESC LIMIT ?"
    );
    let rows = store
        .rows(OPERATION, &sql, &[key.into(), limit.into()])
        .await?;
    // Read at every sign-in by address: an unreadable row must not prevent the owner's sign-in.
    Ok(row::readable(&rows, without_data))
}

pub(crate) async fn list(store: &SqlStore, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
    let mut conditions = vec!["1 = 1"];
    let mut args = Vec::new();
    if let Some(text) = &filter.text {
        if text.contains(['\n', '\0']) {
            // No value contains a line end or NUL, and PostgreSQL rejects NUL.
            return Ok(Vec::new());
        }
        conditions.push("search LIKE ? ESCAPE '!'");
        args.push(pattern(text).into());
    }
    if let Some(status) = filter.status {
        conditions.push("status = ?");
        args.push(status.as_str().into());
    }
    if let Some(role) = filter.role {
        conditions.push("role = ?");
        args.push(role.as_str().into());
    }
    if let Some(after) = filter.after {
        conditions.push("id > ?");
        args.push(after.into());
    }
    args.push(filter.limit.into());
    let conditions = conditions.join(" AND ");
    let sql =
        format!("SELECT {WITHOUT_DATA}, data FROM users WHERE {conditions} ORDER BY id LIMIT ?");
    let rows = store.rows("list users", &sql, &args).await?;
    row::all("list users", &rows, from_row)
}

pub(crate) async fn list_expired_pending_emails(
    store: &SqlStore,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<UserId>, StoreError> {
    const OPERATION: &str = "list expired pending addresses";
    let sql = "SELECT id FROM users WHERE pending_email_at < ? ORDER BY pending_email_at LIMIT ?";
    let rows = store
        .rows(OPERATION, sql, &[before.into(), limit.into()])
        .await?;
    let id = |row: &AnyRow| {
        Ok(UserId::from_bytes(
            Row::new(row, "users", "id").array("id")?,
        ))
    };
    row::all(OPERATION, &rows, id)
}

/// Parameters of the statements above, in their order.
fn values(user: &User) -> Vec<Arg<'_>> {
    let username = user.username.as_ref();
    let email = user.email.as_ref();
    let pending = user.pending_email.as_ref();
    let pending_email = user.pending_address();
    vec![
        username.map(Username::as_str).into(),
        username.map(Username::key).into(),
        email.map(EmailAddress::as_str).into(),
        email.map(EmailAddress::key).into(),
        pending_email.map(EmailAddress::as_str).into(),
        pending_email.map(EmailAddress::key).into(),
        pending.map(|pending| pending.requested_at).into(),
        pending.map(|pending| pending.requested_by.as_str()).into(),
        user.name.as_ref().map(Name::as_str).into(),
        user.role.as_str().into(),
        user.status.as_str().into(),
        user.data
            .read()
            .map_or(Arg::Text(None), |data| compact(data).into()),
        user.locale.tag().into(),
        user.session_epoch.into(),
        serde_json::to_string(&user.void_undo_links)
            .expect("numbers are JSON")
            .into(),
        user.version.into(),
        user.created_at.into(),
        user.updated_at.into(),
        search_text(user).into(),
        user.id.into(),
    ]
}

fn compact(data: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::Value::Object(data.clone()).to_string()
}

/// The text that searches match, in lower case: one value per line. No value contains a line end, so no match
/// spans two values.
fn search_text(user: &User) -> String {
    let texts = [
        user.username.as_ref().map(Username::key),
        user.email.as_ref().map(EmailAddress::key),
        user.pending_address().map(EmailAddress::key),
        user.name.as_ref().map(Name::as_str),
    ];
    let lines: Vec<_> = texts.into_iter().flatten().map(str::to_lowercase).collect();
    lines.join("\n")
}

/// The `LIKE` pattern of a search, with `%` and `_` escaped. It is in lower case, since only SQLite's `LIKE`
/// ignores case (of ASCII).
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn from_row(row: &AnyRow) -> Result<User, BadRow> {
    let data = Row::new(row, "users", "id").parsed("data", |text| {
        Some(Data::from_stored(serde_json::from_str(text).ok()?))
    })?;
    let user = without_data(row)?;
    Ok(User { data, ..user })
}

fn without_data(row: &AnyRow) -> Result<User, BadRow> {
    let row = Row::new(row, "users", "id");
    let address = |text: &str| Some(EmailAddress::from_stored(text.to_owned()));
    let username = row.opt_parsed("username", |text| Some(text.to_owned()))?;
    let username_key = row.opt_parsed("username_key", |text| Some(text.to_owned()))?;
    Ok(User {
        id: UserId::from_bytes(row.array("id")?),
        username: username
            .zip(username_key)
            .map(|(text, key)| Username::from_stored(text, key)),
        email: row.opt_parsed("email", address)?,
        pending_email: pending_email(&row)?,
        name: row.opt_parsed("name", |text| Some(Name::from_stored(text.to_owned())))?,
        role: row.parsed("role", Role::from_name)?,
        status: row.parsed("status", Status::from_name)?,
        data: Data::unread(),
        locale: row.parsed("locale", Locale::from_tag)?,
        session_epoch: row.int("session_epoch")?,
        locked_out_epoch: row.opt_int("locked_out_epoch")?,
        void_undo_links: row.parsed("void_undo_links", |text| serde_json::from_str(text).ok())?,
        version: Version(row.int("version")?),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn pending_email(row: &Row<'_>) -> Result<Option<PendingEmail>, BadRow> {
    let address = |text: &str| Some(EmailAddress::from_stored(text.to_owned()));
    let Some(address) = row.opt_parsed("pending_email", address)? else {
        return Ok(None);
    };
    Ok(Some(PendingEmail {
        address,
        requested_at: row.time("pending_email_at")?,
        requested_by: row.parsed("pending_email_by", RequestedBy::from_name)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_means_what_it_says() {
        assert_eq!(pattern("50%_Ä!"), "%50!%!_ä!!%");
        assert_eq!(pattern(""), "%%");
    }
}
