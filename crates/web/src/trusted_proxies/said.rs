//! What the log says of proxies that name no client, or are named nowhere: at first, and then now and then.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ForwardedBy;

/// How often it is said that a proxy names no clients.
const SAID_EVERY: Duration = Duration::from_secs(3600);

/// When it was last said that a trusted proxy does not name its clients, so that nobody's attempts are
/// counted by address. At first, and then now and then: it is so with every request.
#[derive(Debug, Default)]
pub(crate) struct Unnamed(Mutex<Option<Instant>>);

impl Unnamed {
    /// Says that a proxy may be named nowhere, unless it has been said lately.
    pub(crate) fn say_forgotten(&self, header: ForwardedBy) {
        if self.is_due(Instant::now()) {
            tracing::warn!(
                "requests with {header} come from this machine or a private network, and from no address of `trusted_proxies`: if a proxy passes them on, name it there, or all its people count as one in throttles and limits"
            );
        }
    }

    /// Says it, unless it has been said lately.
    pub(crate) fn say(&self, header: ForwardedBy) {
        if self.is_due(Instant::now()) {
            tracing::warn!(
                "a proxy of `trusted_proxies` names no client in {header} (none, no address, or proxies alone): such requests are not throttled by address; let it set that field, or name the one it sets in `trusted_proxy_header`"
            );
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut said_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said_at.is_none_or(|at| now.duration_since(at) >= SAID_EVERY);
        if is_due {
            *said_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_names_nobody_is_spoken_of_now_and_then() {
        let (unnamed, start) = (Unnamed::default(), Instant::now());
        let due = [0, 1, 3599, 3600, 3601, 7200]
            .map(|seconds| unnamed.is_due(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
