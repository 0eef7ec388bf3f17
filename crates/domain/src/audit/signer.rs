//! The key that signs checkpoints. It is derived from the master key, so the database alone cannot sign.
//! The public key verifies every checkpoint.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::{CheckpointId, chain};
use crate::keys::MasterKey;
use crate::model::Checkpoint;
use crate::values::Digest;

/// Signs checkpoints and exports with Ed25519. All nodes with one master key have the same signer.
pub struct AuditSigner(Ed25519KeyPair);

impl fmt::Debug for AuditSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSigner([secret])")
    }
}

impl AuditSigner {
    /// The signer of a master key.
    pub fn from_master_key(master: &MasterKey) -> Self {
        let seed = master.derive_key("audit-seal");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        Self(pair.expect("a seed has 32 bytes"))
    }

    /// The public key that verifies the signatures.
    pub fn public_key(&self) -> AuditPublicKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        AuditPublicKey(public)
    }

    /// A signed checkpoint at `position`, where `previous` is the position of the checkpoint before.
    pub(crate) fn checkpoint(
        &self,
        previous: i64,
        position: i64,
        hash: Digest,
        created_at: Timestamp,
    ) -> Checkpoint {
        self.sign(Checkpoint {
            previous,
            position,
            hash,
            created_at,
            pruned_at: None,
            key_id: String::new(),
            signature: Vec::new(),
        })
    }

    /// The checkpoint, signed again to state that the events up to it were deleted at `pruned_at`.
    pub(crate) fn pruned(&self, checkpoint: Checkpoint, pruned_at: Timestamp) -> Checkpoint {
        self.sign(Checkpoint {
            pruned_at: Some(pruned_at),
            ..checkpoint
        })
    }

    fn sign(&self, mut checkpoint: Checkpoint) -> Checkpoint {
        checkpoint.key_id = self.public_key().to_string();
        let message = chain::checkpoint_message(&checkpoint);
        checkpoint.signature = self.0.sign(&message).as_ref().to_vec();
        checkpoint
    }

    /// The signed first line of an export.
    pub(crate) fn export_header(
        &self,
        exported_at: Timestamp,
        complete: bool,
        end: Option<CheckpointId>,
    ) -> ExportHeader {
        let message = chain::export_message(exported_at, complete, end.as_ref());
        ExportHeader {
            exported_at,
            complete,
            end,
            signature: self.0.sign(&message).as_ref().to_vec(),
        }
    }
}

/// The first line of an exported log. Its signature prevents cutting the file, and declaring a filtered one
/// complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHeader {
    /// When the log was exported.
    pub exported_at: Timestamp,
    /// `true` if the file contains every event.
    pub complete: bool,
    /// The last checkpoint in the file.
    pub end: Option<CheckpointId>,
    /// Ed25519 signature of the fields above.
    pub signature: Vec<u8>,
}

/// The public key of an [`AuditSigner`]. As text: 43 characters of base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPublicKey([u8; 32]);

impl AuditPublicKey {
    /// Returns `true` if the key signed the checkpoint.
    pub fn signed_checkpoint(&self, checkpoint: &Checkpoint) -> bool {
        let message = chain::checkpoint_message(checkpoint);
        self.verifies(&message, &checkpoint.signature)
    }

    /// Returns `true` if the key signed the first line of the export.
    pub fn verify_export(&self, header: &ExportHeader) -> bool {
        let message =
            chain::export_message(header.exported_at, header.complete, header.end.as_ref());
        self.verifies(&message, &header.signature)
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
