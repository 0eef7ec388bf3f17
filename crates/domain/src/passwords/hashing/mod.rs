//! Password hashing: hashes, verifies and rehashes passwords.
//!
//! All hashing goes through [`Hasher`] and its bounded pool of threads. `argon2id` is Doorward's own scheme;
//! `foreign` verifies a stored hash of any scheme, also of imported users. To add a foreign scheme: one arm in `foreign::HashScheme`, with
//! its limits, and its published vectors as tests.

mod argon2id;
mod foreign;
mod foreign_firebase;
mod foreign_pbkdf2;
mod foreign_scrypt;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hash_queue;
mod hash_text;
mod pepper;
mod pool;

use std::sync::Arc;

use crate::clock::RandomSource;
use crate::error::Error;
use crate::metric_event::MetricsRecorder;
use crate::values::{Password, Secret};

pub use argon2id::{Cost, Engine, EngineSelfTestError};
pub use foreign_firebase::FirebaseParameters;
pub use hash_queue::HashClient;
pub use hash_text::UnreadableHash;
pub use pepper::Peppers;
use pool::HashPool;

/// Settings of password hashing.
#[derive(Debug, Clone)]
pub struct HasherSettings {
    /// Cost of a hash.
    pub cost: Cost,
    /// Implementation that computes it.
    pub engine: Engine,
    /// Number of threads. Each holds the memory of one hash while it is in use.
    pub threads: usize,
    /// Maximum number of waiting passwords of known clients, and as many of unknown clients; more are rejected at
    /// once.
    pub queue_limit: usize,
}

/// Result of a verification.
#[derive(Debug, Clone)]
pub enum Verification {
    /// The password is wrong.
    Mismatch,
    /// The password is correct, and its hash is current.
    Match,
    /// The password is correct, and this new hash must replace the stored one.
    MatchNeedsRehash(Secret<String>),
}

impl Verification {
    /// Returns `true` if the password is correct.
    pub fn is_match(&self) -> bool {
        !matches!(self, Self::Mismatch)
    }
}

/// Hashes and verifies passwords on dedicated threads, at a bounded rate.
pub struct Hasher {
    pool: HashPool,
    cost: Cost,
    random: Arc<dyn RandomSource>,
    peppers: Arc<Peppers>,
    decoy: Secret<String>,
}

impl Hasher {
    /// Starts the threads. Fails if the engine does not compute a published test vector. With peppers, the decoy also has one,
    /// so that verifying it includes the HMAC.
    pub fn start(
        settings: &HasherSettings,
        random: Arc<dyn RandomSource>,
        peppers: Peppers,
    ) -> Result<Self, EngineSelfTestError> {
        settings.engine.check()?;
        let decoy = argon2id::random_hash(settings.cost, peppers.current(), &*random);
        Ok(Self {
            pool: HashPool::start(settings.threads, settings.queue_limit, settings.engine),
            cost: settings.cost,
            random,
            peppers: Arc::new(peppers),
            decoy: Secret::new(decoy),
        })
    }

    /// Records waiting and hashing times.
    pub(crate) fn with_recorder(mut self, recorder: Arc<dyn MetricsRecorder>) -> Self {
        self.pool.with_recorder(recorder);
        self
    }

    /// Hashes a new password with a random salt and returns a PHC string. Fails with [`Error::Overloaded`] if the
    /// queue has no place for the client (P-10).
    #[tracing::instrument(name = "hash_password", level = "trace", skip_all)]
    pub async fn hash(
        &self,
        client: &HashClient,
        password: &Password,
    ) -> Result<Secret<String>, Error> {
        let mut salt = [0; argon2id::SALT_BYTES];
        self.random.fill(&mut salt);
        let (password, cost, peppers) = (password.clone(), self.cost, self.peppers.clone());
        self.pool
            .run(client, move |worker| {
                let password = password.expose().as_bytes();
                Secret::new(worker.hash(password, &salt, cost, peppers.current()))
            })
            .await
    }

    /// Verifies a password against a stored hash. Without one, does the same work with a decoy, so that an
    /// unknown account takes as long as a known one.
    #[tracing::instrument(name = "verify_password", level = "trace", skip_all)]
    pub async fn verify(
        &self,
        client: &HashClient,
        password: &Password,
        stored: Option<&Secret<String>>,
    ) -> Result<Verification, Error> {
        let is_decoy = stored.is_none();
        let decoy = self.decoy.clone();
        let stored = stored.unwrap_or(&decoy).clone();
        let mut salt = [0; argon2id::SALT_BYTES];
        self.random.fill(&mut salt);
        let (password, cost, peppers) = (password.clone(), self.cost, self.peppers.clone());
        self.pool
            .run(client, move |worker| {
                let password = password.expose().as_bytes();
                let right = match foreign::verify(worker, password, stored.expose(), &peppers) {
                    Ok(right) => right && !is_decoy,
                    Err(unreadable) => {
                        tracing::error!(error = %unreadable, "stored password hash cannot be verified; the account cannot sign in");
                        // For the client it is a wrong password, also by its timing.
                        let _ = foreign::verify(worker, password, decoy.expose(), &peppers);
                        false
                    }
                };
                let pepper = peppers.current();
                match right {
                    false => Verification::Mismatch,
                    true if foreign::is_current(stored.expose(), cost, pepper) => Verification::Match,
                    true => Verification::MatchNeedsRehash(Secret::new(
                        worker.hash(password, &salt, cost, pepper),
                    )),
                }
            })
            .await
    }

