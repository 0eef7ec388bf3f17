//! Passwords at rest: how one is hashed, verified, and replaced by a better hash of itself.
//!
//! [`Hasher`] is the only door: everything goes through its bounded pool of threads. `argon2id`
//! is our own scheme, `foreign` reads those that users were imported with. To add a foreign
//! scheme: one arm in `foreign::Scheme`, with its limits, and its published vectors as tests.

mod argon2id;
mod foreign;
mod pool;
pub mod strength;

use std::sync::Arc;

use crate::error::Error;
use crate::ports::Secrets;
use crate::values::{Password, Secret};

pub use argon2id::{Cost, Engine};
pub use foreign::UnreadableHash;
use pool::Pool;

/// How passwords are hashed, and on how many threads.
#[derive(Debug, Clone)]
pub struct HasherSettings {
    /// What a hash costs.
    pub cost: Cost,
    /// Which implementation computes it.
    pub engine: Engine,
    /// Threads; each keeps one hash's memory for good.
    pub threads: usize,
    /// How many may wait; one more is refused at once.
    pub queue: usize,
}

/// What a verification found.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is another password.
    Wrong,
    /// It is this one, kept as it should be.
    Right,
    /// It is this one, and here is the hash that should be kept from now on.
    RightButOutdated(Secret<String>),
}

impl Verdict {
    /// Whether the password was right.
    pub fn is_right(&self) -> bool {
        !matches!(self, Self::Wrong)
    }
}

/// Hashes and verifies, on threads of its own, at a bounded rate.
pub struct Hasher {
    pool: Pool,
    cost: Cost,
    secrets: Arc<dyn Secrets>,
    decoy: Secret<String>,
}

impl Hasher {
    /// Starts the threads, after the engine has shown that it computes RFC 9106's test vector.
    pub fn start(
        settings: &HasherSettings,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, EngineBroken> {
        settings.engine.check()?;
        let mut salt = [0; argon2id::SALT_BYTES];
        secrets.fill(&mut salt);
        let decoy =
            argon2id::Worker::new(settings.engine).hash(b"nobody's password", &salt, settings.cost);
        Ok(Self {
            pool: Pool::start(settings.threads, settings.queue, settings.engine),
            cost: settings.cost,
            secrets,
            decoy: Secret::new(decoy),
        })
    }

    /// A PHC string for a new password, with a fresh salt.
    pub async fn hash(&self, password: &Password) -> Result<Secret<String>, Error> {
        let mut salt = [0; argon2id::SALT_BYTES];
        self.secrets.fill(&mut salt);
        let (password, cost) = (password.clone(), self.cost);
        self.pool
            .run(move |worker| Secret::new(worker.hash(password.expose().as_bytes(), &salt, cost)))
            .await
    }

    /// Verifies a password against a kept hash. Without one, the same work is done against a
    /// decoy, so that an unknown account takes as long as a known one.
    pub async fn verify(
        &self,
        password: &Password,
        kept: Option<&Secret<String>>,
    ) -> Result<Verdict, Error> {
        let is_decoy = kept.is_none();
        let kept = kept.unwrap_or(&self.decoy).clone();
        let mut salt = [0; argon2id::SALT_BYTES];
        self.secrets.fill(&mut salt);
        let (password, cost) = (password.clone(), self.cost);
        self.pool
            .run(move |worker| {
                let password = password.expose().as_bytes();
                let right = match foreign::verify(worker, password, kept.expose()) {
                    Ok(right) => right && !is_decoy,
                    Err(unreadable) => {
                        tracing::error!(error = %unreadable, "a kept password hash cannot be read");
                        false
                    }
                };
                match right {
                    false => Verdict::Wrong,
                    true if argon2id::is_current(kept.expose(), cost) => Verdict::Right,
                    true => {
                        Verdict::RightButOutdated(Secret::new(worker.hash(password, &salt, cost)))
                    }
                }
            })
            .await
    }

    /// How many passwords wait, or are being hashed.
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }
}

/// Whether a hash from elsewhere can be verified here at all, before it is kept.
pub fn check_readable(hash: &str) -> Result<(), UnreadableHash> {
    foreign::parse(hash).map(|_| ())
}

/// The engine does not compute what the RFC says; nothing may be hashed with it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Argon2id engine fails the test vector of RFC 9106; choose `hashing.engine = \"portable\"`"
)]
pub struct EngineBroken;
