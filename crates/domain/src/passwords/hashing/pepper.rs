//! Peppers: keys outside the database, without which its hashes cannot be verified (P-08).
//!
//! With a pepper, the HMAC-SHA-256 of the password is hashed. The hash contains the pepper's id, which is derived
//! from the key, as the PHC parameter `keyid`. Several peppers can be known at once: a correct password with an
//! older one is rehashed with the current one. Only our own scheme has a pepper; an imported hash gets one at its
//! first sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;

use crate::values::Secret;

const ID_BYTES: usize = 6;
const ID_PURPOSE: &[u8] = b"doorward: the id of a password pepper";

/// The peppers of this server.
#[derive(Default)]
pub struct Peppers {
    current: Option<Pepper>,
    old: Vec<Pepper>,
}

impl Peppers {
    /// Creates the set from the pepper for new hashes, and the older ones that stored hashes may have.
    pub fn new(current: Option<&Secret<String>>, old: &[Secret<String>]) -> Self {
        Self {
            current: current.map(Pepper::new),
            old: old.iter().map(Pepper::new).collect(),
        }
    }

    /// The pepper for new hashes.
    pub(super) fn current(&self) -> Option<&Pepper> {
        self.current.as_ref()
    }

    /// Finds a pepper by its id.
    pub(super) fn find(&self, id: &str) -> Option<&Pepper> {
        self.current
            .iter()
            .chain(&self.old)
            .find(|pepper| pepper.id == id)
    }
}

/// A key and its id.
pub(super) struct Pepper {
    pub(super) id: String,
    key: hmac::Key,
}

impl Pepper {
    fn new(secret: &Secret<String>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        // The HMAC of this constant reveals nothing about the HMAC of a password.
        let id = hmac::sign(&key, ID_PURPOSE);
        Self {
            id: STANDARD_NO_PAD.encode(&id.as_ref()[..ID_BYTES]),
            key,
        }
    }

    /// The HMAC that is hashed instead of the password.
    pub(super) fn apply(&self, password: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, password)
    }
}

/// Returns `true` if this is a well-formed id of a pepper.
pub(super) fn is_id(id: &str) -> bool {
    STANDARD_NO_PAD
        .decode(id)
        .is_ok_and(|bytes| bytes.len() == ID_BYTES)
}
