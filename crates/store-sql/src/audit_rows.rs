//! Rows of the audit log as they stand, whatever somebody has put there: what cannot be read is read as
//! what was never sealed, so that whoever verifies the log names the row and goes on (L-01). One spoilt row
//! must not hide those behind it, nor keep others from their seal.

use doorward_domain::model::{AuditRecord, Erasure, Leaf, LetGo, Seal};
use doorward_domain::values::{AuditEventId, Digest, UserId};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::dialect::Dialect;
use crate::row::{BadRow, Row};

/// An id, and a digest.
const LEAF: usize = 16 + 32;
/// Stands for bytes that are too many or too few.
const NO_BYTES: u8 = 255;

/// The columns of a seal.
pub(crate) const SEAL: &str = "position, previous, digest, events, leaves, first_id, last_id, counted, \
    sealed_at, signature, let_go_at, let_go_signature";

/// The columns of a record.
pub(crate) fn of_record(dialect: Dialect) -> String {
    let texts = [
        "event",
        "outcome",
        "actor",
        "address",
        "user_agent",
        "request_id",
        "detail",
    ];
    let texts = texts.map(|column| dialect.text_as_it_stands(column));
    let texts = texts.join(", ");
    format!("id, occurred_at, actor_id, user_id, seal, personal_digest, personal_salt, {texts}")
}

/// Reads an event.
pub(crate) fn record(row: &AnyRow) -> AuditRecord {
    let row = Spoilt(Row::new(row, "audit_events", "id"));
    AuditRecord {
        id: AuditEventId::from_bytes(row.array("id")),
        at: row.time("occurred_at"),
        event: row.text("event"),
        outcome: row.text("outcome"),
        actor: row.text("actor"),
        actor_id: row.opt_array("actor_id").map(UserId::from_bytes),
        user_id: row.opt_array("user_id").map(UserId::from_bytes),
        address: row.opt_text("address"),
        user_agent: row.opt_text("user_agent"),
        request_id: row.text("request_id"),
        detail: row.opt_text("detail"),
        seal: row.opt_int("seal"),
        personal_digest: row.opt_array("personal_digest").map(Digest::from_bytes),
        personal_salt: row.opt_array("personal_salt").map(Digest::from_bytes),
    }
}

/// Reads a seal.
pub(crate) fn seal(row: &AnyRow) -> Seal {
    let row = Spoilt(Row::new(row, "audit_seals", "digest"));
    let let_go = match (row.opt_int("let_go_at"), row.opt_bytes("let_go_signature")) {
        (None, None) => None,
        // Half of it is a forgery, and shows as one.
        (at, signature) => Some(LetGo {
            at: at.map_or(Timestamp::UNIX_EPOCH, moment),
            signature: signature.unwrap_or_default(),
        }),
    };
    Seal {
        position: row.opt_int("position").unwrap_or(i64::MAX),
        previous: Digest::from_bytes(row.array("previous")),
        digest: Digest::from_bytes(row.array("digest")),
        events: Digest::from_bytes(row.array("events")),
        leaves: row.opt_bytes("leaves").map(|bytes| from_bytes(&bytes)),
        first_id: AuditEventId::from_bytes(row.array("first_id")),
        last_id: AuditEventId::from_bytes(row.array("last_id")),
        counted: row.opt_int("counted").unwrap_or(-1),
        sealed_at: row.time("sealed_at"),
        signature: row.opt_bytes("signature").unwrap_or_default(),
        let_go,
    }
}

/// Reads the order of an erasure, of whom is known; where it is spoilt, no signature fits it.
pub(crate) fn erasure(row: &AnyRow) -> Result<Erasure, BadRow> {
    let row = Row::new(row, "audit_erasures", "user_id");
    let user_id = UserId::from_bytes(row.array("user_id")?);
    let row = Spoilt(row);
    Ok(Erasure {
        user_id,
        ordered_at: row.time("ordered_at"),
        signature: row.opt_bytes("signature").unwrap_or_default(),
        done_at: row.opt_int("done_at").map(moment),
    })
}

/// The leaves of a seal, as they are kept.
pub(crate) fn to_bytes(leaves: &[Leaf]) -> Vec<u8> {
    let pairs = leaves
        .iter()
        .flat_map(|leaf| [leaf.id.as_bytes().as_slice(), leaf.digest.as_bytes()]);
    pairs.collect::<Vec<_>>().concat()
}

/// A rest that is no leaf is one nobody has sealed: the digest over all tells.
fn from_bytes(bytes: &[u8]) -> Vec<Leaf> {
    let (leaves, rest) = bytes.as_chunks::<LEAF>();
    let none = [NO_BYTES; LEAF];
    let leaf = |bytes: &[u8; LEAF]| {
        let (id, digest) = bytes.split_first_chunk()?;
        Some(Leaf {
            id: AuditEventId::from_bytes(*id),
            digest: Digest::from_bytes(digest.try_into().ok()?),
        })
    };
    let rest = (!rest.is_empty()).then_some(&none);
    leaves.iter().chain(rest).filter_map(leaf).collect()
}

/// A row in which nothing needs to fit.
struct Spoilt<'r>(Row<'r>);

impl Spoilt<'_> {
    fn opt_int(&self, column: &'static str) -> Option<i64> {
        self.0.opt_int(column).unwrap_or(Some(-1))
    }

    fn time(&self, column: &'static str) -> Timestamp {
        self.opt_int(column).map_or(Timestamp::MIN, moment)
    }

    fn opt_bytes(&self, column: &'static str) -> Option<Vec<u8>> {
        self.0.opt_bytes(column).unwrap_or(Some(Vec::new()))
    }

    fn opt_array<const N: usize>(&self, column: &'static str) -> Option<[u8; N]> {
        let bytes = self.opt_bytes(column)?;
        Some(bytes.try_into().unwrap_or([NO_BYTES; N]))
    }

    fn array<const N: usize>(&self, column: &'static str) -> [u8; N] {
        self.opt_array(column).unwrap_or([NO_BYTES; N])
    }

    fn text(&self, column: &'static str) -> String {
        self.opt_text(column).unwrap_or_default()
    }

    /// What is no text ends with a byte that no text of ours has in it.
    fn opt_text(&self, column: &'static str) -> Option<String> {
        self.0.opt_text(column).unwrap_or_else(|_| {
            let bytes = self.opt_bytes(column).unwrap_or_default();
            Some(String::from_utf8_lossy(&bytes).into_owned() + "\0")
        })
    }
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}
