//! What this node has just looked up about sessions, so that a check costs a digest and a map look-up.
//!
//! An entry is believed for one second, and not at all once this node has changed its user: every
//! change raises the mark of the user's slot, and an entry made under a lower mark is stale. The
//! mark is read before the store is, so that a look-up that raced with a change is stale at birth.
//! Likewise a token whose signature was verified with keys of which one is gone since is verified
//! again: a revoked key opens nothing, whoever was let in by it before (J-06).
//!
//! It is bounded by bytes, not by sessions: a user may carry 16 KiB of their own (H-05).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::model::{Session, User};
use crate::tokens::SessionClaims;
use crate::values::{Digest, UserId};

/// How long a look-up is believed: the bound on revocation by another node.
const BELIEVED_FOR: SignedDuration = SignedDuration::from_secs(1);
const SLOTS: usize = 4096;
/// What an entry takes beside what somebody has written into it, in bytes.
const ENTRY_BYTES: u64 = 2048;
/// Of such entries the cache is laid out for.
const USUAL_BYTES: u64 = 3072;

pub(crate) struct SessionCache {
    entries: Cache<Digest, Arc<Entry>, Bytes>,
    /// How often signing keys have gone.
    keys_gone: AtomicU64,
    marks: Box<[AtomicU64]>,
}

/// A token that was looked up.
pub(crate) struct Entry {
    /// What it says; its signature was verified.
    pub(crate) claims: SessionClaims,
    pub(crate) user: User,
    pub(crate) session: Session,
    checked_at: Timestamp,
    mark: u64,
    ring: Ring,
}

/// Which keys a signature was verified with, taken before it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ring(u64);

/// How much an entry holds, roughly.
#[derive(Clone)]
struct Bytes;

impl Weighter<Digest, Arc<Entry>> for Bytes {
    fn weight(&self, _: &Digest, entry: &Arc<Entry>) -> u64 {
        // A JSON value takes some times its text.
        let data = entry.user.data.as_map();
        let data = serde_json::to_string(data).map_or(0, |text| text.len() as u64 * 4);
        ENTRY_BYTES + data
    }
}

/// What the cache knows of a token.
pub(crate) enum Known {
    /// Everything, as of less than a second ago.
    Fresh(Arc<Entry>),
    /// That we signed it; the store has to be asked again.
    Signed(SessionClaims),
    /// Nothing.
    Unknown,
}

/// The state of a user's slot, taken before the store is read.
#[derive(Clone, Copy)]
pub(crate) struct Mark(u64);

impl SessionCache {
    pub(crate) fn new(bytes: u64) -> Self {
        let usual = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        Self {
            entries: Cache::with_weighter(usual, bytes, Bytes),
            keys_gone: AtomicU64::new(0),
            marks: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn find(&self, token: &Digest, now: Timestamp) -> Known {
        let known = self.entries.get(token);
        let Some(entry) = known.filter(|entry| entry.ring == self.ring()) else {
            return Known::Unknown;
        };
        let age = now.duration_since(entry.checked_at);
        let is_fresh =
            !age.is_negative() && age < BELIEVED_FOR && entry.mark == self.mark(entry.user.id).0;
        if is_fresh {
            Known::Fresh(entry)
        } else {
            Known::Signed(entry.claims.clone())
        }
    }

    pub(crate) fn ring(&self) -> Ring {
        Ring(self.keys_gone.load(Ordering::Acquire))
    }

    /// To be called after a key has left the ring.
    pub(crate) fn key_is_gone(&self) {
        self.keys_gone.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn mark(&self, user_id: UserId) -> Mark {
        Mark(self.slot(user_id).load(Ordering::Acquire))
    }

    pub(crate) fn insert(
        &self,
        token: Digest,
        (claims, ring): (SessionClaims, Ring),
        user: User,
        session: Session,
        mark: Mark,
        now: Timestamp,
    ) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            claims,
            user,
            session,
            checked_at: now,
            mark: mark.0,
            ring,
        });
        self.entries.insert(token, entry.clone());
        entry
    }

    /// Forgets a token that turned out to open nothing.
    pub(crate) fn remove(&self, token: &Digest) {
        self.entries.remove(token);
    }

    /// Forgets every token.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    /// To be called after every change of a user or of a session of theirs.
    pub(crate) fn user_changed(&self, user_id: UserId) {
        self.slot(user_id).fetch_add(1, Ordering::AcqRel);
    }

    fn slot(&self, user_id: UserId) -> &AtomicU64 {
        let bytes = user_id.as_bytes();
        // The last bytes of a UUIDv7 are random.
        let slot = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) % SLOTS;
        &self.marks[slot]
    }
}
