//! The dependencies of all services, and the steps that several of them need. Imports no service.
//!
//! A service holds an [`Arc`] of [`Core`] and calls the objects in its fields. A step of two services is a
//! method of such an object, or of `Core` in this folder, in `limits` or in `factors`; services do not call each other.

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::Access;
use crate::audit::limits::AuditLimits;
use crate::audit::subscriber::AuditSubscriber;
use crate::factors::attempts::CodeAttempts;
use crate::factors::challenge::Challenges;
use crate::factors::changes::FactorChanges;
use crate::factors::recovery_grant::RecoveryGrants;
use crate::factors::store::FactorStore;
use crate::factors::transfer::FactorTransfer;
use crate::factors::verifier::CodeVerifier;
use crate::hashing::Hasher;
use crate::keys::KeyStore;
use crate::limits::{DeviceCookies, MailboxLimits, RateLimiter};
use crate::links::undo::UndoLinks;
use crate::outbox::QueuedMails;
use crate::outbox::leases::MailLeases;
use crate::outbox::subscriber::MailSubscriber;
use crate::password::attempts::PasswordAttempts;
use crate::password::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::readiness::Readiness;
use crate::reauthentication::Reauthentication;
use crate::sessions::cache::SessionCache;
use crate::sessions::{LastSeenTimes, SessionEnder, SessionIssuer, SessionStore};
use crate::sign_up::SignUpCookies;
use crate::tokens::Keyring;
use crate::totals::counts::{CountingRecorder, TotalCounts};
use crate::user_versions::UserVersions;
use crate::users::removal::UserRemoval;
use crate::writer::Writer;

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
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) factor_transfer: FactorTransfer,
    pub(crate) factor_changes: FactorChanges,
    pub(crate) code_attempts: Arc<CodeAttempts>,
    pub(crate) code_verifier: Arc<CodeVerifier>,
    pub(crate) recovery_grants: RecoveryGrants,
    pub(crate) challenges: Challenges,
    pub(crate) reauthentication: Reauthentication,
    pub(crate) undo_links: UndoLinks,
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
        let factor_store = Arc::new(FactorStore {
            store: store.clone(),
        });
        let factor_transfer = FactorTransfer {
            store: store.clone(),
            factors: factor_store.clone(),
            keyring: keyring.clone(),
            random: random.clone(),
        };
        let factor_changes = FactorChanges {
            rate_limiter: rate_limiter.clone(),
            writer: writer.clone(),
        };
        let code_attempts = Arc::new(CodeAttempts {
            counters: ports.rate_limits.clone(),
            rate_limiter: rate_limiter.clone(),
            factors: factor_store.clone(),
            policy: policy.clone(),
        });
        let code_verifier = Arc::new(CodeVerifier {
            factors: factor_store.clone(),
            attempts: code_attempts.clone(),
            keyring: keyring.clone(),
            writer: writer.clone(),
        });
        let recovery_grants = RecoveryGrants {
            store: store.clone(),
            attempts: code_attempts.clone(),
            rate_limiter: rate_limiter.clone(),
        };
        let challenges = Challenges {
            store: store.clone(),
            writer: writer.clone(),
        };
        let reauthentication = Reauthentication {
            store: store.clone(),
            access: access.clone(),
            password_verifier: password_verifier.clone(),
            password_attempts: password_attempts.clone(),
            code_verifier: code_verifier.clone(),
            code_attempts: code_attempts.clone(),
            writer: writer.clone(),
        };
        let undo_links = UndoLinks {
            store: store.clone(),
            writer: writer.clone(),
            hasher: hasher.clone(),
            random: random.clone(),
            factors: factor_store.clone(),
            session_ender: session_ender.clone(),
            policy: policy.clone(),
        };
        Self {
            hasher,
            password_attempts,
            password_verifier,
            factor_store,
            factor_transfer,
            factor_changes,
            code_attempts,
            code_verifier,
            recovery_grants,
            challenges,
            reauthentication,
            undo_links,
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
