//! Stores that fail on demand: down, cut off at the end of a write, or with a panic. They also record the outbox.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_domain::audit::AuditLog;
use doorward_domain::changes::{ApplyError, Change, Changes};
use doorward_domain::model::{AuditEvent, AuditFilter, MailJob, Session, User, UserFilter};
use doorward_domain::ports::{LastSeen, Sessions, Store, StoreError};
use doorward_domain::store::{Claim, Query, Record, Row, Table, Value, Write};
use doorward_domain::values::{AuditEventId, Digest, SessionId, UserId};
use jiff::Timestamp;

/// State of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreMode {
    Fine,
    Down,
    /// Accounts are available, sessions are not.
    SessionsDown,
    /// A write is made, and its response is lost.
    OutcomeUnknown,
    Panics,
}

impl StoreMode {
    const ALL: [Self; 5] = [
        Self::Fine,
        Self::Down,
        Self::SessionsDown,
        Self::OutcomeUnknown,
        Self::Panics,
    ];
}

/// The stores of the application under test.
pub struct FaultyStore {
    store: Arc<dyn Store>,
    sessions: Arc<dyn Sessions>,
    mode: AtomicU8,
    outbox: Mutex<Vec<MailJob>>,
}

impl FaultyStore {
    pub fn new(store: Arc<dyn Store>, sessions: Arc<dyn Sessions>) -> Self {
        Self {
            store,
            sessions,
            mode: AtomicU8::new(StoreMode::Fine as u8),
            outbox: Mutex::default(),
        }
    }

    /// The queued mails.
    pub fn outbox(&self) -> Vec<MailJob> {
        self.outbox.lock().unwrap().clone()
    }

    pub fn turn(&self, mode: StoreMode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    fn mode(&self) -> StoreMode {
        StoreMode::ALL[usize::from(self.mode.load(Ordering::SeqCst))]
    }

    fn ask_store(&self) -> Result<&dyn Store, StoreError> {
        match self.mode() {
            StoreMode::Fine | StoreMode::SessionsDown | StoreMode::OutcomeUnknown => {
                Ok(&*self.store)
            }
            StoreMode::Down => Err(fault()),
            StoreMode::Panics => panic!("{INSIDE}"),
        }
    }

    fn ask_sessions(&self) -> Result<&dyn Sessions, StoreError> {
        match self.mode() {
            StoreMode::Fine | StoreMode::OutcomeUnknown => Ok(&*self.sessions),
            StoreMode::Down | StoreMode::SessionsDown => Err(fault()),
            StoreMode::Panics => panic!("{INSIDE}"),
        }
    }
}

/// A text that no response may contain.
const INSIDE: &str = "secret-of-the-inside";

fn fault() -> StoreError {
    StoreError::new("tests", INSIDE)
}

/// Applies a written change to the recorded outbox.
fn post(outbox: &mut Vec<MailJob>, change: &Change) {
    match change {
        Change::Write(Write::Insert(row)) if row.table == MailJob::TABLE => {
            outbox.push(row.read().unwrap());
        }
        Change::Write(Write::Delete { table, key, .. }) if *table == MailJob::TABLE => {
            outbox.retain(|job| Value::from(job.id) != *key);
        }
        Change::Write(Write::Update {
            table, key, set, ..
        }) if *table == MailJob::TABLE => {
            let has_failed = set.iter().any(|(column, _)| *column == "failed_at");
            outbox.retain(|job| !has_failed || Value::from(job.id) != *key);
        }
        Change::DeleteUser(id) => {
            outbox.retain(|job| job.user_id != Some(*id));
        }
        _ => {}
    }
}

macro_rules! passed_on {
    ($port:ident by $ask:ident { $(own $own:item)* $(pass $name:ident($($argument:ident: $kind:ty),*) -> $out:ty;)+ }) => {
        #[async_trait]
        impl $port for FaultyStore {
            $($own)*

            $(async fn $name(&self, $($argument: $kind),*) -> $out {
                self.$ask()?.$name($($argument),*).await
            })+
        }
    };
}

passed_on!(Store by ask_store {
    own async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        let noted = changes.clone();
        self.ask_store()?.apply(changes).await?;
        let mut outbox = self.outbox.lock().unwrap();
        noted.iter().for_each(|change| post(&mut outbox, change));
        match self.mode() {
            StoreMode::OutcomeUnknown => Err(ApplyError::OutcomeUnknown(fault())),
            _ => Ok(()),
        }
    }

    own fn audit_log(&self) -> &dyn AuditLog {
        self.store.audit_log()
    }

    pass get_row(table: &'static Table, key: Value) -> Result<Option<Row>, StoreError>;
    pass find_row(table: &'static Table, column: &'static str, value: Value) -> Result<Option<Row>, StoreError>;
    pass count_rows(query: Query) -> Result<u64, StoreError>;
    pass claim_rows(claim: Claim) -> Result<Vec<Row>, StoreError>;
    pass get_rows(table: &'static Table, keys: Vec<Value>) -> Result<Vec<Row>, StoreError>;
    pass list_rows(query: Query) -> Result<Vec<Row>, StoreError>;
    pass find_user(id: UserId) -> Result<Option<User>, StoreError>;
    pass find_user_by_username(key: &str) -> Result<Option<User>, StoreError>;
    pass find_user_by_email(key: &str) -> Result<Option<User>, StoreError>;
    pass list_users_by_pending_email(key: &str, limit: usize) -> Result<Vec<User>, StoreError>;
    pass list_users(filter: &UserFilter) -> Result<Vec<User>, StoreError>;
    pass has_active_admin() -> Result<bool, StoreError>;
    pass list_expired_pending_emails(before: Timestamp, limit: usize) -> Result<Vec<UserId>, StoreError>;
    pass server_time() -> Result<Option<Timestamp>, StoreError>;
    pass list_audit_events_of(user_id: UserId, before: Option<AuditEventId>, limit: usize) -> Result<Vec<AuditEvent>, StoreError>;
    pass list_audit_events(filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError>;
    pass sweep(before: Timestamp) -> Result<(), StoreError>;
    pass ping() -> Result<(), StoreError>;
});

passed_on!(Sessions by ask_sessions {
    own fn may_rewind(&self) -> bool {
        self.sessions.may_rewind()
    }

    pass insert_session(session: &Session) -> Result<(), StoreError>;
    pass find_session(user_id: UserId, digest: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError>;
    pass list_sessions(user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    pass renew_session(session: &Session, expected: i64) -> Result<bool, StoreError>;
    pass set_session_epoch(user_id: UserId, id: SessionId, epoch: i64) -> Result<(), StoreError>;
    pass touch_sessions(seen: &[LastSeen]) -> Result<(), StoreError>;
    pass delete_session(user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    pass sweep_sessions(now: Timestamp) -> Result<(), StoreError>;
    pass ping() -> Result<(), StoreError>;
});
