//! In-memory ports: a store for fast tests and throwaway servers, and a clock and a random source for tests only
//! (`doubles`).
//!
//! [`MemoryStore`] passes the contract suite of every store, so a flow that is tested with it works with the
//! others, and `serve --ephemeral` gives the guarantees of a real store. Its data is lost when the process ends.
//! It is for hundreds of users: a write copies all tables, so that it can be rolled back.

mod audit;
mod doubles;
mod rows;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::audit::AuditLog;
use crate::changes::{ApplyError, Change, Changes};
use crate::model::{
    AuditEvent, AuditFilter, Checkpoint, MailJob, Role, Session, Status, TABLES, User, UserFilter,
};
use crate::ports::{Store, StoreError};
use crate::store::{Claim, Query, Row, Table, Value};
use crate::values::{AuditEventId, Data, Digest, EmailAddress, Name, SessionId, UserId, Username};

pub use doubles::{SeededSecrets, SteppedClock};

/// A store in memory: accounts under one lock, sessions under another.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<MemoryTables>,
    sessions: Mutex<HashMap<SessionId, Session>>,
}

#[derive(Default, Clone)]
struct MemoryTables {
    rows: rows::Rows,
    users: HashMap<UserId, User>,
    audit_events: Vec<AuditEvent>,
    /// The position and the hash of each sealed event.
    audit_chain: HashMap<AuditEventId, (i64, Digest)>,
    audit_checkpoints: BTreeMap<i64, Checkpoint>,
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, MemoryTables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the mails in the outbox, oldest first. For tests.
    pub fn mail_jobs(&self) -> Vec<MailJob> {
        let rows = self.tables().rows.list(&Query::by::<MailJob>(&[]));
        let jobs = rows.iter().map(Row::read::<MailJob>);
        let jobs = jobs.collect::<Result<Vec<_>, _>>();
        jobs.expect("rows are read as they were written")
    }
}

impl MemoryTables {
    fn apply(&mut self, change: Change) -> Result<(), ApplyError> {
        match change {
            Change::Write(write) => self.rows.write(write)?,
            Change::InsertUser(user) => {
                if self.users.contains_key(&user.id) {
                    return Err(StoreError::new("insert user", "the id exists already").into());
                }
                self.put_user(*user)?;
            }
            Change::UpdateUser { user, expected } => {
                let stored = self.users.get(&user.id);
                let stored = stored.filter(|stored| stored.version == expected);
                let stored = stored.ok_or(ApplyError::Stale)?;
                let (locked_out_epoch, mut user) = (stored.locked_out_epoch, *user);
                if user.data.read().is_none() {
                    user.data = stored.data.clone();
                }
                self.put_user(User {
                    locked_out_epoch,
                    ..user
                })?;
            }
            Change::CheckActor {
                user_id,
                role,
                session_epoch,
            } => {
                let actor = self.users.get(&user_id);
                let actor = actor.filter(|actor| {
                    actor.status == Status::Active && actor.session_epoch <= session_epoch
                });
                let actor = actor.ok_or(ApplyError::ActorSignedOut)?;
                if !actor.role.includes(role) {
                    return Err(ApplyError::ActorNotAllowed);
                }
            }
            Change::SetLockout { user_id, epoch } => {
                if let Some(user) = self.users.get_mut(&user_id) {
                    user.locked_out_epoch = epoch;
                }
            }
            Change::DeleteUser(id) => {
                self.users.remove(&id).ok_or(ApplyError::Stale)?;
                self.forget(id);
            }
            Change::CheckAdminRemains => {
                if !self.users.values().any(is_active_admin) {
                    return Err(ApplyError::LastAdmin);
                }
            }
            Change::Audit(event) => self.audit_events.push(*event),
            Change::SealAudit { checkpoint, events } => self.seal_audit(checkpoint, &events)?,
            Change::PruneAudit(checkpoint) => self.prune_audit(checkpoint)?,
            Change::EraseAudit(ids) => self.erase_audit(&ids),
        }
        Ok(())
    }

    fn put_user(&mut self, user: User) -> Result<(), ApplyError> {
        let others = || self.users.values().filter(|other| other.id != user.id);
        let username = user.username.as_ref().map(Username::key);
        let email = user.email.as_ref().map(EmailAddress::key);
        if username.is_some()
            && others().any(|other| other.username.as_ref().map(Username::key) == username)
        {
            return Err(ApplyError::Taken(User::USERNAME_KEY));
        }
        if email.is_some()
            && others().any(|other| other.email.as_ref().map(EmailAddress::key) == email)
        {
            return Err(ApplyError::Taken(User::EMAIL_KEY));
        }
        self.users.insert(user.id, user);
        Ok(())
    }

    fn forget(&mut self, id: UserId) {
        for table in TABLES.iter().filter(|table| table.has_owner()) {
            self.rows.delete_where(table, "user_id", &id.into());
        }
    }
}

