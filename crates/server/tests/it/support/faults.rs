//! Stores that fail on demand: down, cut off at the end of a write, or with a panic. They also record the outbox.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_domain::model::{Credential, MailJob, Session};
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::{
    ApplyError, Batch, Claim, Query, ReadStore, Record, Row, Store, StoreError, Table, Value, Write,
};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;

/// State of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreMode {
    Fine,
    Down,
    /// Accounts are available, sessions are not.
    SessionsDown,
    /// Sessions are read, and not updated.
    SessionsReadOnly,
    /// Accounts and sessions are available, credentials are not.
    CredentialsDown,
    /// A write is made, and its response is lost.
    OutcomeUnknown,
    Panics,
}

impl StoreMode {
    const ALL: [Self; 7] = [
        Self::Fine,
        Self::Down,
        Self::SessionsDown,
        Self::SessionsReadOnly,
        Self::CredentialsDown,
        Self::OutcomeUnknown,
        Self::Panics,
    ];
}

/// The stores of the application under test.
pub struct FaultyStore {
    store: Arc<dyn Store>,
    sessions: Option<Arc<dyn SeparateSessions>>,
    mode: AtomicU8,
    outbox: Mutex<Vec<MailJob>>,
}

impl FaultyStore {
    pub fn new(store: Arc<dyn Store>, sessions: Option<Arc<dyn SeparateSessions>>) -> Self {
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

    pub fn set_mode(&self, mode: StoreMode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    fn mode(&self) -> StoreMode {
        StoreMode::ALL[usize::from(self.mode.load(Ordering::SeqCst))]
    }

    fn ask_store(&self) -> Result<&dyn Store, StoreError> {
        match self.mode() {
            StoreMode::Fine
            | StoreMode::SessionsDown
            | StoreMode::SessionsReadOnly
            | StoreMode::CredentialsDown
            | StoreMode::OutcomeUnknown => Ok(&*self.store),
            StoreMode::Down => Err(fault()),
            StoreMode::Panics => panic!("{INSIDE}"),
        }
    }

    fn ask_table(&self, table: &Table) -> Result<&dyn Store, StoreError> {
        match self.mode() {
            StoreMode::SessionsDown if table == Session::TABLE => Err(fault()),
            StoreMode::CredentialsDown if table == Credential::TABLE => Err(fault()),
            _ => self.ask_store(),
        }
    }

    fn ask_sessions(&self) -> Result<&dyn SeparateSessions, StoreError> {
        match self.mode() {
            StoreMode::Fine
            | StoreMode::SessionsReadOnly
            | StoreMode::CredentialsDown
            | StoreMode::OutcomeUnknown => Ok(&**self.sessions.as_ref().unwrap()),
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

/// Applies a write to the recorded outbox.
fn post(outbox: &mut Vec<MailJob>, write: &Write) {
    match write {
        Write::Insert(row) if row.table == MailJob::TABLE => {
            outbox.push(row.read().unwrap());
        }
        Write::Delete { table, key, .. } if *table == MailJob::TABLE => {
            outbox.retain(|job| Value::from(job.id) != *key);
        }
        Write::Update {
            table, key, set, ..
        } if *table == MailJob::TABLE => {
            let has_failed = set
                .iter()
                .any(|(column, value)| *column == "failed_at" && *value != Value::Null);
            outbox.retain(|job| !has_failed || Value::from(job.id) != *key);
        }
        _ => {}
    }
}

macro_rules! delegate {
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

delegate!(ReadStore by ask_store {
    own async fn find_row(&self, table: &'static Table, column: &'static str, value: Value) -> Result<Option<Row>, StoreError> {
        self.ask_table(table)?.find_row(table, column, value).await
    }

    own async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.ask_table(query.table)?.list_rows(query).await
    }

    own async fn get_rows(&self, table: &'static Table, keys: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.ask_table(table)?.get_rows(table, keys).await
    }

    pass count_rows(query: Query) -> Result<u64, StoreError>;
});

delegate!(Store by ask_store {
    own async fn apply(&self, batch: Batch) -> Result<(), ApplyError> {
        for write in &batch {
            let table = write.table();
            if self.mode() == StoreMode::SessionsReadOnly && table == Session::TABLE {
                return Err(fault().into());
            }
            self.ask_table(table)?;
        }
        let noted = batch.clone();
        self.ask_store()?.apply(batch).await?;
        let mut outbox = self.outbox.lock().unwrap();
        noted.iter().for_each(|write| post(&mut outbox, write));
        match self.mode() {
            StoreMode::OutcomeUnknown => Err(ApplyError::OutcomeUnknown(fault())),
            _ => Ok(()),
        }
    }

    own async fn purge(&self, tables: &[&'static Table], owner: Value) -> Result<(), StoreError> {
        self.ask_store()?.purge(tables, owner.clone()).await?;
        self.outbox.lock().unwrap().retain(|job| Value::from(job.user_id) != owner);
        Ok(())
    }

    pass claim_rows(claim: Claim) -> Result<Vec<Row>, StoreError>;
    pass server_time() -> Result<Option<Timestamp>, StoreError>;
    pass sweep(table: &'static Table, before: Timestamp) -> Result<(), StoreError>;
    pass ping() -> Result<(), StoreError>;
});

delegate!(SeparateSessions by ask_sessions {
    own fn may_lose_writes(&self) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| sessions.may_lose_writes())
    }

    own async fn update_session(&self, session: &Session, update: SessionUpdate) -> Result<bool, StoreError> {
        match self.mode() {
            StoreMode::SessionsReadOnly => Err(fault()),
            _ => self.ask_sessions()?.update_session(session, update).await,
        }
    }

    pass insert_session(session: &Session) -> Result<(), StoreError>;
    pass find_session(user_id: UserId, digest: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError>;
    pass list_sessions(user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    pass touch_sessions(seen: &[LastSeen]) -> Result<(), StoreError>;
    pass delete_session(user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    pass ping() -> Result<(), StoreError>;
});
