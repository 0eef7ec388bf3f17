//! The dependencies of all services, and the steps that several of them need. Imports no service.
//!
//! A service holds an [`Arc`](std::sync::Arc) of [`Core`] and calls its methods. A step of two services is a method of
//! `Core`, in this folder, in `limits`, in `factors` or in `events`; services do not call each other.

mod delete_user;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod mail_leases;
pub(crate) mod new_password;
mod pending_deletion;
pub(crate) mod pending_email;
pub(crate) mod sessions;
pub(crate) mod sign_up_cookie;
pub(crate) mod step_up;
pub(crate) mod undo;
pub(crate) mod users;
pub(crate) mod verify_password;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::access::Access;
use crate::audit::limits::AuditLimits;
use crate::audit::subscriber::AuditSubscriber;
use crate::core::keys::KeyRefreshes;
use crate::core::mail_leases::MailLeases;
use crate::error::{Error, FieldError};
use crate::hashing::Hasher;
use crate::limits::{DeviceCookies, MailboxLimits, RateLimiter};
use crate::model::User;
use crate::outbox::QueuedMails;
use crate::outbox::subscriber::MailSubscriber;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::readiness::Readiness;
use crate::session_cache::SessionCache;
use crate::session_store::SessionStore;
use crate::sessions::LastSeen;
use crate::tokens::Keyring;
use crate::totals::counts::{CountingRecorder, TotalCounts};
use crate::user_versions::UserVersions;
use crate::values::{NewPassword, SessionId};
use crate::writer::Writer;

/// Maximum number of attempts of an operation whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`].
pub(crate) const MAX_WRITE_ATTEMPTS: usize = 64;
/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const SESSION_CACHE_BYTES: u64 = 48 * 1024 * 1024;

/// The ports, the policy and the state of one node.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) sessions: SessionStore,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Hasher,
    pub(crate) keyring: Keyring,
    pub(crate) cache: SessionCache,
    pub(crate) seen: Mutex<HashMap<SessionId, LastSeen>>,
    /// Locked while the keys are loaded.
    pub(crate) key_refreshes: tokio::sync::Mutex<KeyRefreshes>,
    pub(crate) readiness: Readiness,
    pub(crate) device_cookies: DeviceCookies,
    pub(crate) audit_limits: Arc<AuditLimits>,
    pub(crate) mail_leases: MailLeases,
    pub(crate) total_counts: Arc<TotalCounts>,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) access: Arc<Access>,
    pub(crate) mailbox_limits: MailboxLimits,
}

impl Core {
    /// Creates the state of a node. Does no I/O.
    pub(crate) fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        let (store, random, policy) = (&ports.store, &ports.random, Arc::new(policy));
        let user_versions = Arc::<UserVersions>::default();
        let total_counts = Arc::<TotalCounts>::default();
        let audit_limits = Arc::<AuditLimits>::default();
        let queued_mails = Arc::new(QueuedMails::new(store.clone(), policy.max_outbox));
        let writer = Arc::new(Writer {
            store: store.clone(),
            user_versions: user_versions.clone(),
            queued_mails: queued_mails.clone(),
            recorder: Arc::new(CountingRecorder {
                counts: total_counts.clone(),
                clock: ports.clock.clone(),
                next: ports.recorder.clone(),
            }),
            subscribers: vec![
                Box::new(AuditSubscriber::new(random.clone(), audit_limits.clone())),
                Box::new(MailSubscriber {
                    random: random.clone(),
                    queued: queued_mails.clone(),
                }),
            ],
        });
        let access = Arc::new(Access {
            store: store.clone(),
            writer: writer.clone(),
            policy: policy.clone(),
        });
        let rate_limiter = Arc::new(RateLimiter {
            counters: ports.rate_limits.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        });
        let mailbox_limits = MailboxLimits {
            limiter: rate_limiter.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        };
        Self {
            hasher: hasher.with_recorder(ports.recorder.clone()),
            sessions: SessionStore::new(store.clone(), ports.sessions.clone()),
            policy,
            device_cookies: DeviceCookies::new(keyring.mac_key("device")),
            keyring,
            cache: SessionCache::new(SESSION_CACHE_BYTES, user_versions.clone()),
            seen: Mutex::new(HashMap::new()),
            key_refreshes: tokio::sync::Mutex::default(),
            readiness: Readiness::default(),
            mail_leases: MailLeases::default(),
            audit_limits,
            total_counts,
            user_versions,
            queued_mails,
            writer,
            access,
            rate_limiter,
            mailbox_limits,
            ports,
        }
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Checks a new password against the rules. `personal` are the user's own names.
    pub(crate) fn check_password_rules(
        &self,
        text: &str,
        personal: &[&str],
    ) -> Result<NewPassword, crate::values::Invalid> {
        NewPassword::parse(text, &self.policy.password_rules, personal)
    }

    pub(crate) fn check_password_field(
        &self,
        field: &str,
        text: &str,
        user: &User,
    ) -> Result<NewPassword, Error> {
        self.check_password_rules(text, &user.personal_words())
            .map_err(|invalid| Error::Invalid(vec![FieldError::new(field, invalid)]))
    }

    pub(crate) fn record_last_seen(&self, used: LastSeen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(used.id, used);
    }
}
