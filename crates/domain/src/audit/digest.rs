//! What is digested, byte by byte. It never changes: what was sealed must verify for ever. A further
//! field would make a second form, told by the name it begins with.

use std::fmt::Write;

use super::Checkpoint;
use super::checker::Extent;
use crate::model::{AuditRecord, Leaf, Seal};
use crate::values::{Digest, UserId};

/// What stands for the digest of a seal before the first.
pub fn none() -> Digest {
    Digest::from_bytes([0; 32])
}

/// Fields one after the other, each with its length, so that no two lists look alike.
struct Fields(Vec<u8>);

impl Fields {
    fn named(name: &str) -> Self {
        let mut fields = Self(Vec::with_capacity(512));
        fields.put(name.as_bytes());
        fields
    }

    fn put(&mut self, field: &[u8]) -> &mut Self {
        self.0.push(1);
        let length = u64::try_from(field.len()).expect("a length fits 64 bits");
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    fn maybe(&mut self, field: Option<&[u8]>) -> &mut Self {
        match field {
            Some(field) => self.put(field),
            None => {
                self.0.push(0);
                self
            }
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// All an event says but for address and user agent, of which there is a salted digest.
pub fn of_event(record: &AuditRecord) -> Digest {
    Fields::named("doorward/audit-event/1")
        .put(record.id.as_bytes())
        .put(&record.at.as_microsecond().to_be_bytes())
        .put(record.event.as_bytes())
        .put(record.outcome.as_bytes())
        .put(record.actor.as_bytes())
        .maybe(record.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .put(record.request_id.as_bytes())
        .maybe(record.detail.as_ref().map(String::as_bytes))
        .maybe(
            record
                .personal_digest
                .as_ref()
                .map(|digest| digest.as_bytes().as_slice()),
        )
        .digest()
}

/// The address and the user agent, salted: without the salt nobody finds them by trying.
pub fn of_personal(salt: &Digest, address: Option<&str>, user_agent: Option<&str>) -> Digest {
    Fields::named("doorward/audit-personal/1")
        .put(salt.as_bytes())
        .maybe(address.map(str::as_bytes))
        .maybe(user_agent.map(str::as_bytes))
        .digest()
}

/// The events of a seal.
pub fn of_leaves(leaves: &[Leaf]) -> Digest {
    let mut fields = Fields::named("doorward/audit-leaves/1");
    for leaf in leaves {
        fields.put(leaf.id.as_bytes()).put(leaf.digest.as_bytes());
    }
    fields.digest()
}

/// A seal, with the digest of the one before.
pub fn of_seal(seal: &Seal) -> Digest {
    Fields::named("doorward/audit-seal/1")
        .put(&seal.position.to_be_bytes())
        .put(seal.previous.as_bytes())
        .put(seal.events.as_bytes())
        .put(seal.first_id.as_bytes())
        .put(seal.last_id.as_bytes())
        .put(&seal.counted.to_be_bytes())
        .put(&seal.sealed_at.as_microsecond().to_be_bytes())
        .digest()
}

/// What is signed of a seal.
pub(super) fn signed_of_seal(digest: &Digest) -> Vec<u8> {
    Fields::named("doorward/audit-seal-signature/1")
        .put(digest.as_bytes())
        .0
        .clone()
}

/// What is signed where a seal's events are let go.
pub(super) fn signed_of_letting_go(digest: &Digest, at: jiff::Timestamp) -> Vec<u8> {
    Fields::named("doorward/audit-let-go/1")
        .put(digest.as_bytes())
        .put(&at.as_microsecond().to_be_bytes())
        .0
        .clone()
}

/// What is signed of the beginning of an exported log.
pub(super) fn signed_of_export(
    at: jiff::Timestamp,
    extent: Extent,
    last: Option<&Checkpoint>,
) -> Vec<u8> {
    let last = last.map(ToString::to_string);
    Fields::named("doorward/audit-export/1")
        .put(&at.as_microsecond().to_be_bytes())
        .put(match extent {
            Extent::Whole => b"whole",
            Extent::Chosen => b"chosen",
        })
        .maybe(last.as_ref().map(String::as_bytes))
        .0
        .clone()
}

/// What is signed where a user's addresses are to be erased.
pub(super) fn signed_of_erasure(user_id: UserId, at: jiff::Timestamp) -> Vec<u8> {
    Fields::named("doorward/audit-erasure/1")
        .put(user_id.as_bytes())
        .put(&at.as_microsecond().to_be_bytes())
        .0
        .clone()
}

/// 64 hexadecimal digits.
pub fn hex(digest: &Digest) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.as_bytes() {
        write!(text, "{byte:02x}").expect("a String takes all that is written to it");
    }
    text
}
