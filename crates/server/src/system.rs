//! Time and chance, from the operating system: the only places that ask it.

use doorward_domain::ports::{Clock, Secrets};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// The system's randomness.
pub struct SystemSecrets(SystemRandom);

impl SystemSecrets {
    /// Opens the source.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Secrets for SystemSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness nothing safe can be done; the request that asked fails.
        self.0.fill(bytes).expect("the system gives random bytes");
    }
}
