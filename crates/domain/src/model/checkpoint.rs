//! Checkpoints of the audit log.

use jiff::Timestamp;

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table};
use crate::values::Digest;

/// A signed statement of the chain's hash at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position of the checkpoint before, or 0. Unique, so that of several nodes that seal at the same
    /// time only one succeeds.
    pub previous: i64,
    /// The position of the last event it covers.
    pub position: i64,
    /// The hash of that event.
    pub hash: Digest,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the events up to this position were deleted because of their age.
    pub pruned_at: Option<Timestamp>,
    /// The public key that verifies the signature.
    pub key_id: String,
    /// Ed25519 signature of the position, the hash and both times.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// All checkpoints, by position.
    pub fn by_position() -> Query {
        Query::by::<Self>(&["position"])
    }

    /// The checkpoints after this position, by position.
    pub fn after(position: i64) -> Query {
        Self::by_position().above(position)
    }

    /// The checkpoints before this position, the last first.
    pub fn before(position: i64) -> Query {
        let last = position.saturating_sub(1);
        Self::by_position().at_most(last).descending()
    }

    /// The checkpoints that are signed with the key `key_id`, were created before `before` and are not pruned yet,
    /// oldest first.
    pub fn prunable(key_id: &str, before: Timestamp) -> Query {
        Query::by::<Self>(&["key_id", "created_at"])
            .equal(key_id)
            .at_most(before.as_microsecond().saturating_sub(1))
            .only(Condition::is_null("pruned_at"))
    }
}

impl Record for Checkpoint {
    const TABLE: &'static Table = &Table {
        indexes: &[&["position"], &["key_id", "created_at"]],
        columns: &[
            Kind::Int.column("previous"),
            Kind::Int.column("position"),
            Kind::Digest.column("hash"),
            Kind::Int.column("created_at"),
            Kind::Int.nullable("pruned_at"),
            Kind::Key.column("key_id"),
            Kind::Blob.column("signature"),
        ],
        ..Table::new("audit_checkpoints")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("previous", self.previous.into()),
            ("position", self.position.into()),
            ("hash", (&self.hash).into()),
            ("created_at", self.created_at.into()),
            ("pruned_at", self.pruned_at.into()),
            ("key_id", self.key_id.as_str().into()),
            ("signature", self.signature.as_slice().into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            previous: row.int("previous")?,
            position: row.int("position")?,
            hash: Digest::from_bytes(row.array("hash")?),
            created_at: row.time("created_at")?,
            pruned_at: row.opt_time("pruned_at")?,
            key_id: row.text("key_id")?,
            signature: row.bytes("signature")?,
        })
    }
}
