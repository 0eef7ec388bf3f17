//! The record of a node, which the node writes once a minute.

use jiff::{SignedDuration, Timestamp};

use crate::store::{BadRow, Kind, Query, Record, Row, RowReader, Table};

/// Time for which a node is listed after its last report. The sweep deletes its record some days later.
const LISTED: SignedDuration = SignedDuration::from_hours(1);
/// A node reports once a minute: it is overdue when it has missed two reports.
const OVERDUE: SignedDuration = SignedDuration::from_mins(3);

/// A running server, or one that has ended without deleting its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name of the machine, as in the totals.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it reported last.
    pub seen_at: Timestamp,
}

impl Node {
    /// The key of the record. Two processes on one machine have different ones.
    pub fn key(&self) -> String {
        format!("{}/{}", self.name, self.started_at.as_microsecond())
    }

    /// The nodes that have reported within the last hour.
    pub fn listed(now: Timestamp) -> Query {
        Query::by::<Self>(&["expires_at"]).above(now)
    }

    /// Returns `true` if it has not reported for three minutes.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) >= OVERDUE
    }
}

impl Record for Node {
    const TABLE: &'static Table = &Table {
        expires: Some("expires_at"),
        indexes: &[&["expires_at"]],
        columns: &[
            Kind::Key.column("id"),
            Kind::Key.column("name"),
            Kind::Key.column("version"),
            Kind::Int.column("started_at"),
            Kind::Int.column("seen_at"),
            Kind::Int.column("expires_at"),
        ],
        ..Table::new("nodes")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.key().into()),
            ("name", self.name.as_str().into()),
            ("version", self.version.as_str().into()),
            ("started_at", self.started_at.into()),
            ("seen_at", self.seen_at.into()),
            ("expires_at", (self.seen_at + LISTED).into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            name: row.text("name")?,
            version: row.text("version")?,
            started_at: row.time("started_at")?,
            seen_at: row.time("seen_at")?,
        })
    }
}
