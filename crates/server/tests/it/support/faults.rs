//! A store that works until it is told not to: down, or broken in a way nobody thought of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use doorward_domain::changes::{ApplyError, Changes};
use doorward_domain::model::{
    AuditEvent, AuditFilter, Credential, Link, MailJob, Session, SigningKey, User, UserFilter,
};
use doorward_domain::ports::{Sessions, Store, StoreError};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;

/// What keeps both accounts and sessions.
pub trait Backend: Store + Sessions {}

impl<T: Store + Sessions> Backend for T {}

/// How the store fares.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    Fine,
    Down,
    Panics,
}

/// The store that the application under test sees.
pub struct FaultyStore {
    inner: Arc<dyn Backend>,
    mood: AtomicU8,
}

impl FaultyStore {
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        let mood = AtomicU8::new(Mood::Fine as u8);
        Self { inner, mood }
    }

    pub fn turn(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    fn ask(&self) -> Result<&dyn Backend, StoreError> {
        let mood = self.mood.load(Ordering::SeqCst);
        assert!(mood != Mood::Panics as u8, "secret-of-the-inside");
        if mood == Mood::Down as u8 {
            return Err(StoreError::new("tests", "secret-of-the-inside"));
        }
        Ok(&*self.inner)
    }
}

macro_rules! passed_on {
    ($port:ident { $($name:ident($($argument:ident: $kind:ty),*) -> $out:ty;)+ }) => {
        #[async_trait]
        impl $port for FaultyStore {
            $(async fn $name(&self, $($argument: $kind),*) -> $out {
                $port::$name(self.ask()?, $($argument),*).await
            })+
        }
    };
}

passed_on!(Store {
    apply(changes: Changes) -> Result<(), ApplyError>;
    find_user(id: UserId) -> Result<Option<User>, StoreError>;
    find_user_by_username(key: &str) -> Result<Option<User>, StoreError>;
    find_user_by_email(key: &str) -> Result<Option<User>, StoreError>;
    list_users_by_pending_email(key: &str, limit: usize) -> Result<Vec<User>, StoreError>;
    list_users(filter: &UserFilter) -> Result<Vec<User>, StoreError>;
    has_active_admin() -> Result<bool, StoreError>;
    list_pending_users_before(before: Timestamp, limit: usize) -> Result<Vec<UserId>, StoreError>;
    find_credential(user_id: UserId) -> Result<Option<Credential>, StoreError>;
    find_link(digest: &Digest) -> Result<Option<Link>, StoreError>;
    claim_mail_jobs(now: Timestamp, lease_until: Timestamp, limit: usize) -> Result<Vec<MailJob>, StoreError>;
    next_mail_due_at() -> Result<Option<Timestamp>, StoreError>;
    list_signing_keys() -> Result<Vec<SigningKey>, StoreError>;
    list_audit_events(filter: &AuditFilter) -> Result<Vec<AuditEvent>, StoreError>;
    sweep(before: Timestamp) -> Result<(), StoreError>;
    ping() -> Result<(), StoreError>;
});

passed_on!(Sessions {
    insert_session(session: &Session) -> Result<(), StoreError>;
    find_session(digest: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError>;
    list_sessions(user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    renew_session(session: &Session, expected: i64) -> Result<bool, StoreError>;
    set_session_epoch(user_id: UserId, id: SessionId, epoch: i64) -> Result<(), StoreError>;
    touch_sessions(seen: &[(SessionId, Timestamp)]) -> Result<(), StoreError>;
    delete_session(user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    delete_sessions(user_id: UserId, except: Option<SessionId>) -> Result<u64, StoreError>;
    sweep_sessions(now: Timestamp) -> Result<(), StoreError>;
    ping() -> Result<(), StoreError>;
});
