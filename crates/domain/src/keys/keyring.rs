//! The keys in use on this node: one signs, all of them verify.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::jwt::{self, TokenClaims, Unverified};
use super::seal::{MasterKey, UnsealError};
use crate::clock::RandomSource;
use crate::model::SigningKey;
use crate::values::Digest;

/// The keys that were last loaded from the store. Shared by all requests; replaced as a whole.
pub struct Keyring {
    master: Arc<MasterKey>,
    keys: RwLock<Arc<Vec<LoadedKey>>>,
    /// Number of times that keys were removed.
    removals: AtomicU64,
}

/// Version of the keys: a signature that was verified with another one must be verified again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyringVersion(u64);

struct LoadedKey {
    kid: String,
    public: [u8; 32],
    created_at: Timestamp,
    is_retired: bool,
    /// Cached, because parsing costs as much as signing. `None` if the key is retired and its seal cannot be
    /// opened.
    pair: Option<Ed25519KeyPair>,
}

/// A public key in the JWKS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The id.
    pub kid: String,
    /// The key's point, base64url.
    pub x: String,
}

/// Why the keys of the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A key is sealed with another master key.
    #[error(transparent)]
    Seal(#[from] UnsealError),
    /// The private and the public key do not match.
    #[error("signing key {0} in the store is damaged")]
    Damaged(String),
}

impl Keyring {
    /// Creates an empty keyring. It cannot sign before [`Self::load`].
    pub fn new(master: MasterKey) -> Self {
        Self {
            master: Arc::new(master),
            keys: RwLock::new(Arc::new(Vec::new())),
            removals: AtomicU64::new(0),
        }
    }

    /// The master key, for what is sealed or derived without a signing key.
    pub(crate) fn master_key(&self) -> Arc<MasterKey> {
        self.master.clone()
    }

