//! Log warnings about proxies that are missing in `trusted_proxies` or send no client address.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ForwardedBy;

/// Minimum time between two warnings.
const WARN_INTERVAL: Duration = Duration::from_secs(3600);

/// Logs a warning at the first request that causes it, then at most once an hour.
#[derive(Debug, Default)]
pub(crate) struct ProxyWarning(Mutex<Option<Instant>>);

impl ProxyWarning {
    /// A private address that is not in `trusted_proxies` sends the header of a proxy.
    pub(crate) fn warn_untrusted_proxy(&self, header: ForwardedBy) {
        if self.should_warn(Instant::now()) {
            tracing::warn!(
                "got {header} from a private address that is not in `trusted_proxies`. If it is your proxy, add it; otherwise all its users share the rate limits of one address"
            );
        }
    }

    /// A trusted proxy does not send the client's address.
    pub(crate) fn warn_missing_client(&self, header: ForwardedBy) {
        if self.should_warn(Instant::now()) {
            tracing::warn!(
                "trusted proxy sent no client address in {header}; these requests are not throttled by address. Configure the proxy, or set `trusted_proxy_header`"
            );
        }
    }

    fn should_warn(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| now.duration_since(at) >= WARN_INTERVAL);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_logged_once_an_hour() {
        let (warning, start) = (ProxyWarning::default(), Instant::now());
        let due = [0, 1, 3599, 3600, 3601, 7200]
            .map(|seconds| warning.should_warn(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
