//! How many events of a kind a node has counted in an hour or a day.

use jiff::{SignedDuration, Timestamp};

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Write};
use crate::string_enum::string_enum;
use crate::values::TimeUnit;

/// Retention period of totals. The sweep deletes them some days later.
const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

string_enum! {
    /// What is counted.
    TotalKind {
        /// Sign-ups, and invitations that were accepted.
        SignUps => "sign-ups",
        /// Sign-ins that opened a session.
        SignIns => "sign-ins",
        /// Sign-ins and changes of a password that were refused.
        Failures => "failures",
        /// Mails that a mail server accepted.
        Mails => "mails",
        /// Requests that a rate limit or the full queue of passwords denied, and mails that a limit delayed or dropped.
        Throttled => "throttled",
    }
}

/// The number of events of a kind that a node has counted in an hour or a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// An hour or a day.
    pub unit: TimeUnit,
    /// Beginning of the hour or day.
    pub starts_at: Timestamp,
    /// The kind of the events.
    pub kind: TotalKind,
    /// The name of the node. Nodes with the same name share the record.
    pub node: String,
    /// Number of events.
    pub amount: i64,
}

impl Total {
    /// The key of the record. Keys of a unit sort by time.
    pub fn key(&self) -> String {
        let place = place(self.unit, self.starts_at);
        format!("{place}/{}/{}", self.kind.as_str(), self.node)
    }

    /// The totals of the hours or days that begin at `from` or later, and before `to`.
    pub fn between(unit: TimeUnit, from: Timestamp, to: Timestamp) -> Query {
        // A key is longer than its place, and so above it.
        Query::by::<Self>(&[])
            .above(place(unit, from))
            .at_most(place(unit, to))
    }

    /// Adds a number to the stored total. Fails with `Stale` if another write has changed it since it was read.
    pub fn increase(&self, more: i64) -> Write {
        let set = [("amount", self.amount.saturating_add(more).into())];
        let when = vec![Condition::is("amount", self.amount)];
        Write::update::<Self, 1>(self.key(), set, when)
    }
}

fn place(unit: TimeUnit, at: Timestamp) -> String {
    format!("{}/{at}", unit.as_str())
}

impl Record for Total {
    const TABLE: &'static Table = &Table {
        expires: Some("expires_at"),
        indexes: &[&["expires_at"]],
        columns: &[
            Kind::Key.column("id"),
            Kind::Key.column("unit"),
            Kind::Int.column("starts_at"),
            Kind::Key.column("kind"),
            Kind::Key.column("node"),
            Kind::Int.column("amount"),
            Kind::Int.column("expires_at"),
        ],
        ..Table::new("totals")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.key().into()),
            ("unit", self.unit.as_str().into()),
            ("starts_at", self.starts_at.into()),
            ("kind", self.kind.as_str().into()),
            ("node", self.node.as_str().into()),
            ("amount", self.amount.into()),
            ("expires_at", (self.starts_at + RETENTION).into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            unit: row.parsed("unit", TimeUnit::from_name)?,
            starts_at: row.time("starts_at")?,
            kind: row.parsed("kind", TotalKind::from_name)?,
            node: row.text("node")?,
            amount: row.int("amount")?,
        })
    }
}
