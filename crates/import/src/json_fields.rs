//! Reads the fields of an object of another system, in the spellings that occur.

use doorward_domain::values::ParsedJson;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::translation::{Rejection, unquoted};

/// Maximum number of levels of a user in a file. The domain limits those of `data`.
const MAX_DEPTH: usize = 120;

/// Parses JSON text. Rejects a repeated name, of which one value would be lost, and a number that would be rounded.
pub fn parse(text: &[u8]) -> Result<Value, Rejection> {
    let read = ParsedJson::parse(text, MAX_DEPTH)
        .map_err(|error| Rejection::malformed(format!("Not JSON: {}.", unquoted(&error))))?;
    match read.out_of_range.first() {
        None => Ok(read.value),
        Some(name) => Err(Rejection::malformed(
            ParsedJson::out_of_range_error(name).detail,
        )),
    }
}

/// The fields of an object that were not taken yet.
pub struct JsonFields(pub Map<String, Value>);

impl JsonFields {
    /// Creates it; fails if the value is not an object.
    pub fn of(value: Value) -> Result<Self, Rejection> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Rejection::malformed("The user is not a JSON object.")),
        }
    }

    /// Takes a value, unless it is `null`.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text that is not empty. A number becomes its digits, since some systems write ids as numbers.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong_type(name, "a text")),
        }
    }

    /// Takes a `true` or `false`; CSV has them as text.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(Value::String(text)) => match text.as_str() {
                "" => Ok(None),
                "true" | "t" => Ok(Some(true)),
                "false" | "f" => Ok(Some(false)),
                _ => Err(wrong_type(name, "true or false")),
            },
            Some(_) => Err(wrong_type(name, "true or false")),
        }
    }

    /// Takes a time; without an offset it is UTC.
    pub fn timestamp(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        });
        match moment.and_then(truncate_to_micros) {
            Some(moment) => Ok(Some(moment)),
            None => Err(wrong_type(name, "a time")),
        }
    }

    /// Takes a time in milliseconds since 1970, as a number or its digits.
    pub fn timestamp_millis(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().map(Timestamp::from_millisecond);
        match moment {
            Some(Ok(moment)) => Ok(Some(moment)),
            _ => Err(wrong_type(name, "a time in milliseconds")),
        }
    }

    /// Takes an object, or the JSON text of one.
    pub fn object(&mut self, name: &str) -> Result<Map<String, Value>, Rejection> {
        let value = match self.take(name) {
            None => return Ok(Map::new()),
            Some(Value::String(text)) if text.is_empty() => return Ok(Map::new()),
            Some(Value::String(text)) => parse(text.as_bytes()).map_err(|rejection| {
                Rejection::malformed(format!("`{name}`: {}", rejection.detail))
            })?,
            Some(other) => other,
        };
        match value {
            Value::Object(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            _ => Err(wrong_type(name, "a JSON object")),
        }
    }

    /// Names of the remaining fields that have a value.
    pub fn remaining(self) -> impl Iterator<Item = String> {
        let says_something = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(true) | Value::Number(_) => true,
        };
        let fields = self.0.into_iter();
        fields.filter_map(move |(name, value)| says_something(&value).then_some(name))
    }
}

/// Rejects a field that cannot be read.
pub fn wrong_type(name: &str, wanted: &str) -> Rejection {
    Rejection::malformed(format!("`{name}` is not {wanted}."))
}

/// Truncates to microseconds, the precision of all stores.
pub fn truncate_to_micros(moment: Timestamp) -> Option<Timestamp> {
    Timestamp::from_microsecond(moment.as_microsecond()).ok()
}
