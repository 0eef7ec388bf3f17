//! The dependencies of all services, and the steps that several of them need. Imports no service.
//!
//! A service holds an [`Arc`](std::sync::Arc) of [`Core`] and calls the objects in its fields. A step of two services is a
//! method of such an object, or of `Core` in this folder, in `limits` or in `factors`; services do not call each other.

pub(crate) mod mail_leases;
pub(crate) mod step_up;
pub(crate) mod undo;

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::Access;
use crate::audit::limits::AuditLimits;
use crate::audit::subscriber::AuditSubscriber;
use crate::core::mail_leases::MailLeases;
use crate::hashing::Hasher;
use crate::keys::KeyStore;
use crate::limits::{DeviceCookies, MailboxLimits, RateLimiter};
use crate::outbox::QueuedMails;
use crate::outbox::subscriber::MailSubscriber;
use crate::password::attempts::PasswordAttempts;
use crate::password::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::readiness::Readiness;
use crate::sessions::cache::SessionCache;
use crate::sessions::{LastSeenTimes, SessionEnder, SessionIssuer, SessionStore};
use crate::sign_up::SignUpCookies;
use crate::tokens::Keyring;
use crate::totals::counts::{CountingRecorder, TotalCounts};
use crate::user_versions::UserVersions;
use crate::users::removal::UserRemoval;
use crate::writer::Writer;

/// Maximum number of attempts of an operation whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`](crate::error::Error::Overloaded).
pub(crate) const MAX_WRITE_ATTEMPTS: usize = 64;
/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const SESSION_CACHE_BYTES: u64 = 48 * 1024 * 1024;

/// The ports, the policy and the state of one node.
pub(crate) struct Core {
    pub(crate) ports: Ports,
    pub(crate) sessions: SessionStore,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) cache: SessionCache,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) session_issuer: SessionIssuer,
    pub(crate) key_store: Arc<KeyStore>,
    pub(crate) sign_up_cookies: SignUpCookies,
    pub(crate) user_removal: Arc<UserRemoval>,
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
        let keyring = Arc::new(keyring);
        let key_store = KeyStore::new(store.clone(), keyring.clone(), ports.clock.clone());
        let key_store = Arc::new(key_store);
        let sign_up_cookies = SignUpCookies {
            store: store.clone(),
            keyring: keyring.clone(),
            random: random.clone(),
        };
        let sessions = SessionStore::new(store.clone(), ports.sessions.clone());
        let last_seen = LastSeenTimes::new(sessions.clone(), policy.clone());
        let last_seen = Arc::new(last_seen);
        let session_ender = Arc::new(SessionEnder {
            sessions: sessions.clone(),
            user_versions: user_versions.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        });
        let session_issuer = SessionIssuer {
            sessions: sessions.clone(),
            ender: session_ender.clone(),
            keyring: keyring.clone(),
            random: random.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        };
        let user_removal = Arc::new(UserRemoval {
            store: store.clone(),
            writer: writer.clone(),
            sessions: session_ender.clone(),
        });
        let hasher = Arc::new(hasher.with_recorder(ports.recorder.clone()));
        let password_attempts = Arc::new(PasswordAttempts {
            store: store.clone(),
            counters: ports.rate_limits.clone(),
            rate_limiter: rate_limiter.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        });
        let password_verifier = Arc::new(PasswordVerifier {
            store: store.clone(),
            hasher: hasher.clone(),
            attempts: password_attempts.clone(),
            policy: policy.clone(),
            writer: writer.clone(),
        });
        Self {
            hasher,
            password_attempts,
            password_verifier,
            sessions,
            policy,
            device_cookies: DeviceCookies::new(keyring.mac_key("device")),
            keyring,
            cache: SessionCache::new(SESSION_CACHE_BYTES, user_versions.clone()),
            last_seen,
            session_ender,
            session_issuer,
            key_store,
            sign_up_cookies,
            user_removal,
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
}