    /// Returns the error of a stored hash whose pepper is not configured; `None` for any other hash.
    pub fn missing_pepper(&self, stored: &Secret<String>) -> Option<UnreadableHash> {
        match foreign::parse(stored.expose()) {
            Ok(foreign::HashScheme::Argon2 {
                pepper: Some(id), ..
            }) if self.peppers.find(&id).is_none() => Some(foreign::UNKNOWN_PEPPER),
            _ => None,
        }
    }

    /// Number of passwords that wait or are being hashed.
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }

    /// Maximum number of passwords that wait or are being hashed.
    pub fn capacity(&self) -> usize {
        self.pool.capacity()
    }
}

/// Checks that an imported hash can be verified, before it is stored.
pub fn check_readable(hash: &str) -> Result<(), UnreadableHash> {
    foreign::parse(hash).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    fn hasher(cost: Cost) -> Hasher {
        let settings = HasherSettings {
            cost,
            engine: Engine::Fast,
            threads: 1,
            queue_limit: 8,
        };
        let random = Arc::new(SeededRandom::new(1));
        Hasher::start(&settings, random, Peppers::default()).unwrap()
    }

    fn a_client() -> HashClient {
        HashClient::known_device()
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    const DEARER: Cost = Cost {
        memory_kib: 64,
        passes: 2,
        lanes: 1,
    };

    #[tokio::test]
    async fn a_hash_verifies_only_with_its_password() {
        let hasher = hasher(CHEAP);
        let kept = hasher.hash(&a_client(), &password("right")).await.unwrap();
        let right = hasher
            .verify(&a_client(), &password("right"), Some(&kept))
            .await;
        assert!(matches!(right.unwrap(), Verification::Match));
        for other in ["Right", "right ", "", "righ"] {
            let wrong = hasher
                .verify(&a_client(), &password(other), Some(&kept))
                .await;
            assert!(
                matches!(wrong.unwrap(), Verification::Mismatch),
                "{other:?}"
            );
        }
    }

    /// P-07: at the next sign-in with the correct password, and not with a wrong one.
    #[tokio::test]
    async fn a_hash_below_the_policy_is_rehashed() {
        let (old, new) = (hasher(CHEAP), hasher(DEARER));
        let kept = old.hash(&a_client(), &password("right")).await.unwrap();
        let wrong = new
            .verify(&a_client(), &password("wrong"), Some(&kept))
            .await
            .unwrap();
        assert!(matches!(wrong, Verification::Mismatch));
        let verification = new
            .verify(&a_client(), &password("right"), Some(&kept))
            .await
            .unwrap();
        assert!(verification.is_match());
        let Verification::MatchNeedsRehash(newer) = verification else {
            panic!("{verification:?}");
        };
        assert!(newer.expose().starts_with("$argon2id$v=19$m=64,t=2,p=1$"));
        let again = new
            .verify(&a_client(), &password("right"), Some(&newer))
            .await;
        assert!(matches!(again.unwrap(), Verification::Match));
        let dearer_is_fine = old
            .verify(&a_client(), &password("right"), Some(&newer))
            .await;
        assert!(matches!(dearer_is_fine.unwrap(), Verification::Match));
    }

    #[tokio::test]
    async fn an_imported_hash_is_rehashed_and_an_unreadable_one_never_verifies() {
        let hasher = hasher(CHEAP);
        let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let imported = Secret::new(bcrypt.to_owned());
        let verification = hasher
            .verify(&a_client(), &password("U*U"), Some(&imported))
            .await;
        assert!(matches!(
            verification.unwrap(),
            Verification::MatchNeedsRehash(_)
        ));
        for garbage in ["", "U*U", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$"] {
            let garbage = Secret::new(garbage.to_owned());
            let verification = hasher
                .verify(&a_client(), &password("U*U"), Some(&garbage))
                .await;
            assert!(matches!(verification.unwrap(), Verification::Mismatch));
        }
    }

    /// the decoy is a hash of our own scheme at the current cost, and no password matches it.
    #[tokio::test]
    async fn without_a_hash_the_same_work_is_done() {
        let hasher = hasher(DEARER);
        assert!(foreign::is_current(hasher.decoy.expose(), DEARER, None));
        assert!(!foreign::is_current(
            hasher.decoy.expose(),
            Cost::MINIMUM,
            None
        ));
        for shown in ["any password", "", "x"] {
            let verification = hasher
                .verify(&a_client(), &password(shown), None)
                .await
                .unwrap();
            assert!(matches!(verification, Verification::Mismatch), "{shown:?}");
        }
    }

    fn peppered(current: Option<&str>, old: &[&str]) -> Hasher {
        let settings = HasherSettings {
            cost: CHEAP,
            engine: Engine::Fast,
            threads: 1,
            queue_limit: 8,
        };
        let secret = |key: &str| Secret::new(key.to_owned());
        let old: Vec<_> = old.iter().map(|key| secret(key)).collect();
        let peppers = Peppers::new(current.map(secret).as_ref(), &old);
        Hasher::start(&settings, Arc::new(SeededRandom::new(1)), peppers).unwrap()
    }

    const ONE: &str = "the first pepper of this server, long enough";
    const TWO: &str = "the second pepper of this server, and longer";

    /// P-08: without the pepper, a hash from the database verifies no password.
    #[tokio::test]
    async fn without_the_pepper_a_stored_hash_does_not_verify() {
        let kept = peppered(Some(ONE), &[])
            .hash(&a_client(), &password("right"))
            .await;
        let kept = kept.unwrap();
        assert!(
            kept.expose()
                .starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid=")
        );
        let (before, rest) = kept.expose().split_once(",keyid=").unwrap();
        let without_its_mark = format!("{before}{}", &rest[rest.find('$').unwrap()..]);
        for thief in [peppered(None, &[]), peppered(Some(TWO), &[])] {
            assert_eq!(thief.missing_pepper(&kept), Some(foreign::UNKNOWN_PEPPER));
            for stolen in [kept.clone(), Secret::new(without_its_mark.clone())] {
                let verification = thief
                    .verify(&a_client(), &password("right"), Some(&stolen))
                    .await;
                assert!(matches!(verification.unwrap(), Verification::Mismatch));
            }
        }
        let ours = peppered(Some(ONE), &[]);
        for (shown, is_right) in [("right", true), ("wrong", false)] {
            let verification = ours
                .verify(&a_client(), &password(shown), Some(&kept))
                .await
                .unwrap();
            assert_eq!(verification.is_match(), is_right, "{shown}");
        }
        assert!(foreign::is_current(
            ours.decoy.expose(),
            CHEAP,
            ours.peppers.current()
        ));
    }

    /// P-08: rotation. A correct password is rehashed with the current pepper, a wrong one changes nothing.
    #[tokio::test]
    async fn a_hash_with_an_older_pepper_is_rehashed_at_the_next_sign_in() {
        let kept = peppered(Some(ONE), &[])
            .hash(&a_client(), &password("right"))
            .await;
        let plain = peppered(None, &[])
            .hash(&a_client(), &password("right"))
            .await;
        let both = peppered(Some(TWO), &[ONE]);
        for kept in [kept.unwrap(), plain.unwrap()] {
            assert_eq!(both.missing_pepper(&kept), None);
            let wrong = both
                .verify(&a_client(), &password("wrong"), Some(&kept))
                .await;
            assert!(matches!(wrong.unwrap(), Verification::Mismatch));
            let verification = both
                .verify(&a_client(), &password("right"), Some(&kept))
                .await;
            let Ok(Verification::MatchNeedsRehash(newer)) = verification else {
                panic!("{verification:?}");
            };
            let newest = peppered(Some(TWO), &[]);
            let verification = newest
                .verify(&a_client(), &password("right"), Some(&newer))
                .await;
            assert!(matches!(verification.unwrap(), Verification::Match));
            // Without a current pepper, a hash with an old one still verifies and is replaced.
            let none = peppered(None, &[TWO]);
            let verification = none
                .verify(&a_client(), &password("right"), Some(&newer))
                .await;
            let Ok(Verification::MatchNeedsRehash(plain)) = verification else {
                panic!("{verification:?}");
            };
            assert!(foreign::is_current(plain.expose(), CHEAP, None));
        }
    }

    /// P-08, P-09: only our own scheme has a pepper, and its id must be well-formed.
    #[test]
    fn the_name_of_a_pepper_is_parsed_strictly() {
        let hash =
            |head: &str| format!("${head}$c29tZXNhbHQxMjM0NTY3$c29tZXNhbHQxMjM0NTY3ODkwYWJj");
        assert!(check_readable(&hash("argon2id$v=19$m=64,t=1,p=1,keyid=AAAAAAAA")).is_ok());
        for head in [
            "argon2id$v=19$m=64,t=1,p=1,keyid=",
            "argon2id$v=19$m=64,t=1,p=1,keyid=AAAA",
            "argon2id$v=19$m=64,t=1,p=1,keyid=AAAAAAAA,x=1",
            "argon2id$v=19$m=64,t=1,p=1,keyid=AAAAAAAA,keyid=AAAAAAAA",
            "argon2id$v=19$keyid=AAAAAAAA,m=64,t=1,p=1",
            "argon2id$v=16$m=64,t=1,p=1,keyid=AAAAAAAA",
            "argon2i$v=19$m=64,t=1,p=1,keyid=AAAAAAAA",
        ] {
            assert!(check_readable(&hash(head)).is_err(), "{head}");
        }
    }

    #[test]
    fn an_unreadable_hash_is_rejected_before_it_is_stored() {
        assert!(
            check_readable("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").is_ok()
        );
        assert!(check_readable("5f4dcc3b5aa765d61d8327deb882cf99").is_err());
    }
}
