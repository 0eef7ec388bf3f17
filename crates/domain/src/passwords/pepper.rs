//! Peppers: keys outside the database, without which its hashes verify nothing (P-08).
//!
//! With one, what is hashed is the HMAC-SHA-256 of the password. The hash names its pepper, by a
//! parameter `keyid` that is made of the key, as the PHC format has it: several can be known at once,
//! and a right password under an older one is hashed anew with the present one. Only our own scheme
//! is peppered; a hash from elsewhere is at its first sign-in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;

use crate::values::Secret;

const ID_BYTES: usize = 6;
const ID_PURPOSE: &[u8] = b"doorward: the id of a password pepper";

/// The keys of this server.
#[derive(Default)]
pub struct Peppers {
    current: Option<Pepper>,
    old: Vec<Pepper>,
}

impl Peppers {
    /// The one to hash with, and those that kept hashes may still be made with.
    pub fn new(current: Option<&Secret<String>>, old: &[Secret<String>]) -> Self {
        Self {
            current: current.map(Pepper::new),
            old: old.iter().map(Pepper::new).collect(),
        }
    }

    /// The one to hash with.
    pub(super) fn current(&self) -> Option<&Pepper> {
        self.current.as_ref()
    }

    /// The one that a kept hash names.
    pub(super) fn find(&self, id: &str) -> Option<&Pepper> {
        self.current
            .iter()
            .chain(&self.old)
            .find(|pepper| pepper.id == id)
    }
}

/// A key, and what it is called.
pub(super) struct Pepper {
    pub(super) id: String,
    key: hmac::Key,
}

impl Pepper {
    fn new(secret: &Secret<String>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        // Of the HMAC of a password nobody learns anything by that of this purpose.
        let id = hmac::sign(&key, ID_PURPOSE);
        Self {
            id: STANDARD_NO_PAD.encode(&id.as_ref()[..ID_BYTES]),
            key,
        }
    }

    /// What is hashed in the password's place.
    pub(super) fn season(&self, password: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, password)
    }
}

/// Whether this is how a pepper may be called.
pub(super) fn is_id(id: &str) -> bool {
    STANDARD_NO_PAD
        .decode(id)
        .is_ok_and(|bytes| bytes.len() == ID_BYTES)
}
