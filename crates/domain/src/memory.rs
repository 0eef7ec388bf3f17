//! In-memory ports: a store for fast tests and throwaway servers, and a clock and a random source for tests only
//! (`doubles`).
//!
//! [`MemoryStore`] passes the contract suite of every store, so a flow that is tested with it works with the
//! others, and `serve --ephemeral` gives the guarantees of a real store. Its data is lost when the process ends.
//! It is for hundreds of users: a write copies all tables, so that it can be rolled back.

mod audit;
mod doubles;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::audit::AuditLog;
use crate::changes::{ApplyError, Change, Changes, Unique};
use crate::model::{
    AuditEvent, AuditFilter, Checkpoint, Credential, Link, MailJob, Role, Session, SigningKey,
    Status, User, UserFilter,
};
use crate::ports::{OutboxStats, Store, StoreError};
use crate::values::{
    AuditEventId, Data, Digest, EmailAddress, MailJobId, Name, SessionId, UserId, Username,
};

pub use doubles::{SeededSecrets, SteppedClock};

/// A store in memory: accounts under one lock, sessions under another.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<MemoryTables>,
    sessions: Mutex<HashMap<SessionId, Session>>,
}

#[derive(Default, Clone)]
struct MemoryTables {
    users: HashMap<UserId, User>,
    credentials: HashMap<UserId, Credential>,
    links: HashMap<Digest, Link>,
    mail_jobs: HashMap<MailJobId, MailJob>,
    signing_keys: Vec<SigningKey>,
    audit_events: Vec<AuditEvent>,
    /// The position and the hash of each sealed event.
    audit_chain: HashMap<AuditEventId, (i64, Digest)>,
    audit_checkpoints: BTreeMap<i64, Checkpoint>,
    ended_sessions: HashMap<SessionId, Timestamp>,
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
        let mut jobs: Vec<_> = self.tables().mail_jobs.values().cloned().collect();
        jobs.sort_by_key(|job| job.id);
        jobs
    }
}

