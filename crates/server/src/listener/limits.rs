//! Limits of connections and requests, in all and per client address (H-05).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_domain::limits::address_key;
use doorward_web::TrustedProxies;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The minimum time between two log lines about rejections.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Maximum numbers of connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections in all.
    pub connections: usize,
    /// Connections per address. An IPv6 /64 network counts as one address.
    pub connections_per_address: usize,
    /// Proxies carry the connections of many clients, so they have no limit per address.
    pub trusted_proxies: TrustedProxies,
}

impl ConnectionLimits {
    /// The key that `peer` is counted under, or `None` for a trusted proxy.
    pub(super) fn key(&self, peer: IpAddr) -> Option<Arc<str>> {
        (!self.trusted_proxies.contains(peer)).then(|| address_key(peer).into())
    }
}

/// Reason why a connection or request was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// The limit of connections in all is reached.
    Limit,
    /// The limit of connections per address is reached.
    AddressLimit,
    /// Too many requests are in flight, in all or of this address.
    RequestLimit,
    /// The TLS handshake or the first request took too long.
    Timeout,
}

impl RejectReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [
        Self::Limit,
        Self::AddressLimit,
        Self::RequestLimit,
        Self::Timeout,
    ];

    /// The label in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::AddressLimit => "address_limit",
            Self::RequestLimit => "request_limit",
            Self::Timeout => "timeout",
        }
    }
}

/// The limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Total,
    Address,
}

/// A semaphore with a counter per address.
pub(super) struct Limiter {
    max: usize,
    total: Arc<Semaphore>,
    max_per_address: usize,
    addresses: Mutex<HashMap<Arc<str>, usize>>,
}

/// One counted connection or request. Dropping it frees the slot.
pub(super) struct Slot {
    limiter: Arc<Limiter>,
    address: Option<Arc<str>>,
    _permit: OwnedSemaphorePermit,
}

impl Limiter {
    pub(super) fn new(max: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            total: Arc::new(Semaphore::new(max)),
            max_per_address,
            addresses: Mutex::default(),
        })
    }

    /// Takes a slot. An `address` of `None` has no separate limit.
    pub(super) fn acquire(self: &Arc<Self>, address: Option<Arc<str>>) -> Result<Slot, Full> {
        let permit = self.total.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Full::Total)?;
        if let Some(address) = &address {
            let mut addresses = self.lock();
            let count = addresses.entry(address.clone()).or_default();
            if *count >= self.max_per_address {
                return Err(Full::Address);
            }
            *count += 1;
        }
        Ok(Slot {
            limiter: self.clone(),
            address,
            _permit: permit,
        })
    }

    /// The number of slots in use.
    pub(super) fn in_use(&self) -> usize {
        self.max - self.total.available_permits()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The key that this slot is counted under.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        self.address.clone()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(address) = &self.address {
            let mut addresses = self.limiter.lock();
            if let Some(count) = addresses.get_mut(address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(address);
                }
            }
        }
    }
}

/// Limits a log line to one per minute, so that a flood does not fill the log.
#[derive(Debug, Default)]
pub(super) struct OncePerMinute(Mutex<Option<Instant>>);

impl OncePerMinute {
    /// Returns `true` if it is time to log.
    pub(super) fn is_due(&self) -> bool {
        let mut logged_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if is_due {
            *logged_at = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<Arc<str>> {
        Some(address_key(text.parse().unwrap()).into())
    }

    /// H-05
    #[test]
    fn slots_are_limited_in_all_and_per_address_and_freed_on_drop() {
        let limiter = Limiter::new(3, 2);
        let first = limiter.acquire(address("192.0.2.1")).ok().unwrap();
        let _second = limiter.acquire(address("192.0.2.1")).ok().unwrap();
        let rejected = limiter.acquire(address("192.0.2.1")).err();
        assert_eq!((rejected, limiter.in_use()), (Some(Full::Address), 2));
        let _third = limiter.acquire(address("192.0.2.2")).ok().unwrap();
        let rejected = limiter.acquire(address("192.0.2.3")).err();
        assert_eq!((rejected, limiter.in_use()), (Some(Full::Total), 3));
        drop(first);
        let _again = limiter.acquire(address("192.0.2.1")).ok().unwrap();
        assert_eq!(limiter.in_use(), 3);
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_a_trusted_proxy_has_no_limit_of_its_own() {
        let limiter = Limiter::new(8, 1);
        let _first = limiter.acquire(address("2001:db8::1")).ok().unwrap();
        assert!(limiter.acquire(address("2001:db8::2")).is_err());
        let limits = ConnectionLimits {
            connections: 8,
            connections_per_address: 1,
            trusted_proxies: "192.0.2.9".parse().unwrap(),
        };
        let key = limits.key("192.0.2.9".parse().unwrap());
        let slots: Vec<_> = (0..7).map(|_| limiter.acquire(key.clone())).collect();
        assert!(slots.iter().all(Result::is_ok));
        drop(slots);
        assert_eq!(limiter.lock().len(), 1);
    }

    /// T-FLOOD
    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_once_a_minute() {
        let log = OncePerMinute::default();
        assert!(log.is_due() && !log.is_due());
        tokio::time::advance(LOG_INTERVAL).await;
        assert!(log.is_due());
    }
}