    /// Generates a key pair, sealed for the store.
    pub fn generate(&self, position: i64, now: Timestamp, random: &dyn RandomSource) -> SigningKey {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice());
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("a seed has 32 bytes");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(&Digest::of(&public).as_bytes()[..12]);
        let sealed = self.master.seal(&kid, seed.as_slice(), random);
        SigningKey {
            kid,
            position,
            public,
            sealed,
            created_at: now,
            retired_at: None,
        }
    }

    /// The version, which changes when a key is removed. Read before a signature is verified.
    pub(crate) fn version(&self) -> KeyringVersion {
        KeyringVersion(self.removals.load(Ordering::Acquire))
    }

    /// Replaces the keys with those of the store, newest first. Fails without effect if a key that is not retired cannot be
    /// opened.
    pub fn load(&self, keys: &[SigningKey]) -> Result<(), KeyringError> {
        let loaded = keys
            .iter()
            .map(|key| self.open(key))
            .collect::<Result<Vec<_>, _>>()?;
        let mut ring = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let is_gone = |known: &LoadedKey| loaded.iter().all(|key| key.kid != known.kid);
        let has_gone = ring.iter().any(is_gone);
        *ring = Arc::new(loaded);
        if has_gone {
            self.removals.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Returns `true` if the loaded keys are stored as they were loaded, and one of them is not retired. Otherwise a key was
    /// revoked, or replaced by a new one.
    pub fn is_current(&self, stored: &[SigningKey]) -> bool {
        let keys = self.keys();
        let is_stored = |key: &LoadedKey| {
            let mut same = stored.iter().filter(|stored| stored.kid == key.kid);
            same.any(|stored| stored.retired_at.is_some() == key.is_retired)
        };
        keys.iter().all(is_stored) && keys.iter().any(|key| !key.is_retired)
    }

    fn open(&self, key: &SigningKey) -> Result<LoadedKey, KeyringError> {
        let pair = match key.retired_at {
            Some(_) => self.pair(key).ok(),
            None => Some(self.pair(key)?),
        };
        Ok(LoadedKey {
            kid: key.kid.clone(),
            public: key.public,
            created_at: key.created_at,
            is_retired: key.retired_at.is_some(),
            pair,
        })
    }

    fn pair(&self, key: &SigningKey) -> Result<Ed25519KeyPair, KeyringError> {
        let seed = self.master.open(&key.kid, &key.sealed)?;
        Ed25519KeyPair::from_seed_and_public_key(seed.expose(), &key.public)
            .map_err(|_| KeyringError::Damaged(key.kid.clone()))
    }

    /// Signs with the newest key that is not retired; `None` if there is none. For tokens that only Doorward
    /// reads.
    pub fn sign<C: TokenClaims>(&self, claims: &C) -> Option<String> {
        let keys = self.keys();
        keys.iter().find(|key| !key.is_retired)?.sign(claims)
    }

    /// Signs with the newest key that already existed at `since`, retired or not; if there is none, with the
    /// oldest key. For tokens that other services verify: they learn of a new key with a delay.
    pub fn sign_with_key_known_since<C: TokenClaims>(
        &self,
        since: Timestamp,
        claims: &C,
    ) -> Option<String> {
        known_since(&self.keys(), since)?.sign(claims)
    }

    /// Id of the key with which [`Self::sign_with_key_known_since`] signs.
    pub fn key_known_since(&self, since: Timestamp) -> Option<String> {
        Some(known_since(&self.keys(), since)?.kid.clone())
    }

    /// Verifies the signature of a token of this kind. The caller must check the times, the issuer and the
    /// audience.
    pub fn verify<C: TokenClaims>(&self, token: &str) -> Verified<C> {
        let Some(unverified) = Unverified::parse::<C>(token) else {
            return Verified::Invalid;
        };
        let keys = self.keys();
        match keys.iter().find(|key| key.kid == unverified.kid) {
            Some(key) => unverified
                .verify(&key.public)
                .map_or(Verified::Invalid, Verified::Claims),
            None => Verified::UnknownKey,
        }
    }

    /// The public keys, newest first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let public = |key: &LoadedKey| PublicKey {
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.public),
        };
        self.keys().iter().map(public).collect()
    }

    /// Id and creation time of the signing key.
    pub fn signing_key(&self) -> Option<(String, Timestamp)> {
        let keys = self.keys();
        let key = keys.iter().find(|key| !key.is_retired)?;
        Some((key.kid.clone(), key.created_at))
    }

    fn keys(&self) -> Arc<Vec<LoadedKey>> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn known_since(keys: &[LoadedKey], since: Timestamp) -> Option<&LoadedKey> {
    let mut can_sign = keys.iter().filter(|key| key.pair.is_some());
    let known = can_sign.clone().find(|key| key.created_at <= since);
    known.or_else(|| can_sign.next_back())
}

impl LoadedKey {
    fn sign<C: TokenClaims>(&self, claims: &C) -> Option<String> {
        let pair = self.pair.as_ref()?;
        Some(jwt::sign(claims, &self.kid, pair))
    }
}

/// Result of the verification of a token.
#[derive(Debug, PartialEq, Eq)]
pub enum Verified<C> {
    /// The claims, signed by a known key.
    Claims(C),
    /// This node does not know the key, perhaps because it is new.
    UnknownKey,
    /// The token is invalid.
    Invalid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{AudienceClaims, SessionClaims};
    use crate::memory::SeededRandom;
    use crate::values::Secret;

    fn ring(master: u8) -> Keyring {
        Keyring::new(MasterKey::from_secret(Secret::new(vec![master; 32])).unwrap())
    }

    fn claims() -> SessionClaims {
        SessionClaims {
            iss: "https://accounts.example".to_owned(),
            sub: "user".to_owned(),
            sid: "secret".to_owned(),
            generation: 1,
            iat: 1,
            exp: 2,
        }
    }

    fn keys(count: u64) -> Vec<SigningKey> {
        let generate = |seed| {
            let position = i64::try_from(seed).unwrap();
            ring(1).generate(position, Timestamp::UNIX_EPOCH, &SeededRandom::new(seed))
        };
        (1..=count).map(generate).collect()
    }