impl MemoryTables {
    fn apply(&mut self, change: Change) -> Result<(), ApplyError> {
        match change {
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
            Change::PutCredential(credential) => {
                self.credentials.insert(credential.user_id, credential);
            }
            Change::RehashCredential { credential, old } => {
                if let Some(stored) = self.credentials.get_mut(&credential.user_id)
                    && stored.password_hash.expose() == old.expose()
                {
                    *stored = credential;
                }
            }
            Change::PutLink(link) => {
                self.links.insert(link.digest, link);
            }
            Change::UseLink { digest, at } => {
                let link = self.links.get_mut(&digest).ok_or(ApplyError::Stale)?;
                if link.used_at.is_some() || link.expires_at <= at {
                    return Err(ApplyError::Stale);
                }
                link.used_at = Some(at);
            }
            Change::RevokeLinks {
                user_id,
                purpose,
                since,
            } => self.links.retain(|_, link| {
                link.user_id != user_id || link.purpose != purpose || link.requested_at < since
            }),
            Change::EnqueueMail(job) => {
                self.mail_jobs.insert(job.id, job);
            }
            Change::MailDone(id) => {
                self.mail_jobs.remove(&id);
            }
            Change::ForgetMails(email) => self
                .mail_jobs
                .retain(|_, job| job.user_id.is_some() || job.email.key() != email.key()),
            Change::ForgetUserMails {
                user_id,
                kind,
                since,
            } => self.mail_jobs.retain(|_, job| {
                job.user_id != Some(user_id) || job.kind != kind || job.created_at < since
            }),
            Change::CheckMail(id) => {
                self.mail_jobs.get(&id).ok_or(ApplyError::Stale)?;
            }
            Change::MailRetry { id, due_at } => {
                if let Some(job) = self.mail_jobs.get_mut(&id) {
                    job.due_at = due_at;
                }
            }
            Change::ExpireMailLeases { now, until } => {
                let jobs = self.mail_jobs.values_mut();
                for job in jobs.filter(|job| job.due_at > now && job.due_at <= until) {
                    job.due_at = now;
                }
            }
            Change::MailFailed { id, at } => {
                if let Some(job) = self.mail_jobs.get_mut(&id) {
                    job.failed_at = Some(at);
                }
            }
            Change::RotateSigningKey { key, replaces } => self.rotate(key, replaces.as_deref())?,
            Change::DeleteSigningKey(kid) => self.signing_keys.retain(|key| key.kid != kid),
            Change::EndSession { id, until, .. } => {
                self.ended_sessions.entry(id).or_insert(until);
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
            return Err(ApplyError::Taken(Unique::Username));
        }
        if email.is_some()
            && others().any(|other| other.email.as_ref().map(EmailAddress::key) == email)
        {
            return Err(ApplyError::Taken(Unique::Email));
        }
        self.users.insert(user.id, user);
        Ok(())
    }

    fn forget(&mut self, id: UserId) {
        self.credentials.remove(&id);
        self.links.retain(|_, link| link.user_id != id);
        self.mail_jobs.retain(|_, job| job.user_id != Some(id));
    }

    fn rotate(&mut self, key: SigningKey, replaces: Option<&str>) -> Result<(), ApplyError> {
        if self.signing_keys.first().map(|key| key.kid.as_str()) != replaces {
            return Err(ApplyError::Stale);
        }
        for older in &mut self.signing_keys {
            older.retired_at.get_or_insert(key.created_at);
        }
        self.signing_keys.insert(0, key);
        Ok(())
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

    async fn find_credential(&self, user_id: UserId) -> Result<Option<Credential>, StoreError> {
        Ok(self.tables().credentials.get(&user_id).cloned())
    }

    async fn list_credentials(&self, user_ids: &[UserId]) -> Result<Vec<Credential>, StoreError> {
        let tables = self.tables();
        let stored = user_ids.iter().filter_map(|id| tables.credentials.get(id));
        Ok(stored.cloned().collect())
    }

    async fn is_session_ended(&self, id: SessionId) -> Result<bool, StoreError> {
        Ok(self.tables().ended_sessions.contains_key(&id))
    }

    async fn find_link(&self, digest: &Digest) -> Result<Option<Link>, StoreError> {
        Ok(self.tables().links.get(digest).cloned())
    }

    async fn list_links(&self, user_id: UserId) -> Result<Vec<Link>, StoreError> {
        let tables = self.tables();
        let links = tables.links.values().filter(|link| link.user_id == user_id);
        let mut links: Vec<_> = links.cloned().collect();
        links.sort_by_key(|link| std::cmp::Reverse(link.created_at));
        Ok(links)
    }

    async fn list_mail_jobs(
        &self,
        user_id: UserId,
        email_key: Option<&str>,
    ) -> Result<Vec<MailJob>, StoreError> {
        let is_theirs = |job: &&MailJob| match job.user_id {
            Some(id) => id == user_id,
            None => Some(job.email.key()) == email_key,
        };
        let tables = self.tables();
        let mut jobs: Vec<_> = tables
            .mail_jobs
            .values()
            .filter(is_theirs)
            .cloned()
            .collect();
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    async fn claim_mail_jobs(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<MailJob>, StoreError> {
        let mut tables = self.tables();
        let mut due: Vec<_> = tables
            .mail_jobs
            .values_mut()
            .filter(|job| job.failed_at.is_none() && job.due_at <= now)
            .collect();
        due.sort_by_key(|job| (job.due_at, job.id));
        due.truncate(limit);
        let claim = |job: &mut MailJob| {
            job.due_at = lease_until;
            job.attempts += 1;
            job.clone()
        };
        Ok(due.into_iter().map(claim).collect())
    }

    async fn outbox(&self) -> Result<OutboxStats, StoreError> {
        let tables = self.tables();
        let mut outbox = OutboxStats::default();
        for job in tables.mail_jobs.values() {
            if job.failed_at.is_some() {
                outbox.failed += 1;
                continue;
            }
            outbox.waiting += 1;
            let earliest = |best: Option<Timestamp>, at| Some(best.map_or(at, |best| best.min(at)));
            outbox.oldest_at = earliest(outbox.oldest_at, job.created_at);
            outbox.due_at = earliest(outbox.due_at, job.due_at);
        }
        Ok(outbox)
    }

    async fn list_signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        Ok(self.tables().signing_keys.clone())
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
        tables.links.retain(|_, link| link.expires_at >= before);
        tables
            .mail_jobs
            .retain(|_, job| job.failed_at.is_none_or(|at| at >= before));
        tables.ended_sessions.retain(|_, until| *until >= before);
        Ok(())
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
