//! Whose passwords wait to be hashed: one address never has the whole queue (P-10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fair;

/// How many each address has waiting, those that have none left out.
#[derive(Debug, Default, Clone)]
pub(super) struct Shares(Arc<Mutex<HashMap<String, usize>>>);

/// One that waits, until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Shares,
    key: Option<String>,
}

impl Shares {
    /// One more for this address, where `free` are left; none where it has enough. An address that
    /// nobody knows has no share, and everybody's is not counted as one.
    pub(super) fn take(&self, key: Option<String>, free: usize) -> Option<Share> {
        if let Some(key) = &key {
            let mut shares = self.lock();
            let own = shares.get(key).copied().unwrap_or_default();
            if !fair::may_have_one_more(own, free) {
                return None;
            }
            shares.insert(key.clone(), own + 1);
        }
        let shares = self.clone();
        Some(Share { shares, key })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut shares = self.shares.lock();
        if let Some(own) = shares.get_mut(&key) {
            *own -= 1;
            if *own == 0 {
                shares.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-10, T-FLOOD: a flood from one address leaves half of the queue to others.
    #[test]
    fn one_address_never_has_the_whole_queue() {
        let (shares, capacity) = (Shares::default(), 258_usize);
        let take = |key: &str, held: usize| shares.take(Some(key.to_owned()), capacity - held);
        let mut held = Vec::new();
        while let Some(share) = take("10.0.0.1", held.len()) {
            held.push(share);
        }
        assert_eq!(held.len(), 129);
        assert!(take("10.0.0.2", held.len()).is_some());
        // Nobody is charged for whoever is unknown.
        assert!(shares.take(None, 1).is_some());
        held.clear();
        assert!(shares.lock().is_empty());
    }
}
