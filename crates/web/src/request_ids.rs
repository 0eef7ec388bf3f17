//! Names of requests, which join an answer, its log line and its audit line.
//!
//! They are unique since they are 128 random bits each, and tell nothing: of two names that are counted, whoever
//! asks twice would read how much others have asked in between. Chance is asked for many at a time, since that
//! takes longer than the rest.

use std::sync::{Arc, Mutex, PoisonError};

use doorward_domain::ports::Secrets;

const BYTES: usize = 16;
/// How many names are in store.
const MANY: usize = 64;

pub(crate) struct RequestIds {
    secrets: Arc<dyn Secrets>,
    store: Mutex<Store>,
}

struct Store {
    bytes: [u8; BYTES * MANY],
    /// How many of them are used up.
    used: usize,
}

impl RequestIds {
    pub(crate) fn new(secrets: Arc<dyn Secrets>) -> Self {
        let empty = Store {
            bytes: [0; BYTES * MANY],
            used: BYTES * MANY,
        };
        Self {
            secrets,
            store: Mutex::new(empty),
        }
    }

    pub(crate) fn next(&self) -> String {
        let id = self.take();
        // Faster than `format!`, and asked for by every request.
        let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
        let halves = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        halves.map(digit).collect()
    }

    fn take(&self) -> [u8; BYTES] {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if store.used == store.bytes.len() {
            self.secrets.fill(&mut store.bytes);
            store.used = 0;
        }
        let mut id = [0; BYTES];
        id.copy_from_slice(&store.bytes[store.used..][..BYTES]);
        store.used += BYTES;
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::memory::SeededSecrets;

    use super::*;

    /// no two are alike, nor is any part of one that of the next.
    #[test]
    fn an_id_is_its_own_and_tells_of_no_other() {
        let ids = RequestIds::new(Arc::new(SeededSecrets::new(1)));
        let made: Vec<_> = (0..3 * MANY).map(|_| ids.next()).collect();
        for half in [0..16, 16..32] {
            let halves: BTreeSet<_> = made.iter().map(|id| &id[half.clone()]).collect();
            assert_eq!(halves.len(), made.len());
        }
        let is_hex = |id: &String| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(made.iter().all(is_hex), "{made:?}");
        let other = RequestIds::new(Arc::new(SeededSecrets::new(2)));
        assert!(!made.contains(&other.next()));
    }
}
