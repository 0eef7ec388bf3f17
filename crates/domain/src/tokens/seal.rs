//! Sealing: how a private key rests in a store that others may read.
//!
//! AES-256-GCM under a key derived from the master key (HKDF-SHA256, RFC 5869), with a random
//! nonce, bound to the `kid` so that two sealed keys cannot change places.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::ports::Secrets;
use crate::values::Secret;

/// The key that all other keys are sealed with; it never touches a store.
#[derive(Debug, Clone)]
pub struct MasterKey(Secret<Vec<u8>>);

/// Sealed bytes that this master key does not open.
#[derive(Debug, thiserror::Error)]
#[error(
    "a signing key in the store was sealed with another master key; start with the one it was made with, or run `doorward keys rotate` to sign with a new key"
)]
pub struct SealBroken;

impl MasterKey {
    /// The fewest bytes a master key is made from.
    pub const MIN_BYTES: usize = 32;

    /// From a secret of at least 32 bytes; `None` where it is shorter.
    pub fn from_secret(secret: Secret<Vec<u8>>) -> Option<Self> {
        (secret.expose().len() >= Self::MIN_BYTES).then_some(Self(secret))
    }

    /// Seals bytes under a name.
    pub(super) fn seal(&self, name: &str, plain: &[u8], secrets: &dyn Secrets) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        secrets.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        self.key()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name),
                &mut sealed,
            )
            .expect("a key is shorter than AES-GCM's limit");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed under that name.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, SealBroken> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealBroken)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = self
            .key()
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(name),
                &mut plain,
            )
            .map_err(|_| SealBroken)?;
        Ok(Secret::new(opened.to_vec()))
    }

    fn key(&self) -> LessSafeKey {
        let derived = Salt::new(HKDF_SHA256, b"doorward/master").extract(self.0.expose());
        let key: UnboundKey = derived
            .expand(&[b"signing-key"], &AES_256_GCM)
            .expect("one key is within HKDF's limit")
            .into();
        LessSafeKey::new(key)
    }
}
