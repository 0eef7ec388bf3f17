//! The key that seals are signed with: made of the master key, for this alone. Whoever has the database
//! and not the master key cannot make a seal; whoever has the public half can check every one.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::checker::Extent;
use super::{Checkpoint, digest};
use crate::model::{Erasure, LetGo, Seal};
use crate::tokens::MasterKey;
use crate::values::{Digest, UserId};

/// Signs seals, erasures and what is let go. The same for every node with one master key.
pub struct AuditSigner(Ed25519KeyPair);

impl fmt::Debug for AuditSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSigner([secret])")
    }
}

impl AuditSigner {
    /// The signer that belongs to a master key.
    pub fn of(master: &MasterKey) -> Self {
        let seed = master.derived("audit-seal");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        Self(pair.expect("a seed has 32 bytes"))
    }

    /// What others check its signatures with.
    pub fn public_key(&self) -> AuditPublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        AuditPublicKey(public)
    }

    pub(crate) fn sign_seal(&self, digest: &Digest) -> Vec<u8> {
        self.sign(&digest::signed_of_seal(digest))
    }

    pub(crate) fn let_go(&self, seal: &Seal, at: Timestamp) -> LetGo {
        LetGo {
            at,
            signature: self.sign(&digest::signed_of_letting_go(&seal.digest, at)),
        }
    }

    pub(crate) fn erasure(&self, user_id: UserId, at: Timestamp) -> Erasure {
        Erasure {
            user_id,
            ordered_at: at,
            signature: self.sign(&digest::signed_of_erasure(user_id, at)),
            done_at: None,
        }
    }

    /// The beginning of an exported log.
    pub(crate) fn export_head(
        &self,
        exported_at: Timestamp,
        extent: Extent,
        last: Option<Checkpoint>,
    ) -> ExportHead {
        let message = digest::signed_of_export(exported_at, extent, last.as_ref());
        ExportHead {
            exported_at,
            extent,
            last,
            signature: self.sign(&message),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// What an exported log begins with: whoever cuts it and calls it a choice, or cuts its end, cannot sign that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHead {
    /// When.
    pub exported_at: Timestamp,
    /// Whether all events are in it.
    pub extent: Extent,
    /// The newest seal at that time.
    pub last: Option<Checkpoint>,
    /// Ed25519, over all of it.
    pub signature: Vec<u8>,
}

/// The public half; 43 characters of base64url as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPublicKey([u8; 32]);

impl AuditPublicKey {
    pub(super) fn signed_seal(&self, digest: &Digest, signature: &[u8]) -> bool {
        self.verifies(&digest::signed_of_seal(digest), signature)
    }

    pub(super) fn signed_letting_go(&self, seal: &Seal, let_go: &LetGo) -> bool {
        let message = digest::signed_of_letting_go(&seal.digest, let_go.at);
        self.verifies(&message, &let_go.signature)
    }

    pub(super) fn signed_erasure(&self, erasure: &Erasure) -> bool {
        let message = digest::signed_of_erasure(erasure.user_id, erasure.ordered_at);
        self.verifies(&message, &erasure.signature)
    }

    /// Whether it says what it did when it was exported.
    pub fn signed_export(&self, head: &ExportHead) -> bool {
        let message = digest::signed_of_export(head.exported_at, head.extent, head.last.as_ref());
        self.verifies(&message, &head.signature)
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for AuditPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for AuditPublicKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}
