//! The log as JSON lines: one for the file, then seals, each after the erasures that explain it and
//! before its events. What a line says is read back word by word, since its digest is checked.

use doorward_domain::audit::checker::Extent;
use doorward_domain::audit::digest::hex;
use doorward_domain::audit::{AuditPublicKey, Checkpoint, ExportHead};
use doorward_domain::model::{AuditRecord, Erasure, Leaf, LetGo, Seal};
use doorward_domain::values::{AuditEventId, Digest, UserId};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the first line says.
pub(super) const FORMAT: &str = "doorward-audit/1";

/// A line of the file, read.
pub(super) enum Line {
    /// The first.
    Head(ExportHead),
    /// Why the next seal's events have lost their addresses.
    Erasure(Erasure),
    /// A seal; its events follow.
    Seal(Box<Seal>),
    /// An event of the seal before, or one that no seal holds.
    Event(Box<AuditRecord>),
}

/// `public_key` tells a person which key it was; whoever checks trusts the one that they brought along.
pub(super) fn of_head(head: &ExportHead, public_key: &AuditPublicKey) -> Value {
    json!({
        "format": FORMAT,
        "exported_at": head.exported_at.to_string(),
        "chosen": head.extent == Extent::Chosen,
        "last": head.last.as_ref().map(ToString::to_string),
        "public_key": public_key.to_string(),
        "signature": bytes(&head.signature),
    })
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

/// Reads a line; none where it is not one of ours, or says anything that is not read: a field that nobody
/// knows or that stands there twice would tell another reader another story.
pub(super) fn read(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line).ok()?;
    if value.get("format").is_some() {
        let head = head(&value)?;
        let key = text(&value, "public_key")?.parse().ok()?;
        let again = of_head(&head, &key);
        let is_all = again == value && again.to_string().len() == line.trim_end().len();
        return is_all.then_some(Line::Head(head));
    }
    let (kind, fields) = value.as_object()?.iter().next()?;
    let (read, again) = match kind.as_str() {
        "erasure" => {
            let erasure = erasure(fields)?;
            let again = of_erasure(&erasure);
            (Line::Erasure(erasure), again)
        }
        "seal" => {
            let seal = seal(fields)?;
            let again = of_seal(&seal);
            (Line::Seal(Box::new(seal)), again)
        }
        "event" => {
            let record = record(fields)?;
            let again = of_record(&record);
            (Line::Event(Box::new(record)), again)
        }
        _ => return None,
    };
    // As long as well: of a field that stands there twice, one is left.
    let is_all = again == value && again.to_string().len() == line.trim_end().len();
    is_all.then_some(read)
}

fn head(value: &Value) -> Option<ExportHead> {
    let last = match value.get("last")? {
        Value::Null => None,
        last => Some(Checkpoint::parse(last.as_str()?)?),
    };
    Some(ExportHead {
        exported_at: time(value, "exported_at")?,
        extent: match value.get("chosen")?.as_bool()? {
            true => Extent::Chosen,
            false => Extent::Whole,
        },
        last,
        signature: from_hex(text(value, "signature")?)?,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// H-04, L-01: a line is read in one way, or in none.
    #[test]
    fn what_is_read_is_all_that_a_line_says() {
        let erasure = Erasure {
            user_id: "019363a0-0000-7000-8000-000000000000".parse().unwrap(),
            ordered_at: "2026-11-21T08:00:00.25Z".parse().unwrap(),
            signature: vec![0, 255],
            done_at: None,
        };
        let line = of_erasure(&erasure).to_string();
        assert!(matches!(read(&line), Some(Line::Erasure(read)) if read == erasure));
        assert!(read(&format!("{line}\r")).is_some());
        for (from, to) in [
            ("{\"erasure\":{", "{\"erasure\":{\"done_at\":null,"),
            ("{\"erasure\":{", "{\"erasure\":{\"signature\":\"00ff\","),
            ("{\"erasure\":{", "{\"erasure\":{\"more\":1,"),
            ("{\"erasure\":{", "{\"more\":{},\"erasure\":{"),
            ("{\"erasure\":{", "{ \"erasure\":{"),
            ("00ff", "00FF"),
            ("08:00:00.25Z", "09:00:00.25+01:00"),
        ] {
            assert!(line.contains(from), "{line}");
            assert!(read(&line.replacen(from, to, 1)).is_none(), "{from} {to}");
        }
    }
}
