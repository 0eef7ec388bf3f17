//! The audit log as it is stored, hashed and exported: events with their texts unparsed.

use jiff::Timestamp;

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Value};
use crate::values::{AuditEventId, Digest, UserId};

/// An audit event with its texts as stored, so that events of a newer version can be hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The id; sorts by time.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// The name of the [`AuditKind`](super::AuditKind).
    pub event: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// The actor, as in [`AuditEvent`](super::AuditEvent).
    pub actor: String,
    /// The affected user.
    pub user_id: Option<UserId>,
    /// The client's IP address; not hashed.
    pub address: Option<String>,
    /// The client's user agent; not hashed.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: String,
    /// Additional information.
    pub detail: Option<String>,
}

/// The user id of the actor, if the actor is a user.
pub fn actor_id(actor: &str) -> Option<UserId> {
    actor.strip_prefix("user:")?.parse().ok()
}

/// An audit event in the hash chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// The position in the chain; the first is 1.
    pub position: i64,
    /// The hash over the previous hash and the event.
    pub hash: Digest,
    /// The event.
    pub record: AuditRecord,
}

impl AuditRecord {
    /// Events without a position, by id.
    pub fn unsealed() -> Query {
        Query::by::<Self>(&["position"]).equal(Value::Null)
    }

    /// Events with a position above `after` and up to `to`, by position.
    pub fn sealed(after: i64, to: i64) -> Query {
        Query::by::<Self>(&["position"]).above(after).at_most(to)
    }

    /// The events that can contain personal data of the user, by id: those the user did, and those that were done to
    /// the user by an actor that is not a user.
    pub fn personal(user_id: UserId) -> [Query; 2] {
        let by_user = Query::by::<Self>(&["actor_id"]).equal(user_id);
        let about_user = Query::by::<Self>(&["user_id"]).equal(user_id);
        let by_others = Condition::is_null("actor_id");
        [by_user, about_user.only(by_others)]
    }
}

/// The columns `position` and `hash` are NULL until the event is sealed. The actor is also stored as an id, to find the
/// events of a user.
impl Record for AuditRecord {
    const TABLE: &'static Table = &Table {
        indexes: &[
            &["user_id"],
            &["actor_id"],
            &["event"],
            &["position"],
            &["outcome"],
        ],
        common: &[("outcome", "success")],
        // An event waits for its position.
        null_listed: &[&["position"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Int.column("occurred_at"),
            Kind::Key.column("event"),
            Kind::Key.column("outcome"),
            Kind::Text.column("actor"),
            Kind::Id.nullable("actor_id"),
            Kind::Id.nullable("user_id"),
            Kind::Text.nullable("address"),
            Kind::Text.nullable("user_agent"),
            Kind::Text.column("request_id"),
            Kind::Text.nullable("detail"),
            Kind::Int.nullable("position"),
            Kind::Digest.nullable("hash"),
        ],
        ..Table::new("audit_events")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.into()),
            ("occurred_at", self.at.into()),
            ("event", self.event.as_str().into()),
            ("outcome", self.outcome.as_str().into()),
            ("actor", self.actor.as_str().into()),
            ("actor_id", actor_id(&self.actor).into()),
            ("user_id", self.user_id.into()),
            ("address", self.address.as_deref().into()),
            ("user_agent", self.user_agent.as_deref().into()),
            ("request_id", self.request_id.as_str().into()),
            ("detail", self.detail.as_deref().into()),
            ("position", Value::Null),
            ("hash", Value::Null),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: AuditEventId::from_bytes(row.array("id")?),
            at: row.time("occurred_at")?,
            event: row.text("event")?,
            outcome: row.text("outcome")?,
            actor: row.text("actor")?,
            user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
            address: row.opt_text("address")?,
            user_agent: row.opt_text("user_agent")?,
            request_id: row.text("request_id")?,
            detail: row.opt_text("detail")?,
        })
    }
}

impl Record for SealedEvent {
    const TABLE: &'static Table = AuditRecord::TABLE;

    fn to_row(&self) -> Row {
        let mut row = self.record.to_row();
        row.values[Self::TABLE.position("position")] = self.position.into();
        row.values[Self::TABLE.position("hash")] = (&self.hash).into();
        row
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            position: row.int("position")?,
            hash: Digest::from_bytes(row.array("hash")?),
            record: AuditRecord::from_row(row)?,
        })
    }
}
