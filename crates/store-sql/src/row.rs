//! Reads a row's columns. A value of the wrong type is a [`BadRow`], never a panic.
//!
//! The error names the table, the row and the column, and never shows the value: it may be personal data.

use std::fmt::Write;

use doorward_domain::ports::StoreError;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Row as _, TypeInfo, ValueRef};

/// A row that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("table {table}, row {key}: column {column} {reason}")]
pub(crate) struct BadRow {
    table: &'static str,
    key: String,
    column: &'static str,
    reason: &'static str,
}

impl BadRow {
    /// The column and the reason, without the row.
    pub(crate) fn what(&self) -> String {
        format!("column {} {}", self.column, self.reason)
    }
}

/// A row of a table, and its key column.
pub(crate) struct Row<'r> {
    row: &'r AnyRow,
    table: &'static str,
    key: &'static str,
}

impl<'r> Row<'r> {
    pub(crate) fn new(row: &'r AnyRow, table: &'static str, key: &'static str) -> Self {
        Self { row, table, key }
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, BadRow> {
        self.required(column, self.opt_int(column)?)
    }

    pub(crate) fn opt_int(&self, column: &'static str) -> Result<Option<i64>, BadRow> {
        self.row
            .try_get(column)
            .map_err(|_| self.bad(column, "is not an integer"))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, BadRow> {
        self.required(column, self.opt_time(column)?)
    }

    pub(crate) fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>, BadRow> {
        let time = self
            .opt_int(column)?
            .map(Timestamp::from_microsecond)
            .transpose();
        time.map_err(|_| self.bad(column, "is not a time"))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, BadRow> {
        self.required(column, self.opt_bytes(column)?)
    }

    pub(crate) fn opt_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, BadRow> {
        self.row
            .try_get(column)
            .map_err(|_| self.bad(column, "is not binary"))
    }

    /// An id, a digest or a key of exactly `N` bytes.
    pub(crate) fn array<const N: usize>(&self, column: &'static str) -> Result<[u8; N], BadRow> {
        self.required(column, self.opt_array(column)?)
    }

    pub(crate) fn opt_array<const N: usize>(
        &self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, BadRow> {
        let array = self.opt_bytes(column)?.map(<[u8; N]>::try_from).transpose();
        array.map_err(|_| self.bad(column, "has a wrong length"))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, BadRow> {
        self.required(column, self.opt_text(column)?)
    }

    /// A column that compares as bytes returns its text as bytes.
    pub(crate) fn opt_text(&self, column: &'static str) -> Result<Option<String>, BadRow> {
        let bad = || self.bad(column, "is not text");
        let raw = self.row.try_get_raw(column).map_err(|_| bad())?;
        if !raw.is_null() && raw.type_info().name() == "BLOB" {
            let text = self.opt_bytes(column)?.map(String::from_utf8).transpose();
            return text.map_err(|_| bad());
        }
        self.row.try_get(column).map_err(|_| bad())
    }

    /// A value that is stored as text.
    pub(crate) fn parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BadRow> {
        self.required(column, self.opt_parsed(column, parse)?)
    }

    pub(crate) fn opt_parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadRow> {
        let Some(text) = self.opt_text(column)? else {
            return Ok(None);
        };
        let value =
            parse(&text).ok_or_else(|| self.bad(column, "is not a value this version knows"))?;
        Ok(Some(value))
    }

    fn required<T>(&self, column: &'static str, value: Option<T>) -> Result<T, BadRow> {
        value.ok_or_else(|| self.bad(column, "is NULL"))
    }

    fn bad(&self, column: &'static str, reason: &'static str) -> BadRow {
        let mut key = String::new();
        for byte in self.row.try_get::<Vec<u8>, _>(self.key).unwrap_or_default() {
            write!(key, "{byte:02x}").expect("writing to a String cannot fail");
        }
        BadRow {
            table: self.table,
            key,
            column,
            reason,
        }
    }
}

/// Reads all rows.
pub(crate) fn all<T>(
    operation: &'static str,
    rows: &[AnyRow],
    read: impl Fn(&AnyRow) -> Result<T, BadRow>,
) -> Result<Vec<T>, StoreError> {
    let values: Result<_, _> = rows.iter().map(read).collect();
    values.map_err(|bad| StoreError::new(operation, bad))
}

/// Reads the rows that can be read, and logs the others: a value that only a newer release knows must
/// not hide other rows.
pub(crate) fn readable<T>(rows: &[AnyRow], read: impl Fn(&AnyRow) -> Result<T, BadRow>) -> Vec<T> {
    let note = |bad: BadRow| tracing::error!(error = %bad, "skipped an unreadable row");
    let read = |row: &AnyRow| read(row).map_err(note).ok();
    rows.iter().filter_map(read).collect()
}

/// Reads the only row, if there is one.
pub(crate) fn one<T>(
    operation: &'static str,
    row: Option<&AnyRow>,
    read: impl Fn(&AnyRow) -> Result<T, BadRow>,
) -> Result<Option<T>, StoreError> {
    row.map(read)
        .transpose()
        .map_err(|bad| StoreError::new(operation, bad))
}