fn is_active_admin(user: &User) -> bool {
    user.role == Role::Admin && user.status == Status::Active
}

/// The user as every store returns it from a look-up by username or address.
fn without_data(user: &User) -> User {
    User {
        data: Data::unread(),
        ..user.clone()
    }
}

fn matches(user: &User, filter: &UserFilter) -> bool {
    let texts = [
        user.username.as_ref().map(Username::key),
        user.email.as_ref().map(EmailAddress::key),
        user.pending_address().map(EmailAddress::key),
        user.name.as_ref().map(Name::as_str),
    ];
    let has_text = |wanted: &String| {
        let wanted = wanted.to_lowercase();
        texts
            .iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(&wanted))
    };
    filter.text.as_ref().is_none_or(has_text)
        && filter.status.is_none_or(|status| user.status == status)
        && filter.role.is_none_or(|role| user.role == role)
        && filter.after.is_none_or(|after| user.id > after)
}

#[async_trait]
impl Store for MemoryStore {
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        let mut tables = self.tables();
        let mut changed = tables.clone();
        for change in changes {
            changed.apply(change)?;
        }
        *tables = changed;
        Ok(())
    }

    async fn get_row(&self, table: &'static Table, key: Value) -> Result<Option<Row>, StoreError> {
        Ok(self.tables().rows.get(table, &key).cloned())
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.tables().rows.find(table, column, &value).cloned())
    }

    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let tables = self.tables();
        let rows = keys.iter().filter_map(|key| tables.rows.get(table, key));
        Ok(rows.cloned().collect())
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        Ok(self.tables().rows.list(&query))
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        let all = Query {
            limit: usize::MAX,
            ..query
        };
        Ok(self.tables().rows.list(&all).len() as u64)
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        Ok(self.tables().rows.claim(&claim))
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables().users.get(&id).cloned())
    }

    async fn find_user_by_username(&self, key: &str) -> Result<Option<User>, StoreError> {
        let tables = self.tables();
        let mut users = tables.users.values();
        Ok(users
            .find(|user| user.username.as_ref().map(Username::key) == Some(key))
            .map(without_data))
    }

    async fn find_user_by_email(&self, key: &str) -> Result<Option<User>, StoreError> {
        let tables = self.tables();
        let mut users = tables.users.values();
        Ok(users
            .find(|user| user.email.as_ref().map(EmailAddress::key) == Some(key))
            .map(without_data))
    }

    async fn list_users_by_pending_email(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let tables = self.tables();
        let mut users: Vec<_> = tables
            .users
            .values()
            .filter(|user| user.pending_address().map(EmailAddress::key) == Some(key))
            .map(without_data)
            .collect();
        users.sort_by_key(|user| std::cmp::Reverse(user.id));
        users.truncate(limit);
        Ok(users)
    }

    async fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        let tables = self.tables();
        let mut users: Vec<_> = tables
            .users
            .values()
            .filter(|user| matches(user, filter))
            .cloned()
            .collect();
        users.sort_by_key(|user| user.id);
        users.truncate(filter.limit);
        Ok(users)
    }

    async fn has_active_admin(&self) -> Result<bool, StoreError> {
        Ok(self.tables().users.values().any(is_active_admin))
    }

    async fn list_expired_pending_emails(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables();
        let is_expired = |user: &&User| {
            let pending = user.pending_email.as_ref();
            pending.is_some_and(|pending| pending.requested_at < before)
        };
        let mut expired: Vec<_> = tables.users.values().filter(is_expired).collect();
        expired.sort_by_key(|user| {
            user.pending_email
                .as_ref()
                .map(|pending| pending.requested_at)
        });
        Ok(expired.iter().map(|user| user.id).take(limit).collect())
    }

    async fn list_audit_events(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError> {
        let tables = self.tables();
        let wanted = |event: &&AuditEvent| {
            filter.user_id.is_none_or(|id| event.user_id == Some(id))
                && filter.event.is_none_or(|kind| event.event == kind)
                && filter.since.is_none_or(|since| event.at >= since)
                && filter.until.is_none_or(|until| event.at < until)
                && filter.before.is_none_or(|before| event.id < before)
        };
        let mut events: Vec<_> = tables.audit_events.iter().filter(wanted).cloned().collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        events.truncate(filter.limit);
        Ok(events)
    }

    fn audit_log(&self) -> &dyn AuditLog {
        self
    }

    async fn list_audit_events_of(
        &self,
        user_id: UserId,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let actor = format!("user:{user_id}");
        let wanted = |event: &&AuditEvent| {
            (event.user_id == Some(user_id) || event.actor == actor)
                && before.is_none_or(|before| event.id < before)
        };
        let tables = self.tables();
        let mut events: Vec<_> = tables.audit_events.iter().filter(wanted).cloned().collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        events.truncate(limit);
        Ok(events)
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for table in TABLES {
            if let Some(expires) = table.expires {
                tables.rows.delete_before(table, expires, &before.into());
            }
        }
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
