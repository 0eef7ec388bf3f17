//! Values of columns: how they are bound, and how they are read.

use doorward_domain::store::{Column, Kind, Value};
use sqlx::any::AnyRow;
use sqlx::{ColumnIndex, Row as _, TypeInfo, ValueRef};

use crate::arg::Arg;

pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The argument of a column. A NULL has the type of its column: PostgreSQL prepares a statement with the types of its
/// first use.
pub(crate) fn arg(column: Column, value: &Value) -> Arg<'_> {
    match (column.kind, value) {
        (_, Value::Int(number)) => Arg::Int(Some(*number)),
        (_, Value::Text(text)) => Arg::Text(Some(text.as_str().into())),
        (_, Value::Bytes(bytes)) => Arg::Bytes(Some(bytes.as_slice().into())),
        (Kind::Int, Value::Null | Value::Unset) => Arg::Int(None),
        (Kind::Key | Kind::Text, Value::Null | Value::Unset) => Arg::Text(None),
        (Kind::Id | Kind::Digest | Kind::Blob, Value::Null | Value::Unset) => Arg::Bytes(None),
    }
}

/// The value of the column at this position. A value of the wrong type becomes a value of another kind, which the record
/// refuses with a clear error.
pub(crate) fn value_of(row: &AnyRow, position: usize, column: Column) -> Value {
    if row.try_get_raw(position).is_ok_and(|raw| raw.is_null()) {
        return Value::Null;
    }
    match column.kind {
        Kind::Int => {
            let value: Result<i64, _> = row.try_get(position);
            value.map_or(Value::Text(String::new()), Value::Int)
        }
        Kind::Id | Kind::Digest | Kind::Blob => {
            let value: Result<Vec<u8>, _> = row.try_get(position);
            value.map_or(Value::Text(String::new()), Value::Bytes)
        }
        Kind::Key | Kind::Text => {
            let value = text(row, position);
            value.map_or(Value::Bytes(Vec::new()), Value::Text)
        }
    }
}

/// Text that is not NULL. A column that compares as bytes returns its text as bytes.
pub(crate) fn text<I: ColumnIndex<AnyRow> + Copy>(row: &AnyRow, column: I) -> Option<String> {
    let raw = row.try_get_raw(column).ok()?;
    if raw.type_info().name() == "BLOB" {
        return String::from_utf8(row.try_get(column).ok()?).ok();
    }
    row.try_get(column).ok()
}
