//! A store that records its calls, fails on demand, and lets a test write between two calls.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_domain::clock::RandomSource;
use doorward_domain::limits::{Decision, KeyedLimit, MemoryRateLimits, RateLimits};
use doorward_domain::memory::{MemoryStore, SeededRandom};
use doorward_domain::model::{AuditEvent, AuditRecord, Session, User};
use doorward_domain::sessions::SessionStore;
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::{
    ApplyError, Batch, Claim, Query, ReadStore, Record, Row, Store, StoreError, Table, Value, Write,
};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;

#[derive(Default)]
pub struct Spy {
    pub store: Arc<MemoryStore>,
    /// Sessions of worlds that store them separately.
    apart: Arc<MemoryStore>,
    calls: Mutex<Vec<&'static str>>,
    failing: Mutex<HashSet<&'static str>>,
    failing_after: Mutex<HashMap<&'static str, usize>>,
    hanging: Mutex<HashSet<&'static str>>,
    between: Mutex<Option<Batch>>,
    before_read: Mutex<Option<(&'static str, usize, Batch)>>,
    audited: Mutex<Vec<AuditEvent>>,
    changes: Mutex<Vec<String>>,
    yields: AtomicBool,
    loses: AtomicBool,
    most_users: Mutex<Option<usize>>,
}

impl Spy {
    /// The store of the sessions that are apart from the others.
    pub fn separate(&self) -> SessionStore {
        SessionStore::new(self.apart.clone(), None)
    }

    /// Fails if writes to this table are to fail: `write TABLE`.
    fn asked_to_write(&self, write: &Write) -> Result<(), StoreError> {
        let name = format!("write {}", write.table().name);
        let failing = self.failing.lock().unwrap();
        match failing.iter().any(|operation| **operation == name) {
            true => Err(StoreError::new(name, "told to fail")),
            false => Ok(()),
        }
    }

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
    pub fn take_writes(&self) -> Vec<String> {
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
    pub fn hang_on(&self, operation: &'static str) {
        self.hanging.lock().unwrap().insert(operation);
    }

    /// Ends all failures set by [`Self::fail`].
    pub fn clear_failures(&self) {
        self.failing.lock().unwrap().clear();
    }

    /// Applies these changes right before the next write, like a concurrent request.
    pub fn interleave(&self, changes: Batch) {
        *self.between.lock().unwrap() = Some(changes);
    }

    /// Applies these changes right before this table is read, after as many other reads of it, like a concurrent request.
    pub fn interleave_read(&self, table: &'static str, after: usize, changes: Batch) {
        *self.before_read.lock().unwrap() = Some((table, after, changes));
    }

    /// Applies the next write, and loses its response.
    pub fn lose_reply(&self) {
        self.loses.store(true, Ordering::Relaxed);
    }

    /// Makes every write of more new users than this time out.
    pub fn take_at_most(&self, users: usize) {
        *self.most_users.lock().unwrap() = Some(users);
    }

    /// Makes every call yield to the other tasks first, so that two joined calls run in step.
    pub fn yield_once(&self) {
        self.yields.store(true, Ordering::Relaxed);
    }

    async fn asked(&self, operation: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(operation);
        if self.yields.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let changes = self.before_read.lock().unwrap().take();
        match changes {
            Some((table, 0, changes)) if table == operation => {
                self.store.apply(changes).await.unwrap();
            }
            Some((table, after, changes)) => {
                let after = after - usize::from(table == operation);
                self.interleave_read(table, after, changes);
            }
            None => {}
        }
        if let Some(left) = self.failing_after.lock().unwrap().get_mut(operation) {
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => return Err(StoreError::new(operation, "configured to fail")),
            }
        }
        if self.failing.lock().unwrap().contains(operation) {
            return Err(StoreError::new(operation, "configured to fail"));
        }
        if self.hanging.lock().unwrap().contains(operation) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[async_trait]
impl ReadStore for Spy {
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.asked(table.name).await?;
        self.store.get_rows(table, keys).await
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

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.asked(query.table.name).await?;
        self.store.list_rows(query).await
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        self.asked(query.table.name).await?;
        self.store.count_rows(query).await
    }
}

#[async_trait]
impl Store for Spy {
    async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        self.asked("apply").await?;
        let kinds = batch.iter().map(kind);
        self.changes.lock().unwrap().extend(kinds);
        for write in &batch {
            self.asked_to_write(write)?;
        }
        let is_new =
            |write: &&Write| matches!(write, Write::Insert(row) if row.table == User::TABLE);
        let most = self.most_users.lock().unwrap().unwrap_or(usize::MAX);
        if batch.iter().filter(is_new).count() > most {
            return Err(StoreError::new("apply", "no time left").into());
        }
        let between = self.between.lock().unwrap().take();
        if let Some(between) = between {
            self.store.apply(between).await.unwrap();
        }
        self.store.apply(batch.clone()).await?;
        let audited = batch.iter().filter_map(|write| match write {
            Write::Insert(row) if row.table == AuditRecord::TABLE => row.read().ok(),
            _ => None,
        });
        self.audited.lock().unwrap().extend(audited);
        if self.loses.swap(false, Ordering::Relaxed) {
            return Err(ApplyError::OutcomeUnknown(StoreError::new("apply", "lost")));
        }
        Ok(())
    }

