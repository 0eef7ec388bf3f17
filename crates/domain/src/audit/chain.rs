//! The bytes that are hashed and signed. They are part of the export format.

use jiff::Timestamp;

use super::CheckpointId;
use crate::model::{AuditRecord, Checkpoint};
use crate::values::Digest;

/// The hash before the first event.
pub fn start() -> Digest {
    Digest::from_bytes([0; 32])
}

/// The digest of an event's content: every column except the IP address and the user agent.
pub fn content_digest(record: &AuditRecord) -> Digest {
    let fields = FieldEncoder::new("doorward/audit-event/1")
        .put(record.id.as_bytes())
        .time(record.at)
        .put(record.event.as_bytes())
        .put(record.outcome.as_bytes())
        .put(record.actor.as_bytes())
        .put_optional(record.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .put(record.request_id.as_bytes())
        .put_optional(record.detail.as_ref().map(String::as_bytes));
    Digest::of(&fields.0)
}

/// The hash of an event: SHA-256 over the previous hash and the event's content digest.
pub fn next_hash(previous: &Digest, content: &Digest) -> Digest {
    Digest::of(&[previous.as_bytes().as_slice(), content.as_bytes()].concat())
}

/// The signed bytes of a checkpoint.
pub(super) fn checkpoint_message(checkpoint: &Checkpoint) -> Vec<u8> {
    let pruned_at = checkpoint.pruned_at.map(bytes_of);
    FieldEncoder::new("doorward/audit-checkpoint/1")
        .put(&checkpoint.position.to_be_bytes())
        .put(checkpoint.hash.as_bytes())
        .time(checkpoint.created_at)
        .put_optional(pruned_at.as_ref().map(<[u8; 8]>::as_slice))
        .0
}

/// The signed bytes of an export's first line.
pub(super) fn export_message(at: Timestamp, complete: bool, end: Option<&CheckpointId>) -> Vec<u8> {
    let end = end.map(ToString::to_string);
    FieldEncoder::new("doorward/audit-export/1")
        .time(at)
        .put(if complete { b"complete" } else { b"filtered" })
        .put_optional(end.as_ref().map(String::as_bytes))
        .0
}

fn bytes_of(at: Timestamp) -> [u8; 8] {
    at.as_microsecond().to_be_bytes()
}

/// Fields with their lengths, so that two different lists never have the same bytes.
struct FieldEncoder(Vec<u8>);

impl FieldEncoder {
    fn new(name: &str) -> Self {
        Self(Vec::with_capacity(512)).put(name.as_bytes())
    }

    fn put(mut self, field: &[u8]) -> Self {
        let length = u64::try_from(field.len()).expect("a length fits 64 bits");
        self.0.push(1);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    fn put_optional(mut self, field: Option<&[u8]>) -> Self {
        match field {
            Some(field) => self.put(field),
            None => {
                self.0.push(0);
                self
            }
        }
    }

    fn time(self, at: Timestamp) -> Self {
        self.put(&bytes_of(at))
    }
}
