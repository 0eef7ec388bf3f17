//! The fields of an object of another system, read one by one, each in the spellings that are met.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Rejection;

/// Reads an object's fields one by one; what nobody asked for is left over.
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// The fields of what must be an object.
    pub fn of(value: Value) -> Result<Self, Rejection> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Rejection::malformed("The user is not a JSON object.")),
        }
    }

    /// The value, unless it is `null`.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty. A number is taken for its digits: ids are spelled both ways.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong_type(name, "a text")),
        }
    }

    /// `true` or `false`; CSV spells them as text.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Rejection> {
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

    /// A moment; without an offset it is UTC.
    pub fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        });
        match moment.and_then(cut) {
            Some(moment) => Ok(Some(moment)),
            None => Err(wrong_type(name, "a time")),
        }
    }

    /// A moment in milliseconds since 1970, as a number or its digits.
    pub fn millis(&mut self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let moment = text.parse().ok().map(Timestamp::from_millisecond);
        match moment {
            Some(Ok(moment)) => Ok(Some(moment)),
            _ => Err(wrong_type(name, "a time in milliseconds")),
        }
    }

    /// An object, or the text of one.
    pub fn object(&mut self, name: &str) -> Result<Map<String, Value>, Rejection> {
        let value = match self.take(name) {
            None => return Ok(Map::new()),
            Some(Value::String(text)) if text.is_empty() => return Ok(Map::new()),
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            Some(other) => Some(other),
        };
        match value {
            Some(Value::Object(map)) => Ok(map),
            Some(Value::Null) => Ok(Map::new()),
            _ => Err(wrong_type(name, "a JSON object")),
        }
    }

    /// The names of what is left and says anything.
    pub fn left_over(self) -> impl Iterator<Item = String> {
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

/// A field that cannot be read.
pub fn wrong_type(name: &str, wanted: &str) -> Rejection {
    Rejection::malformed(format!("`{name}` is not {wanted}."))
}

/// To microseconds, which is what every store keeps.
pub fn cut(moment: Timestamp) -> Option<Timestamp> {
    Timestamp::from_microsecond(moment.as_microsecond()).ok()
}
