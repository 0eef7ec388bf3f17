//! Sealing: the encryption of private keys and of the secrets of authenticator apps in a store, and of the cookie of a
//! sign-up.
//!
//! AES-256-GCM under a key derived from the master key (HKDF-SHA256, RFC 5869), with a random nonce. A name, such
//! as the `kid`, is authenticated, so that two sealed secrets cannot be swapped.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac;
use zeroize::Zeroizing;

use crate::clock::RandomSource;
use crate::values::Secret;

/// The key that seals the signing keys and from which other keys are derived. It is never written to a store.
#[derive(Debug, Clone)]
pub struct MasterKey(Secret<Vec<u8>>);

/// Sealed bytes that this master key cannot open.
#[derive(Debug, thiserror::Error)]
#[error(
    "the signing key in the database is sealed with another master key. All nodes of one database share one: set JWT_SECRET_KEY (or the file master.key) of this node to that of the others. Only if that key is lost, stop all nodes, set a new one on all of them and run `doorward keys rotate`"
)]
pub struct UnsealError;

impl MasterKey {
    /// Minimum length of a master key in bytes.
    pub const MIN_BYTES: usize = 32;

    /// Creates a master key from a secret of at least 32 bytes; `None` if it is shorter (J-07).
    pub fn from_secret(secret: Secret<Vec<u8>>) -> Option<Self> {
        (secret.expose().len() >= Self::MIN_BYTES).then_some(Self(secret))
    }

    /// Encrypts bytes, bound to a name.
    pub(crate) fn seal(&self, name: &str, plain: &[u8], random: &dyn RandomSource) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
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

    /// Decrypts bytes that were sealed under this name.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, UnsealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(UnsealError)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = self
            .key()
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(name),
                &mut plain,
            )
            .map_err(|_| UnsealError)?;
        Ok(Secret::new(opened.to_vec()))
    }

    /// Derives a key for HMAC-SHA-256, a different one for every purpose. All nodes with this master key derive
    /// the same.
    pub(crate) fn mac_key(&self, purpose: &str) -> hmac::Key {
        let derived = Salt::new(HKDF_SHA256, b"doorward/master").extract(self.0.expose());
        let purpose = [b"mac/", purpose.as_bytes()];
        let key = derived.expand(&purpose, hmac::HMAC_SHA256);
        key.expect("one key is within HKDF's limit").into()
    }

    /// Derives a key for a purpose. It reveals neither other keys nor the master key.
    pub(crate) fn derive_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        let derived = Salt::new(HKDF_SHA256, b"doorward/master").extract(self.0.expose());
        derived
            .expand(&[purpose.as_bytes()], HKDF_SHA256)
            .and_then(|key| key.fill(bytes.as_mut_slice()))
            .expect("one digest is within HKDF's limit");
        bytes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    fn master(byte: u8) -> MasterKey {
        MasterKey::from_secret(Secret::new(vec![byte; 32])).unwrap()
    }

    #[test]
    fn sealed_data_opens_only_with_its_name_and_key() {
        let random = SeededRandom::new(1);
        let sealed = master(1).seal("kid", b"thirty-two bytes of private key!", &random);
        let opened = master(1).open("kid", &sealed).unwrap();
        assert_eq!(opened.expose(), b"thirty-two bytes of private key!");
        assert!(master(2).open("kid", &sealed).is_err());
        assert!(master(1).open("other", &sealed).is_err());
        assert!(master(1).open("", &sealed).is_err());
    }

    #[test]
    fn truncated_or_modified_data_does_not_open() {
        let sealed = master(1).seal("kid", b"plain", &SeededRandom::new(1));
        for length in 0..sealed.len() {
            assert!(
                master(1).open("kid", &sealed[..length]).is_err(),
                "{length}"
            );
            let mut touched = sealed.clone();
            touched[length] ^= 1;
            assert!(master(1).open("kid", &touched).is_err(), "{length}");
        }
        assert!(master(1).open("kid", &[sealed, vec![0]].concat()).is_err());
    }

    #[test]
    fn sealing_the_same_bytes_twice_gives_different_results() {
        let random = SeededRandom::new(1);
        let (one, other) = (
            master(1).seal("kid", b"plain", &random),
            master(1).seal("kid", b"plain", &random),
        );
        assert_ne!(one, other);
    }

    /// J-07: a short master key is rejected, and no master key is printed.
    #[test]
    fn a_short_master_key_is_rejected_and_no_key_is_printed() {
        for length in [0, 1, 31] {
            assert!(MasterKey::from_secret(Secret::new(vec![1; length])).is_none());
        }
        assert_eq!(format!("{:?}", master(1)), "MasterKey([secret])");
    }
}
