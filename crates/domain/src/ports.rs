//! What the rules depend on: stores, mail, time and randomness.
//!
//! Each trait is in the folder that calls it. A method is a complete operation that succeeds or fails as a whole; callers
//! do not open transactions. To add a store: implement `ReadStore` and [`Store`] (or [`SeparateSessions`], for sessions alone), run
//! `testkit::contract` against a real server, and add one arm to the binary's wiring.

use std::sync::Arc;

use crate::clock::{Clock, RandomSource};
use crate::limits::RateLimits;
use crate::metric_event::MetricsRecorder;
use crate::outbox::Mailer;
use crate::sessions::SeparateSessions;
use crate::store::Store;

/// The external dependencies of the rules.
pub struct Ports {
    /// Users and their data.
    pub store: Arc<dyn Store>,
    /// Open sessions, if they are not in the main store.
    pub sessions: Option<Arc<dyn SeparateSessions>>,
    /// Counters of rate limits.
    pub rate_limits: Arc<dyn RateLimits>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random source.
    pub random: Arc<dyn RandomSource>,
    /// Metrics recorder.
    pub recorder: Arc<dyn MetricsRecorder>,
}
