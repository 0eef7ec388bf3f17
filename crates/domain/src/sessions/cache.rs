//! Cache of checked session tokens, so that a check costs a digest and a map look-up.
//!
//! An entry is valid for one second. A change of its user by this node invalidates it at once: every change
//! increments the user's version, and an entry with a lower version is stale. The version is read before the store, so that an entry whose look-up raced with a change is stale from the start. The signature of a token is
//! verified again if a signing key was removed since its last verification, so that a revoked key is not trusted
//! (J-06).
//!
//! The capacity is in bytes, not in sessions: a user can have 16 KiB of data (H-05).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::OnceCell;

use crate::keys::{KeyringVersion, SessionClaims};
use crate::model::{Session, User};
use crate::user_versions::{UserVersion, UserVersions};
use crate::values::Digest;

/// Time for which an entry is valid: the maximum delay of a revocation by another node.
const ENTRY_LIFETIME: SignedDuration = SignedDuration::from_secs(1);
/// Size of an entry without the user's data, in bytes.
const ENTRY_BYTES: u64 = 2048;
/// Expected average size of an entry, in bytes.
const AVERAGE_BYTES: u64 = 3072;

pub(crate) struct SessionCache {
    entries: Cache<Digest, Arc<CacheEntry>, EntryWeigher>,
    user_versions: Arc<UserVersions>,
}

/// A checked token.
pub(crate) struct CacheEntry {
    /// Its claims; the signature was verified.
    pub(crate) claims: SessionClaims,
    pub(crate) user: User,
    pub(crate) session: Session,
    /// When the user last signed in, once a request has needed it.
    pub(crate) last_sign_in_at: OnceCell<Option<Timestamp>>,
    checked_at: Timestamp,
    user_version: UserVersion,
    keyring_version: KeyringVersion,
}

/// Computes the approximate size of an entry.
#[derive(Clone)]
struct EntryWeigher;

impl Weighter<Digest, Arc<CacheEntry>> for EntryWeigher {
    fn weight(&self, _: &Digest, entry: &Arc<CacheEntry>) -> u64 {
        // In memory, a JSON value takes several times the size of its text.
        let data = entry.user.data.as_map();
        let data = serde_json::to_string(data).map_or(0, |text| text.len() as u64 * 4);
        ENTRY_BYTES + data
    }
}

/// Result of a look-up.
pub(crate) enum CacheLookup {
    /// A valid entry.
    Fresh(Arc<CacheEntry>),
    /// The signature is valid, but the store must be queried again.
    VerifiedStale(SessionClaims),
    /// The token is not in the cache, or its signature must be verified again.
    Miss,
}

impl SessionCache {
    pub(crate) fn new(bytes: u64, user_versions: Arc<UserVersions>) -> Self {
        let average = usize::try_from(bytes / AVERAGE_BYTES).unwrap_or(usize::MAX);
        Self {
            entries: Cache::with_weighter(average, bytes, EntryWeigher),
            user_versions,
        }
    }

    pub(crate) fn find(
        &self,
        token: &Digest,
        keyring: KeyringVersion,
        now: Timestamp,
    ) -> CacheLookup {
        let known = self.entries.get(token);
        let Some(entry) = known.filter(|entry| entry.keyring_version == keyring) else {
            return CacheLookup::Miss;
        };
        let age = now.duration_since(entry.checked_at);
        let is_fresh = !age.is_negative()
            && age < ENTRY_LIFETIME
            && entry.user_version == self.user_versions.current(entry.user.id);
        if is_fresh {
            CacheLookup::Fresh(entry)
        } else {
            CacheLookup::VerifiedStale(entry.claims.clone())
        }
    }

    pub(crate) fn insert(
        &self,
        token: Digest,
        (claims, keyring_version): (SessionClaims, KeyringVersion),
        user: User,
        session: Session,
        user_version: UserVersion,
        now: Timestamp,
    ) -> Arc<CacheEntry> {
        let entry = Arc::new(CacheEntry {
            claims,
            user,
            session,
            last_sign_in_at: OnceCell::new(),
            checked_at: now,
            user_version,
            keyring_version,
        });
        self.entries.insert(token, entry.clone());
        entry
    }

    /// Removes an invalid token.
    pub(crate) fn remove(&self, token: &Digest) {
        self.entries.remove(token);
    }

    /// Removes all tokens.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }
}