    #[test]
    fn an_empty_keyring_cannot_sign_and_has_no_key() {
        assert_eq!(ring(1).sign(&claims()), None);
        let full = ring(1);
        full.load(&keys(1)).unwrap();
        let token = full.sign(&claims()).unwrap();
        assert_eq!(full.verify(&token), Verified::Claims(claims()));
        assert_eq!(
            ring(1).verify::<SessionClaims>(&token),
            Verified::UnknownKey
        );
    }

    /// J-06: a retired key verifies and does not sign, even if its seal cannot be opened.
    #[test]
    fn a_retired_key_verifies_but_does_not_sign() {
        let mut all = keys(2);
        let ring = ring(1);
        ring.load(&all[1..]).unwrap();
        let token = ring.sign(&claims()).unwrap();
        all[1].retired_at = Some(Timestamp::UNIX_EPOCH);
        all[1].sealed = vec![0; 60];
        ring.load(&all).unwrap();
        assert_eq!(ring.signing_key().unwrap().0, all[0].kid);
        assert_eq!(ring.verify(&token), Verified::Claims(claims()));
        assert_eq!(ring.public_keys().len(), 2);
        ring.load(&all[..1]).unwrap();
        assert_eq!(ring.verify::<SessionClaims>(&token), Verified::UnknownKey);
    }

    /// Tokens for other services are signed with a key that they have had time to fetch.
    #[test]
    fn audience_tokens_are_signed_with_the_newest_published_key() {
        let (now, then) = (Timestamp::MAX, Timestamp::UNIX_EPOCH);
        let mut all = keys(3);
        all[0].created_at = now;
        (all[1].retired_at, all[2].retired_at) = (Some(now), Some(then));
        let ring = ring(1);
        let signed_by = |all: &[SigningKey], since| {
            ring.load(all).unwrap();
            let token = ring.sign_with_key_known_since(since, &claims()).unwrap();
            Unverified::parse::<SessionClaims>(&token).unwrap().kid
        };
        assert_eq!(signed_by(&all, then), all[1].kid, "not the older one");
        assert_eq!(signed_by(&all, now), all[0].kid);
        assert_eq!(signed_by(&all, Timestamp::MIN), all[2].kid, "or the oldest");
        all[1].sealed = vec![0; 60];
        assert_eq!(signed_by(&all, then), all[2].kid, "by one that opens");
        assert_eq!(signed_by(&all[..2], then), all[0].kid);
    }

    #[test]
    fn an_unreadable_key_does_not_change_the_keyring() {
        let all = keys(2);
        let ring_of_one = ring(1);
        ring_of_one.load(&all[..1]).unwrap();
        let before = ring_of_one.public_keys();
        let mut swapped = all.clone();
        swapped[0].sealed = all[1].sealed.clone();
        assert!(matches!(
            ring_of_one.load(&swapped),
            Err(KeyringError::Seal(_))
        ));
        let mut damaged = all.clone();
        damaged[1].public = all[0].public;
        let refused = ring_of_one.load(&damaged);
        assert!(matches!(refused, Err(KeyringError::Damaged(kid)) if kid == all[1].kid));
        assert!(matches!(ring(2).load(&all), Err(KeyringError::Seal(_))));
        assert_eq!(ring_of_one.public_keys(), before);
    }

    /// J-04: a token of one kind is rejected as the other kind, with the same key.
    #[test]
    fn a_session_token_and_an_audience_token_are_not_interchangeable() {
        let ring = ring(1);
        ring.load(&keys(1)).unwrap();
        let access = AudienceClaims {
            iss: "i".to_owned(),
            sub: "s".to_owned(),
            aud: "a".to_owned(),
            sid: "s".to_owned(),
            auth_time: 0,
            amr: vec!["pwd".to_owned()],
            role: "admin".to_owned(),
            client_id: "c".to_owned(),
            jti: "j".to_owned(),
            iat: 1,
            exp: 2,
        };
        let (session, access) = (ring.sign(&claims()).unwrap(), ring.sign(&access).unwrap());
        assert_eq!(ring.verify::<AudienceClaims>(&session), Verified::Invalid);
        assert_eq!(ring.verify::<SessionClaims>(&access), Verified::Invalid);
    }
}
