//! The log as JSON lines: one for the file, then seals, each after the erasures that explain it and
//! before its events. What a line says is read back word by word, since its digest is checked.

use doorward_domain::audit::digest::hex;
use doorward_domain::model::{AuditRecord, Erasure, Leaf, LetGo, Seal};
use doorward_domain::values::{AuditEventId, Digest, UserId};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the first line says.
pub(super) const FORMAT: &str = "doorward-audit/1";

/// A line of the file, read.
pub(super) enum Line {
    /// The first; whether the events are a choice.
    Head {
        /// Some events were left out.
        chosen: bool,
    },
    /// Why the next seal's events have lost their addresses.
    Erasure(Erasure),
    /// A seal; its events follow.
    Seal(Box<Seal>),
    /// An event of the seal before, or one that no seal holds.
    Event(Box<AuditRecord>),
}

pub(super) fn of_erasure(erasure: &Erasure) -> Value {
    json!({"erasure": {
        "user_id": erasure.user_id.to_string(),
        "ordered_at": erasure.ordered_at.to_string(),
        "signature": bytes(&erasure.signature),
        "done_at": erasure.done_at.map(|at| at.to_string()),
    }})
}

pub(super) fn of_seal(seal: &Seal) -> Value {
    let leaf = |leaf: &Leaf| format!("{}:{}", leaf.id, hex(&leaf.digest));
    let leaves = seal.leaves.as_ref();
    json!({"seal": {
        "position": seal.position,
        "previous": hex(&seal.previous),
        "digest": hex(&seal.digest),
        "events": hex(&seal.events),
        "leaves": leaves.map(|leaves| leaves.iter().map(leaf).collect::<Vec<_>>()),
        "first_id": seal.first_id.to_string(),
        "last_id": seal.last_id.to_string(),
        "counted": seal.counted,
        "sealed_at": seal.sealed_at.to_string(),
        "signature": bytes(&seal.signature),
        "let_go_at": seal.let_go.as_ref().map(|let_go| let_go.at.to_string()),
        "let_go_signature": seal.let_go.as_ref().map(|let_go| bytes(&let_go.signature)),
    }})
}

pub(super) fn of_record(record: &AuditRecord) -> Value {
    json!({"event": {
        "id": record.id.to_string(),
        "at": record.at.to_string(),
        "event": record.event,
        "outcome": record.outcome,
        "actor": record.actor,
        "user_id": record.user_id.map(|id| id.to_string()),
        "address": record.address,
        "user_agent": record.user_agent,
        "request_id": record.request_id,
        "detail": record.detail,
        "seal": record.seal,
        "personal_digest": record.personal_digest.as_ref().map(hex),
        "personal_salt": record.personal_salt.as_ref().map(hex),
    }})
}

/// Reads a line; none where it is not one of ours.
pub(super) fn read(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line).ok()?;
    if let Some(format) = value.get("format") {
        let chosen = value.get("chosen")?.as_bool()?;
        return (format == FORMAT).then_some(Line::Head { chosen });
    }
    let (kind, fields) = value.as_object()?.iter().next()?;
    match kind.as_str() {
        "erasure" => erasure(fields).map(Line::Erasure),
        "seal" => seal(fields).map(|seal| Line::Seal(Box::new(seal))),
        "event" => record(fields).map(|record| Line::Event(Box::new(record))),
        _ => None,
    }
}

fn erasure(value: &Value) -> Option<Erasure> {
    Some(Erasure {
        user_id: text(value, "user_id")?.parse().ok()?,
        ordered_at: time(value, "ordered_at")?,
        signature: from_hex(text(value, "signature")?)?,
        done_at: time(value, "done_at"),
    })
}

fn seal(value: &Value) -> Option<Seal> {
    let leaf = |leaf: &Value| {
        let (id, digest) = leaf.as_str()?.split_once(':')?;
        Some(Leaf {
            id: id.parse().ok()?,
            digest: to_digest(digest)?,
        })
    };
    let leaves = match value.get("leaves")? {
        Value::Null => None,
        leaves => Some(leaves.as_array()?.iter().map(leaf).collect::<Option<_>>()?),
    };
    let let_go = time(value, "let_go_at").zip(text(value, "let_go_signature"));
    let let_go = match let_go {
        Some((at, signature)) => Some(LetGo {
            at,
            signature: from_hex(signature)?,
        }),
        None => None,
    };
    Some(Seal {
        position: value.get("position")?.as_i64()?,
        previous: digest(value, "previous")?,
        digest: digest(value, "digest")?,
        events: digest(value, "events")?,
        leaves,
        first_id: text(value, "first_id")?.parse().ok()?,
        last_id: text(value, "last_id")?.parse().ok()?,
        counted: value.get("counted")?.as_i64()?,
        sealed_at: time(value, "sealed_at")?,
        signature: from_hex(text(value, "signature")?)?,
        let_go,
    })
}

fn record(value: &Value) -> Option<AuditRecord> {
    let owned = |key| text(value, key).map(str::to_owned);
    let id: AuditEventId = text(value, "id")?.parse().ok()?;
    let user_id: Option<UserId> = match text(value, "user_id") {
        Some(id) => Some(id.parse().ok()?),
        None => None,
    };
    let actor = owned("actor")?;
    Some(AuditRecord {
        id,
        at: time(value, "at")?,
        event: owned("event")?,
        outcome: owned("outcome")?,
        actor_id: doorward_domain::audit::checker::actor_id(&actor),
        actor,
        user_id,
        address: owned("address"),
        user_agent: owned("user_agent"),
        request_id: owned("request_id")?,
        detail: owned("detail"),
        seal: value.get("seal").and_then(Value::as_i64),
        personal_digest: digest(value, "personal_digest"),
        personal_salt: digest(value, "personal_salt"),
    })
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn time(value: &Value, key: &str) -> Option<Timestamp> {
    text(value, key)?.parse().ok()
}

fn digest(value: &Value, key: &str) -> Option<Digest> {
    to_digest(text(value, key)?)
}

fn to_digest(text: &str) -> Option<Digest> {
    Some(Digest::from_bytes(from_hex(text)?.try_into().ok()?))
}

fn bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}