    async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        self.asked(claim.table.name).await?;
        self.store.claim_rows(claim).await
    }

    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.asked("server_time").await?;
        self.store.server_time().await
    }

    async fn sweep(&self, table: &'static Table, before: Timestamp) -> Result<(), StoreError> {
        self.asked("sweep").await?;
        self.store.sweep(table, before).await
    }

    async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        self.asked("purge").await?;
        self.store.purge(tables, owner).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.asked("ping").await
    }
}

#[async_trait]
impl SeparateSessions for Spy {
    async fn insert_session(&self, session: &Session) -> Result<(), StoreError> {
        self.asked("insert_session").await?;
        self.separate()
            .open(session, Batch::new())
            .await
            .map_err(|error| StoreError::new("insert_session", error))
    }

    async fn find_session(
        &self,
        user_id: UserId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        self.asked("find_session").await?;
        self.separate().find(user_id, digest, now).await
    }

    async fn list_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.asked("list_sessions").await?;
        self.separate().list(user_id, now).await
    }

    async fn update_session(
        &self,
        session: &Session,
        update: SessionUpdate,
    ) -> Result<bool, StoreError> {
        self.asked("update_session").await?;
        self.separate().update(session, update).await
    }

    async fn touch_sessions(&self, seen: &[LastSeen]) -> Result<(), StoreError> {
        self.asked("touch_sessions").await?;
        self.separate().touch(seen).await
    }

    async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<bool, StoreError> {
        self.asked("delete_session").await?;
        self.separate().delete(user_id, id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.asked("ping_sessions").await
    }
}

/// The kind of a write, its table and the columns that it sets.
fn kind(write: &Write) -> String {
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
pub struct SpyRateLimits {
    limits: MemoryRateLimits,
    fails_releases: AtomicBool,
    asked: Mutex<Vec<(&'static str, &'static str)>>,
}

impl SpyRateLimits {
    pub fn new() -> Self {
        Self {
            limits: MemoryRateLimits::new(20_000),
            fails_releases: AtomicBool::new(false),
            asked: Mutex::default(),
        }
    }

    /// Makes each release fail.
    pub fn fail_releases(&self) {
        self.fails_releases.store(true, Ordering::SeqCst);
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
impl RateLimits for SpyRateLimits {
    async fn acquire(&self, limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError> {
        self.record("acquire", limit);
        self.limits.acquire(limit, now).await
    }

    async fn release(&self, limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError> {
        self.record("release", limit);
        if self.fails_releases.load(Ordering::SeqCst) {
            return Err(StoreError::new("release", "the store is down"));
        }
        self.limits.release(limit, now).await
    }

    async fn clear(&self, limit: &KeyedLimit) -> Result<u32, StoreError> {
        self.record("clear", limit);
        self.limits.clear(limit).await
    }
}

/// Seeded randomness that records the requested lengths. The hasher requests a salt of 16 bytes for each hash, so
/// salts count hashes.
pub struct SpyRandom {
    seeded: SeededRandom,
    lengths: Mutex<Vec<usize>>,
}

impl SpyRandom {
    pub fn new(seed: u64) -> Self {
        Self {
            seeded: SeededRandom::new(seed),
            lengths: Mutex::default(),
        }
    }

    /// Number of passwords hashed since the last time.
    pub fn take_hashes(&self) -> usize {
        let lengths = std::mem::take(&mut *self.lengths.lock().unwrap());
        lengths.into_iter().filter(|length| *length == 16).count()
    }
}

impl RandomSource for SpyRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.lengths.lock().unwrap().push(bytes.len());
        self.seeded.fill(bytes);
    }
}
