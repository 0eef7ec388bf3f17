//! JSON text of clients and of import files, which decides what `data` can contain.
//!
//! Text that two parsers could read differently (RFC 7493) is rejected: repeated names, and numbers that would be
//! returned with another value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use super::Invalid;

/// Maximum length of the name of a field in an error, in characters.
const MAX_ECHOED_NAME: usize = 64;

/// A value that was read from text.
#[derive(Debug)]
pub struct ParsedJson {
    /// The value. A number that does not fit is 0.
    pub value: Value,
    /// Names of the fields that contain a number that fits neither a 64-bit integer nor a double.
    pub out_of_range: Vec<String>,
}

impl ParsedJson {
    /// Parses one JSON value with at most `max_depth` levels.
    ///
    /// Repeated names in an object and text after the value are errors. So is a number that does not fit, except in the
    /// fields of an object, which are listed.
    pub fn parse(text: &[u8], max_depth: usize) -> serde_json::Result<Self> {
        let fitting = blank_out_of_range(text);
        let mut reader = serde_json::Deserializer::from_slice(&fitting);
        let value = StrictValue { left: max_depth }.deserialize(&mut reader)?;
        reader.end()?;
        let out_of_range = match fitting {
            Cow::Borrowed(_) => Vec::new(),
            Cow::Owned(_) => {
                // Fails for a value that is not an object.
                let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(text)?;
                let is_out_of_range = |raw: &RawValue| {
                    matches!(blank_out_of_range(raw.get().as_bytes()), Cow::Owned(_))
                };
                let fields = fields.into_iter();
                fields
                    .filter_map(|(name, raw)| is_out_of_range(raw).then_some(name))
                    .collect()
            }
        };
        Ok(Self {
            value,
            out_of_range,
        })
    }

    /// The error of a field that is in [`Self::out_of_range`].
    pub fn out_of_range_error(name: &str) -> Invalid {
        let name: String = name.chars().take(MAX_ECHOED_NAME).collect();
        Invalid::new(
            "out-of-range",
            format!(
                "Numbers in `{name}` must fit a 64-bit integer or a double. Send others as text."
            ),
        )
    }
}

/// Replaces each number that does not fit by `0` and spaces, so that the rest is read, and errors have the position in
/// the text. Reads any bytes; the parser finds the errors in them.
fn blank_out_of_range(text: &[u8]) -> Cow<'_, [u8]> {
    let mut fitting = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let length = match byte {
            b'"' => string_length(&text[at..]),
            b'-' | b'0'..=b'9' => {
                let rest = text[at..].iter();
                let token = rest.take_while(|byte| b"+-.eE0123456789".contains(byte));
                let end = at + token.count();
                if is_out_of_range(&text[at..end]) {
                    let blank = &mut fitting.to_mut()[at..end];
                    blank.fill(b' ');
                    blank[0] = b'0';
                }
                end - at
            }
            _ => 1,
        };
        at += length;
    }
    fitting
}

/// Length of the string that the text begins with, with its quotation marks.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    text.len()
}

/// Returns `true` for a JSON number that would be returned with another value: an integer of more than 64 bits, and a
/// number that as a double is infinite, or is 0 without being 0.
fn is_out_of_range(token: &[u8]) -> bool {
    let is_number = serde_json::from_slice::<IgnoredAny>(token).is_ok();
    let Some(token) = std::str::from_utf8(token).ok().filter(|_| is_number) else {
        return false;
    };
    match token.split_once(['e', 'E']) {
        None if !token.contains('.') => {
            token.parse::<i64>().is_err() && token.parse::<u64>().is_err()
        }
        parts => {
            let significand = parts.map_or(token, |(significand, _)| significand);
            let is_zero = !significand.contains(|c| matches!(c, '1'..='9'));
            let double = token.parse::<f64>();
            !double.is_ok_and(|double| double.is_finite() && (double != 0.0 || is_zero))
        }
    }
}

#[derive(Clone, Copy)]
struct StrictValue {
    /// Number of levels that the value can have.
    left: usize,
}

impl StrictValue {
    fn descend<E: de::Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1);
        left.map(|left| Self { left })
            .ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom("a name appears twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out_of_range(text: &str) -> Vec<String> {
        let read = ParsedJson::parse(text.as_bytes(), 8).unwrap();
        read.out_of_range
    }

    #[test]
    fn a_number_that_would_be_returned_with_another_value_is_reported_with_its_field() {
        for number in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "1e-400",
            "-0.1e-400",
            "1e400",
            "-1E+400",
            "0.00000000000000000000001e-320",
        ] {
            for text in [
                format!("{{\"a\":{number}}}"),
                format!("{{\"b\":1,\"a\":[\"\\\"\",{{\"c\":{number}}}],\"d\":\"{number}\"}}"),
            ] {
                assert_eq!(out_of_range(&text), ["a"], "{text}");
            }
            for text in [number.to_owned(), format!("[{number}]")] {
                assert!(ParsedJson::parse(text.as_bytes(), 8).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn other_numbers_are_returned_unchanged() {
        for number in [
            "0",
            "18446744073709551615",
            "-9223372036854775808",
            "0.5",
            "5e-324",
            "1.7976931348623157e308",
            "1e20",
        ] {
            let text = format!("{{\"a\":[{number}]}}");
            let read = ParsedJson::parse(text.as_bytes(), 8).unwrap();
            assert!(read.out_of_range.is_empty(), "{number}");
            assert_eq!(read.value.to_string().replace("e+", "e"), text);
        }
        for zero in ["-0", "0.0", "0e9", "-0.000E-9"] {
            assert!(
                out_of_range(&format!("{{\"a\":{zero}}}")).is_empty(),
                "{zero}"
            );
        }
    }

    #[test]
    fn invalid_text_is_rejected_with_a_number_out_of_range_as_well() {
        for text in [
            "{\"a\":1e400",
            "{\"a\":1e400x}",
            "{\"a\":01e400}",
            "{\"a\":1e}",
            "{\"a\":1e400,\"a\":1}",
            "{\"a\":--18446744073709551616}",
            "{\"a\":\"1e400}",
            "{\"a\":\"\\",
        ] {
            assert!(ParsedJson::parse(text.as_bytes(), 8).is_err(), "{text}");
        }
    }
}
