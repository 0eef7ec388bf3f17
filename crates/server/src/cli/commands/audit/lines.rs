//! The export format: JSON lines. The first is the header. Then come the events by position, with a
//! checkpoint at the end of each segment. A filtered export has the selected events only, and cannot be verified.

use doorward_domain::audit::{AuditPublicKey, CheckpointId, ExportHeader};
use doorward_domain::model::{AuditRecord, Checkpoint, SealedEvent};
use doorward_domain::values::Digest;
use serde::{Deserialize, Serialize};

/// The value of the header's `format`.
const FORMAT: &str = "doorward-audit/1";

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuditLine {
    /// The first line.
    Header(HeaderLine),
    /// An event.
    Event(EventLine),
    /// The end of a segment.
    Checkpoint(CheckpointLine),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    format: String,
    exported_at: String,
    complete: bool,
    end: Option<String>,
    /// For information only: `verify` trusts the keys that the user passes.
    public_key: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventLine {
    position: i64,
    id: String,
    at: String,
    event: String,
    outcome: String,
    actor: String,
    user_id: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: String,
    detail: Option<String>,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointLine {
    position: i64,
    hash: String,
    created_at: String,
    pruned_at: Option<String>,
    key_id: String,
    signature: String,
}

impl AuditLine {
    /// Parses a line.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn header(header: &ExportHeader, key: &AuditPublicKey) -> Self {
        Self::Header(HeaderLine {
            format: FORMAT.to_owned(),
            exported_at: header.exported_at.to_string(),
            complete: header.complete,
            end: header.end.as_ref().map(ToString::to_string),
            public_key: key.to_string(),
            signature: hex::encode(&header.signature),
        })
    }

    pub(super) fn event(event: &SealedEvent) -> Self {
        let record = event.record.clone();
        Self::Event(EventLine {
            position: event.position,
            id: record.id.to_string(),
            at: record.at.to_string(),
            event: record.event,
            outcome: record.outcome,
            actor: record.actor,
            user_id: record.user_id.map(|id| id.to_string()),
            address: record.address,
            user_agent: record.user_agent,
            request_id: record.request_id,
            detail: record.detail,
            hash: hex::encode(event.hash.as_bytes()),
        })
    }

    pub(super) fn checkpoint(checkpoint: &Checkpoint) -> Self {
        Self::Checkpoint(CheckpointLine {
            position: checkpoint.position,
            hash: hex::encode(checkpoint.hash.as_bytes()),
            created_at: checkpoint.created_at.to_string(),
            pruned_at: checkpoint.pruned_at.map(|at| at.to_string()),
            key_id: checkpoint.key_id.clone(),
            signature: hex::encode(&checkpoint.signature),
        })
    }
}

impl HeaderLine {
    pub(super) fn read(self) -> Option<ExportHeader> {
        let end = self.end.as_deref();
        Some(ExportHeader {
            exported_at: self.exported_at.parse().ok()?,
            complete: self.complete,
            end: end
                .map(CheckpointId::parse)
                .map_or(Some(None), |end| end.map(Some))?,
            signature: hex::decode(&self.signature).ok()?,
        })
        .filter(|_| self.format == FORMAT)
    }
}

impl EventLine {
    pub(super) fn read(self) -> Option<SealedEvent> {
        let user_id = match self.user_id {
            Some(id) => Some(id.parse().ok()?),
            None => None,
        };
        Some(SealedEvent {
            position: self.position,
            hash: digest(&self.hash)?,
            record: AuditRecord {
                id: self.id.parse().ok()?,
                at: self.at.parse().ok()?,
                event: self.event,
                outcome: self.outcome,
                actor: self.actor,
                user_id,
                address: self.address,
                user_agent: self.user_agent,
                request_id: self.request_id,
                detail: self.detail,
            },
        })
    }
}

impl CheckpointLine {
    pub(super) fn read(self) -> Option<Checkpoint> {
        let pruned_at = match self.pruned_at {
            Some(at) => Some(at.parse().ok()?),
            None => None,
        };
        Some(Checkpoint {
            // Only the database uses it.
            previous: 0,
            position: self.position,
            hash: digest(&self.hash)?,
            created_at: self.created_at.parse().ok()?,
            pruned_at,
            key_id: self.key_id,
            signature: hex::decode(&self.signature).ok()?,
        })
    }
}

fn digest(text: &str) -> Option<Digest> {
    Some(Digest::from_bytes(hex::decode(text).ok()?.try_into().ok()?))
}
