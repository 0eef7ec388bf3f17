//! The last verification of the audit log.

use jiff::Timestamp;

use crate::store::{BadRow, Kind, Record, Row, RowReader, Table};

/// When the audit log of the database was last verified, and with what result. Anyone who can write to the database can
/// change it: it is a reminder, and proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerification {
    /// The time.
    pub at: Timestamp,
    /// The number of events that were verified.
    pub events: i64,
    /// The code of what was found; `None` if the log verifies.
    pub finding: Option<String>,
}

impl AuditVerification {
    /// The key of the record.
    pub const LAST: &'static str = "last";
}

impl Record for AuditVerification {
    const TABLE: &'static Table = &Table {
        columns: &[
            Kind::Key.column("id"),
            Kind::Int.column("verified_at"),
            Kind::Int.column("events"),
            Kind::Text.nullable("finding"),
        ],
        ..Table::new("audit_verifications")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", Self::LAST.into()),
            ("verified_at", self.at.into()),
            ("events", self.events.into()),
            ("finding", self.finding.as_deref().into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            at: row.time("verified_at")?,
            events: row.int("events")?,
            finding: row.opt_text("finding")?,
        })
    }
}
