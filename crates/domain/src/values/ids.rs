//! Identifiers: UUIDv7 (RFC 9562, 5.7), generated from the caller's clock and random source, and never reused
//!

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Digest;
use crate::clock::RandomSource;
use crate::store::Value;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates an id that sorts by `now` and has 74 random bits.
            pub fn generate(now: Timestamp, random: &dyn RandomSource) -> Self {
                let mut random_bytes = [0; 10];
                random.fill(&mut random_bytes);
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes).into_uuid())
            }

            /// The 16 bytes that are stored.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The preceding id, to list from this one on; `None` for the lowest id.
            pub fn before(&self) -> Option<Self> {
                let number = u128::from_be_bytes(*self.as_bytes()).checked_sub(1)?;
                Some(Self::from_bytes(number.to_be_bytes()))
            }

            /// Restores an id from its 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Self {
                Self::Bytes(id.as_bytes().to_vec())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ();

            /// Parses only the hyphenated lower-case form, so that an id has one spelling.
            fn from_str(text: &str) -> Result<Self, ()> {
                let has_capitals = text.bytes().any(|b| b.is_ascii_uppercase());
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 && !has_capitals => Ok(Self(id)),
                    _ => Err(()),
                }
            }
        }
    };
}

id!(
    /// Id of a user. Never reused after the user is deleted.
    UserId
);
impl UserId {
    /// Derives an id for an imported user: the digest of the user's foreign id replaces the random bits.
    pub fn derived(at: Timestamp, from: &Digest) -> Self {
        struct Derived<'a>(&'a Digest);
        impl RandomSource for Derived<'_> {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.0.as_bytes()[..bytes.len()]);
            }
        }
        Self::generate(at, &Derived(from))
    }
}

id!(
    /// Public id of a session. It grants no access; the secret in the token does.
    SessionId
);
id!(
    /// Id of a credential.
    CredentialId
);
impl CredentialId {
    /// The id of a user's password: the user's id.
    pub fn of_password(user_id: UserId) -> Self {
        Self(user_id.0)
    }

    /// The id of a user's set of second factors, derived from the user's id.
    pub fn of_factor_set(user_id: UserId) -> Self {
        Self::derived(b"factor-set", user_id)
    }

    /// The id of the list of a user's unfinished enrolments, derived from the user's id.
    pub fn of_enrolment_list(user_id: UserId) -> Self {
        Self::derived(b"enrolment-list", user_id)
    }

    fn derived(purpose: &[u8], user_id: UserId) -> Self {
        let digest = Digest::of(&[purpose, user_id.as_bytes().as_slice()].concat());
        Self::from_bytes(digest.prefix())
    }
}

id!(
    /// Id of a mail in the outbox.
    JobId
);
id!(
    /// Id of an audit event.
    AuditEventId
);
/// Range of the counter that orders the audit events of one node within a microsecond.
const MAX_PER_MICROSECOND: u16 = 1 << 14;

/// Generates the audit event ids of one node. Ids of one millisecond sort by microsecond, and ids of one
/// microsecond in the order of their generation (RFC 9562, 6.2, methods 1 and 3).
#[derive(Debug, Default)]
pub struct AuditEventIds(Mutex<(i64, u16)>);

impl AuditEventIds {
    /// Generates the next id at `now`.
    pub fn next(&self, now: Timestamp, random: &dyn RandomSource) -> AuditEventId {
        let micros = now.as_microsecond();
        let place = {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = if last.0 == micros { last.1 + 1 } else { 0 };
            *last = (micros, place.min(MAX_PER_MICROSECOND - 2));
            last.1
        };
        let mut random_bytes = [0; 10];
        random.fill(&mut random_bytes);
        // Twelve bits hold the microsecond. In the next sixteen, the variant takes two bits and the counter
        // fourteen.
        let within = u16::try_from(micros.rem_euclid(1000)).expect("a remainder is small");
        random_bytes[..2].copy_from_slice(&within.to_be_bytes());
        random_bytes[2..4].copy_from_slice(&place.to_be_bytes());
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        AuditEventId(uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes).into_uuid())
    }
}

impl AuditEventId {
    /// Range of the events within a second of a mail's creation: from the first id, and before the second.
    pub fn range_around(mail: &JobId) -> (Self, Self) {
        let at = timestamp_of(mail.as_bytes());
        let second = SignedDuration::from_secs(1);
        let (from, to) = (at.saturating_sub(second), at.saturating_add(second));
        (
            Self::first_at(from.unwrap_or(at)),
            Self::first_at(to.unwrap_or(at)),
        )
    }

    /// Time of the id, to the millisecond.
    pub fn timestamp(&self) -> Timestamp {
        timestamp_of(self.as_bytes())
    }

    /// The lowest id at this time.
    pub fn first_at(at: Timestamp) -> Self {
        struct Nothing;
        impl RandomSource for Nothing {
            fn fill(&self, _: &mut [u8]) {}
        }
        Self::generate(at, &Nothing)
    }
}

/// Time of an id; [`Timestamp::MAX`] if it is out of range.
fn timestamp_of(id: &[u8; 16]) -> Timestamp {
    let mut millis = [0; 8];
    millis[2..].copy_from_slice(&id[..6]);
    Timestamp::from_millisecond(i64::from_be_bytes(millis)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    /// L-01: ids sort in the order in which a node wrote its events.
    #[test]
    fn ids_of_one_instant_sort_in_creation_order() {
        let (ids, random) = (AuditEventIds::default(), SeededRandom::new(9));
        let at = |micros: i64| Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap();
        let made: Vec<_> = (0..20_000_i64)
            .map(|number| ids.next(at(number / 5_000 * 300), &random))
            .collect();
        assert!(made.is_sorted());
        assert!(made.iter().all(|id| *id >= AuditEventId::first_at(at(0))));
        let distinct: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(distinct.len(), made.len());
    }

    #[test]
    fn an_audit_event_id_sorts_after_the_first_id_of_its_instant() {
        let at = |micros: i64| Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap();
        let first = AuditEventId::first_at(at(2_500));
        for seed in 0..100 {
            let id = |micros| AuditEventId::generate(at(micros), &SeededRandom::new(seed));
            assert!(first <= id(2_500) && first <= id(9_000));
            assert!(first > id(1_999));
        }
    }
}
