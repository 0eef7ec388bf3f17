//! Rows as items: a column is the attribute of its name, and NULL is its absence.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use doorward_domain::store::{Row, Table, Value};

use crate::layout::{PARTITION, Place, SORT};

/// An item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A random number that each write of a row replaces, so that a later write can tell whether the row has changed.
pub(crate) const REVISION: &str = "_rev";
/// The sort key of the row that a unique value belongs to.
pub(crate) const OWNER: &str = "_row";
/// The time after which DynamoDB deletes an item, in seconds.
pub(crate) const TTL: &str = "_ttl";

/// The key attributes of an item.
pub(crate) fn key_of(place: &Place) -> Item {
    Item::from([
        (PARTITION.into(), AttributeValue::S(place.partition.clone())),
        (SORT.into(), binary(&place.sort)),
    ])
}

/// The place of an item.
pub(crate) fn place_of(item: &Item) -> Option<Place> {
    let partition = item.get(PARTITION)?.as_s().ok()?.clone();
    let sort = item.get(SORT)?.as_b().ok()?.as_ref().to_vec();
    Some(Place { partition, sort })
}

/// The row in an item. Attributes of other columns are ignored: a newer release may have written them.
pub(crate) fn row_of(table: &'static Table, item: &Item) -> Row {
    let columns = table.columns.iter();
    let values = columns.map(|column| value_of(item.get(column.name)));
    Row {
        table,
        values: values.collect(),
    }
}

fn value_of(attribute: Option<&AttributeValue>) -> Value {
    match attribute {
        Some(AttributeValue::S(text)) => Value::Text(text.clone()),
        Some(AttributeValue::B(bytes)) => Value::Bytes(bytes.as_ref().to_vec()),
        Some(AttributeValue::N(number)) => number.parse().map_or(Value::Null, Value::Int),
        _ => Value::Null,
    }
}

/// The attribute of a value; `None` for NULL.
pub(crate) fn attribute(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::Null | Value::Unset => None,
        Value::Int(number) => Some(AttributeValue::N(number.to_string())),
        Value::Text(text) => Some(AttributeValue::S(text.clone())),
        Value::Bytes(bytes) => Some(binary(bytes)),
    }
}

pub(crate) fn binary(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The size of an attribute as DynamoDB counts it, or a little more.
pub(crate) fn size(name: &str, value: &AttributeValue) -> usize {
    let value = match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number.len(),
        _ => 0,
    };
    name.len() + value + 1
}
