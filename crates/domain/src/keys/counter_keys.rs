//! Names of rate limit counters in a shared store.
//!
//! A counter's key is a network or an email address. A plain digest would reveal it to an attacker with a copy of
//! the store, who can try all IPv4 addresses in minutes. So the name is a MAC under a key derived from the master
//! key.

use ring::hmac;

use super::MasterKey;
use crate::values::{Digest, Secret};

/// Names counters for a shared store.
#[derive(Clone)]
pub struct CounterKeys(hmac::Key);

impl CounterKeys {
    /// The names that all nodes with this master key use.
    pub fn from_master_key(master: &MasterKey) -> Self {
        Self(master.mac_key("counter"))
    }

    /// Names under a public key, for tests of a store.
    pub fn for_probes() -> Self {
        let key = Secret::new(vec![0; MasterKey::MIN_BYTES]);
        Self::from_master_key(&MasterKey::from_secret(key).expect("it is as long as it must be"))
    }

    /// The name of a limit's counter for one key. Different limits have different names for the same key, so that
    /// they cannot be linked.
    pub fn name(&self, limit: &str, key: &str) -> Digest {
        let mac = hmac::sign(&self.0, [limit, "\0", key].concat().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(mac.as_ref());
        Digest::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(master: u8) -> CounterKeys {
        let master = MasterKey::from_secret(Secret::new(vec![master; 32]));
        CounterKeys::from_master_key(&master.unwrap())
    }

    /// A-05, L-05: nodes with the same master key share names. Without the key, a name reveals nothing.
    #[test]
    fn a_name_is_the_same_on_every_node_and_unpredictable_without_the_key() {
        let name = names(1).name("sign-in", "192.0.2.1");
        assert_eq!(name, names(1).name("sign-in", "192.0.2.1"));
        assert_ne!(name, names(2).name("sign-in", "192.0.2.1"));
        assert_ne!(name, names(1).name("sign-up", "192.0.2.1"));
        assert_ne!(name, names(1).name("sign-in", "192.0.2.2"));
        assert_ne!(name, Digest::of(b"192.0.2.1"));
        assert_ne!(name, Digest::of(b"sign-in\x00192.0.2.1"));
    }

    /// Counter names, device cookies and forms each have their own key.
    #[test]
    fn counter_names_have_their_own_key() {
        let master = MasterKey::from_secret(Secret::new(vec![1; 32])).unwrap();
        for other in ["device", "form"] {
            let other = CounterKeys(master.mac_key(other));
            assert_ne!(other.name("sign-in", ""), names(1).name("sign-in", ""));
        }
    }
}
