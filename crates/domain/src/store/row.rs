//! Rows and their values.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;

use super::Table;

/// A value of a column. `Debug` shows its kind only: it may be a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// The column was not read, or is not to be written.
    Unset,
    /// NULL.
    Null,
    /// An integer, or a time in microseconds since 1970.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The time; `None` for other values.
    pub fn as_time(&self) -> Option<Timestamp> {
        match self {
            Self::Int(micros) => time_of(*micros),
            _ => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset => "unset",
            Self::Null => "null",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        })
    }
}

/// A row of a table: a value for each column, in the order of the declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The table.
    pub table: &'static Table,
    /// The values.
    pub values: Vec<Value>,
}

impl Row {
    /// The primary key.
    pub fn key(&self) -> &Value {
        &self.values[0]
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> &Value {
        &self.values[self.table.position(column)]
    }

    /// Reads the row as a record.
    pub fn read<R: super::Record>(&self) -> Result<R, BadRow> {
        R::from_row(&RowReader {
            row: self,
            next: Cell::new(0),
        })
    }
}

/// A row that this version cannot read. It names the table, the row and the column, and never shows the value: it may
/// be personal data.
#[derive(Debug, thiserror::Error)]
#[error("table {table}, row {key}: column {column} {reason}")]
pub struct BadRow {
    table: &'static str,
    key: String,
    column: &'static str,
    reason: &'static str,
}

impl BadRow {
    /// The column and the reason, without the row.
    pub fn what(&self) -> String {
        format!("column {} {}", self.column, self.reason)
    }
}

/// Reads the columns of a row, fastest in the order of the declaration. A value of the wrong kind is a [`BadRow`], never
/// a panic.
pub struct RowReader<'r> {
    row: &'r Row,
    /// The column after the one that was read last.
    next: Cell<usize>,
}

impl RowReader<'_> {
    fn get(&self, column: &str) -> &Value {
        let next = self.next.get();
        let position = match self.row.table.columns.get(next) {
            Some(expected) if expected.name == column => next,
            _ => self.row.table.position(column),
        };
        self.next.set(position + 1);
        &self.row.values[position]
    }

    /// An integer.
    pub fn int(&self, column: &'static str) -> Result<i64, BadRow> {
        self.required(column, self.opt_int(column)?)
    }

    /// Returns `true` if the column was read.
    pub fn is_read(&self, column: &str) -> bool {
        *self.get(column) != Value::Unset
    }

    /// An integer or NULL.
    pub fn opt_int(&self, column: &'static str) -> Result<Option<i64>, BadRow> {
        match self.get(column) {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            _ => Err(self.bad(column, "is not an integer")),
        }
    }

    /// A time.
    pub fn time(&self, column: &'static str) -> Result<Timestamp, BadRow> {
        self.required(column, self.opt_time(column)?)
    }

    /// A time or NULL.
    pub fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>, BadRow> {
        let Some(micros) = self.opt_int(column)? else {
            return Ok(None);
        };
        let time = time_of(micros).ok_or_else(|| self.bad(column, "is not a time"));
        time.map(Some)
    }

    /// Bytes.
    pub fn bytes(&self, column: &'static str) -> Result<Vec<u8>, BadRow> {
        let bytes = self.opt_slice(column)?.map(<[u8]>::to_vec);
        self.required(column, bytes)
    }

    /// An id, a digest or a key of exactly `N` bytes.
    pub fn array<const N: usize>(&self, column: &'static str) -> Result<[u8; N], BadRow> {
        self.required(column, self.opt_array(column)?)
    }

    /// An id, a digest or a key of exactly `N` bytes, or NULL.
    pub fn opt_array<const N: usize>(
        &self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, BadRow> {
        let array = self.opt_slice(column)?.map(<[u8; N]>::try_from).transpose();
        array.map_err(|_| self.bad(column, "has a wrong length"))
    }

    /// Text.
    pub fn text(&self, column: &'static str) -> Result<String, BadRow> {
        self.required(column, self.opt_text(column)?)
    }

    /// Text or NULL.
    pub fn opt_text(&self, column: &'static str) -> Result<Option<String>, BadRow> {
        Ok(self.opt_str(column)?.map(str::to_owned))
    }

    /// A value that is stored as text.
    pub fn parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BadRow> {
        self.required(column, self.opt_parsed(column, parse)?)
    }

    /// A value that is stored as text, or NULL.
    pub fn opt_parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadRow> {
        let Some(text) = self.opt_str(column)? else {
            return Ok(None);
        };
        let value =
            parse(text).ok_or_else(|| self.bad(column, "is not a value this version knows"))?;
        Ok(Some(value))
    }

    fn opt_str(&self, column: &'static str) -> Result<Option<&str>, BadRow> {
        match self.get(column) {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(self.bad(column, "is not text")),
        }
    }

    fn opt_slice(&self, column: &'static str) -> Result<Option<&[u8]>, BadRow> {
        match self.get(column) {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(self.bad(column, "is not binary")),
        }
    }

    fn required<T>(&self, column: &'static str, value: Option<T>) -> Result<T, BadRow> {
        value.ok_or_else(|| self.bad(column, "is NULL"))
    }

    fn bad(&self, column: &'static str, reason: &'static str) -> BadRow {
        let key = match self.row.key() {
            Value::Bytes(bytes) => hex::encode(bytes),
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Null | Value::Unset => String::new(),
        };
        BadRow {
            table: self.row.table.name,
            key,
            column,
            reason,
        }
    }
}

/// Every time that was stored. [`Timestamp::from_microsecond`] rejects the last second.
fn time_of(micros: i64) -> Option<Timestamp> {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let nanos = i32::try_from(rest * 1000).ok()?;
    Timestamp::new(seconds, nanos).ok()
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_microsecond())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(value.into_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}
