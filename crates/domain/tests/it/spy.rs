//! A store that records its calls, fails on demand, and lets a test write between two calls.

mod audit;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_domain::audit::AuditLog;
use doorward_domain::changes::{ApplyError, Change, Changes};
use doorward_domain::limits::MemoryRateLimits;
use doorward_domain::memory::{MemoryStore, SeededSecrets};
use doorward_domain::model::{AuditEvent, AuditFilter, Session, User, UserFilter};
use doorward_domain::ports::{
    Decision, KeyedLimit, LastSeen, RateLimits, Secrets, Sessions, Store, StoreError,
};
use doorward_domain::store::{Claim, Query, Row, Table, Value, Write};
use doorward_domain::values::{AuditEventId, Digest, SessionId, UserId};
use jiff::Timestamp;

#[derive(Default)]
pub struct Spy {
    pub store: Arc<MemoryStore>,
    calls: Mutex<Vec<&'static str>>,
    failing: Mutex<HashSet<&'static str>>,
    failing_after: Mutex<HashMap<&'static str, usize>>,
    hanging: Mutex<HashSet<&'static str>>,
    between: Mutex<Option<Changes>>,
    audited: Mutex<Vec<AuditEvent>>,
    changes: Mutex<Vec<String>>,
    yields: AtomicBool,
    rewinds: AtomicBool,
    loses: AtomicBool,
    most_users: Mutex<Option<usize>>,
}

impl Spy {
    /// Creates a separate spy on a shared store.
    pub fn on(store: Arc<MemoryStore>) -> Self {
        Self {
            store,
            ..Self::default()
        }
    }

    /// Calls since the last time. A read of records has the name of their table.
    pub fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Kinds of the changes since the last time. Each kind is the same statements on every store.
    pub fn take_changes(&self) -> Vec<String> {
        std::mem::take(&mut self.changes.lock().unwrap())
    }

    /// Audit events since the last time, in the order they were written.
    pub fn take_audited(&self) -> Vec<AuditEvent> {
        std::mem::take(&mut self.audited.lock().unwrap())
    }

    /// Makes this operation fail.
    pub fn fail(&self, operation: &'static str) {
        self.failing.lock().unwrap().insert(operation);
    }

    /// Makes this operation fail after this number of calls.
    pub fn fail_after(&self, operation: &'static str, times: usize) {
        self.failing_after.lock().unwrap().insert(operation, times);
    }

    /// Makes this operation hang.
    pub fn hang(&self, operation: &'static str) {
        self.hanging.lock().unwrap().insert(operation);
    }

    /// Ends all failures set by [`Self::fail`].
    pub fn clear_failures(&self) {
        self.failing.lock().unwrap().clear();
    }

    /// Applies these changes right before the next write, like a concurrent request.
    pub fn let_in_between(&self, changes: Changes) {
        *self.between.lock().unwrap() = Some(changes);
    }

    /// Applies the next write, and loses its response.
    pub fn lose_answer(&self) {
        self.loses.store(true, Ordering::Relaxed);
    }

    /// Makes every write of more new users than this time out.
    pub fn take_at_most(&self, users: usize) {
        *self.most_users.lock().unwrap() = Some(users);
    }

    /// Makes every call yield to the other tasks first, so that two joined flows run in step.
    pub fn give_way(&self) {
        self.yields.store(true, Ordering::Relaxed);
    }

    /// Reports from now on that sessions may be restored from an old snapshot.
    pub fn may_rewind(&self) {
        self.rewinds.store(true, Ordering::Relaxed);
    }

    async fn asked(&self, operation: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(operation);
        if self.yields.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        if let Some(left) = self.failing_after.lock().unwrap().get_mut(operation) {
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => return Err(StoreError::new(operation, "told to fail")),
            }
        }
        if self.failing.lock().unwrap().contains(operation) {
            return Err(StoreError::new(operation, "told to fail"));
        }
        if self.hanging.lock().unwrap().contains(operation) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Spy {
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        self.asked("apply").await?;
        let kinds = changes.iter().map(kind);
        self.changes.lock().unwrap().extend(kinds);
        let is_new = |change: &&Change| matches!(change, Change::InsertUser(_));
        let most = self.most_users.lock().unwrap().unwrap_or(usize::MAX);
        if changes.iter().filter(is_new).count() > most {
            return Err(StoreError::new("apply", "no time left").into());
        }
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            self.store.apply(between).await.unwrap();
        }
        self.store.apply(changes.clone()).await?;
        let audited = changes.into_iter().filter_map(|change| match change {
            Change::Audit(event) => Some(*event),
            _ => None,
        });
        self.audited.lock().unwrap().extend(audited);
        if self.loses.swap(false, Ordering::Relaxed) {
            return Err(ApplyError::OutcomeUnknown(StoreError::new("apply", "lost")));
        }
        Ok(())
    }

    async fn get_row(&self, table: &'static Table, key: Value) -> Result<Option<Row>, StoreError> {
        self.asked(table.name).await?;
        self.store.get_row(table, key).await
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        self.asked(table.name).await?;
        self.store.find_row(table, column, value).await
    }

    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.asked(table.name).await?;
        self.store.get_rows(table, keys).await
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.asked(query.table.name).await?;
        self.store.list_rows(query).await
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        self.asked(query.table.name).await?;
        self.store.count_rows(query).await
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        self.asked(claim.table.name).await?;
        self.store.claim_rows(claim).await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.asked("find_user").await?;
        self.store.find_user(id).await
    }

    async fn find_user_by_username(&self, key: &str) -> Result<Option<User>, StoreError> {
        self.asked("find_user_by_username").await?;
        self.store.find_user_by_username(key).await
    }

    async fn find_user_by_email(&self, key: &str) -> Result<Option<User>, StoreError> {
        self.asked("find_user_by_email").await?;
        self.store.find_user_by_email(key).await
    }

    async fn list_users_by_pending_email(
        &self,
        key: &str,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.asked("list_users_by_pending_email").await?;
        self.store.list_users_by_pending_email(key, limit).await
    }

    async fn list_users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        self.asked("list_users").await?;
        self.store.list_users(filter).await
    }

    async fn has_active_admin(&self) -> Result<bool, StoreError> {
        self.asked("has_active_admin").await?;
        self.store.has_active_admin().await
    }

    async fn list_expired_pending_emails(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.asked("list_expired_pending_emails").await?;
        self.store.list_expired_pending_emails(before, limit).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.asked("server_time").await?;
        self.store.server_time().await
    }

    async fn list_audit_events(&self, filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError> {
        self.asked("list_audit_events").await?;
        self.store.list_audit_events(filter).await
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
        self.asked("list_audit_events_of").await?;
        self.store
            .list_audit_events_of(user_id, before, limit)
            .await
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), StoreError> {
        self.asked("sweep").await?;
        self.store.sweep(before).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.asked("ping").await
    }
}

#[async_trait]
impl Sessions for Spy {
    fn may_rewind(&self) -> bool {
        self.rewinds.load(Ordering::Relaxed)
    }

    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        self.asked("insert_session").await?;
        self.store.insert_session(session).await
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        self.asked("find_session").await?;
        self.store.find_session(user_id, digest, now).await
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.asked("list_sessions").await?;
        self.store.list_sessions(user_id, now).await
    }

    async fn renew_session(&self, session: &Session, expected: i64) -> Result<bool, StoreError> {
        self.asked("renew_session").await?;
        self.store.renew_session(session, expected).await
    }

    async fn set_session_epoch(
        &self,
        user_id: UserId,
        id: SessionId,
        epoch: i64,
    ) -> Result<(), StoreError> {
        self.asked("set_session_epoch").await?;
        self.store.set_session_epoch(user_id, id, epoch).await
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        self.asked("touch_sessions").await?;
        self.store.touch_sessions(seen).await
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        self.asked("delete_session").await?;
        self.store.delete_session(user_id, id).await
    }

    async fn sweep_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.asked("sweep_sessions").await?;
        self.store.sweep_sessions(now).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.asked("ping_sessions").await
    }
}

/// Name of a change, without its contents.
/// The kind of a change; for an operation on a record, with the table and the columns that it sets.
fn kind(change: &Change) -> String {
    let Change::Write(write) = change else {
        let written = format!("{change:?}");
        let end = written.find(['(', ' ']).unwrap_or(written.len());
        return written[..end].to_owned();
    };
    match write {
        Write::Insert(row) => format!("insert {}", row.table.name),
        Write::Put(row) => format!("put {}", row.table.name),
        Write::Replace { row, .. } => format!("replace {}", row.table.name),
        Write::Update { table, set, .. } => {
            let columns: Vec<_> = set.iter().map(|(column, _)| *column).collect();
            format!("update {}: {}", table.name, columns.join(", "))
        }
        Write::Delete { table, .. } => format!("delete {}", table.name),
        Write::Check { table, .. } => format!("check {}", table.name),
    }
}

/// Rate limits that record how they are called.
pub struct CountedRateLimits {
    limits: MemoryRateLimits,
    asked: Mutex<Vec<(&'static str, &'static str)>>,
}

impl CountedRateLimits {
    pub fn new() -> Self {
        Self {
            limits: MemoryRateLimits::new(20_000),
            asked: Mutex::default(),
        }
    }

    /// The calls since the last time: the operation and the name of the limit, without the key.
    pub fn take_asked(&self) -> Vec<(&'static str, &'static str)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn record(&self, operation: &'static str, limit: &KeyedLimit) {
        let call = (operation, limit.limit.name());
        self.asked.lock().unwrap().push(call);
    }
}

#[async_trait]
impl RateLimits for CountedRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        self.record("acquire", limit);
        self.limits.acquire(limit, now).await
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        self.record("release", limit);
        self.limits.release(limit, now).await
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<(), StoreError> {
        self.record("clear", limit);
        self.limits.clear(limit).await
    }
}

/// Seeded randomness that records the requested lengths. The hasher requests a salt of 16 bytes for each hash, so
/// salts count hashes.
pub struct CountedSecrets {
    seeded: SeededSecrets,
    lengths: Mutex<Vec<usize>>,
}

impl CountedSecrets {
    pub fn new(seed: u64) -> Self {
        Self {
            seeded: SeededSecrets::new(seed),
            lengths: Mutex::default(),
        }
    }

    /// Number of passwords hashed since the last time.
    pub fn take_hashes(&self) -> usize {
        let lengths = std::mem::take(&mut *self.lengths.lock().unwrap());
        lengths.into_iter().filter(|length| *length == 16).count()
    }
}

impl Secrets for CountedSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        self.lengths.lock().unwrap().push(bytes.len());
        self.seeded.fill(bytes);
    }
}
