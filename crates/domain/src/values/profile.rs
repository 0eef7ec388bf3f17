//! A user's profile: the display name, and custom JSON data of an application.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Invalid, is_invisible};

/// A display name: 1 to 200 code points on one line, as entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Maximum number of code points.
    pub const MAX_LENGTH: usize = 200;

    /// Returns `true` for a text that shows nothing: white space and invisible characters.
    pub fn is_blank(text: &str) -> bool {
        text.chars().all(shows_nothing)
    }

    /// Parses an existing name, such as an imported one. A name that shows nothing is too short. Rejects control
    /// characters and line breaks: names appear in mails.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if Self::is_blank(text) {
            return Err(Invalid::new(
                "too-short",
                "A name must have at least one character. Omit the field for no name.",
            ));
        }
        if text.chars().take(Self::MAX_LENGTH + 1).count() > Self::MAX_LENGTH {
            return Err(Invalid::new(
                "too-long",
                format!("A name can have at most {} characters.", Self::MAX_LENGTH),
            ));
        }
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(Invalid::new(
                "invalid",
                "A name must be one line without control characters.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Parses a name that a user chooses. Also rejects invisible characters that change how a line is displayed:
    /// names appear in lists next to those of other users.
    pub fn parse_new(text: &str) -> Result<Self, Invalid> {
        let name = Self::parse(text)?;
        if text
            .chars()
            .any(|c| is_invisible(c) && !is_allowed_invisible(c))
        {
            return Err(Invalid::new(
                "invalid",
                "A name must not contain invisible characters (zero-width or text direction).",
            ));
        }
        Ok(name)
    }

    /// Restores a stored name without validation.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name as entered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns `true` for white space, and for characters that alone show nothing: invisible ones, and the rest of Unicode's
/// `Default_Ignorable_Code_Point`, such as variation selectors.
fn shows_nothing(c: char) -> bool {
    c.is_whitespace()
        || is_invisible(c)
        || matches!(
            c,
            '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns `true` for the invisible characters that names are spelled with in some languages and in emoji: soft
/// hyphens, joiners, plain direction marks and the tags of flags.
fn is_allowed_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200c}'..='\u{200f}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A user's JSON object. Look-ups by username or address do not read it: an unauthenticated client could measure
/// the time that reading 16 KiB takes (A-02).
#[derive(Debug, Clone, PartialEq)]
pub struct Data(Option<Map<String, Value>>);

/// The object of a user whose data was not read.
static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Default for Data {
    fn default() -> Self {
        Self(Some(Map::new()))
    }
}

impl Data {
    /// Maximum size in bytes as compact JSON.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// Maximum number of levels, including the object itself.
    pub const MAX_DEPTH: usize = 32;

    /// Checks that the value is an object within the limits. A NUL character is rejected, since PostgreSQL cannot
    /// store it in text.
    pub fn parse(value: Value) -> Result<Self, Invalid> {
        let Value::Object(map) = value else {
            return Err(Invalid::new("wrong-type", "`data` must be a JSON object."));
        };
        let value = Value::Object(map);
        if depth_exceeds(&value, Self::MAX_DEPTH) {
            return Err(Invalid::new(
                "too-deep",
                format!("`data` can have at most {} levels.", Self::MAX_DEPTH),
            ));
        }
        if contains_nul(&value) {
            return Err(Invalid::new(
                "invalid",
                "`data` must not contain a NUL character.",
            ));
        }
        if value.to_string().len() > Self::MAX_BYTES {
            return Err(Invalid::new(
                "too-long",
                "`data` can have at most 16 KiB as JSON.",
            ));
        }
        match value {
            Value::Object(map) => Ok(Self(Some(map))),
            _ => Ok(Self::default()),
        }
    }

    /// Restores a stored object without validation.
    pub fn from_stored(map: Map<String, Value>) -> Self {
        Self(Some(map))
    }

    /// Data that was not read. An update of the user leaves the stored data unchanged.
    pub fn not_loaded() -> Self {
        Self(None)
    }

    /// The object; `None` if it was not read.
    pub fn read(&self) -> Option<&Map<String, Value>> {
        self.0.as_ref()
    }

    /// The object; empty if it was not read.
    pub fn as_map(&self) -> &Map<String, Value> {
        self.0.as_ref().unwrap_or(&EMPTY)
    }

    /// Applies a merge patch (RFC 7396): `null` removes, objects are merged, everything else replaces. Fails if
    /// the result is not within the limits.
    pub fn merged(&self, patch: &Map<String, Value>) -> Result<Self, Invalid> {
        let mut value = Value::Object(self.as_map().clone());
        merge(&mut value, &Value::Object(patch.clone()));
        Self::parse(value)
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

fn depth_exceeds(value: &Value, levels: usize) -> bool {
    let mut children: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(map) => Box::new(map.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => return false,
    };
    levels == 0 || children.any(|child| depth_exceeds(child, levels - 1))
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(contains_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || contains_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn the_limits_of_data_are_exact() {
        assert!(Data::parse(nested(32)).is_ok());
        assert_eq!(Data::parse(nested(33)).unwrap_err().code, "too-deep");
        let sized = |bytes: usize| json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) });
        assert!(Data::parse(sized(16 * 1024)).is_ok());
        assert_eq!(
            Data::parse(sized(16 * 1024 + 1)).unwrap_err().code,
            "too-long"
        );
        assert_eq!(Data::parse(json!([])).unwrap_err().code, "wrong-type");
        assert_eq!(
            Data::parse(json!({ "a": ["\0"] })).unwrap_err().code,
            "invalid"
        );
    }

    #[test]
    fn a_merge_patch_follows_the_examples_of_rfc_7396() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let data = Data::parse(target).unwrap();
            let merged = data.merged(patch.as_object().unwrap()).unwrap();
            assert_eq!(Value::Object(merged.as_map().clone()), expected);
        }
    }

    #[test]
    fn the_limits_of_a_name_are_exact() {
        assert!(Name::parse(&"ü".repeat(200)).is_ok());
        assert_eq!(Name::parse(&"ü".repeat(201)).unwrap_err().code, "too-long");
        assert_eq!(Name::parse("  ").unwrap_err().code, "too-short");
        assert_eq!(Name::parse("a\r\nBcc: x").unwrap_err().code, "invalid");
    }

    #[test]
    fn a_name_that_shows_nothing_is_blank() {
        for name in [
            "\u{200d}",
            "\u{ad}\u{ad}",
            "\u{180e}",
            "\u{e0041}\u{e007f}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{180b}",
            "\u{3164}",
            "\u{200b}",
            "\u{2060} \u{200f}\u{a0}",
            "\u{2065}\u{1d173}",
        ] {
            assert_eq!(
                Name::parse_new(name).unwrap_err().code,
                "too-short",
                "{name:?}"
            );
            assert_eq!(Name::parse(name).unwrap_err().code, "too-short", "{name:?}");
        }
        // A flag and a heart in colour are spelled with tags and a variation selector.
        for name in ["\u{1f3f4}\u{e0067}\u{e007f}", "\u{2764}\u{fe0f}", "-"] {
            assert!(Name::parse_new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_name_with_invisible_or_direction_characters_is_rejected() {
        for name in [
            "Ben",
            "👨\u{200d}👩\u{200d}👧",
            "می\u{200c}خواهم",
            "בן\u{200f}!",
        ] {
            assert!(Name::parse_new(name).is_ok(), "{name:?}");
        }
        for c in
            "\u{200b}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{fffb}\u{2028}\n".chars()
        {
            let name = format!("{c}gpj.exe");
            assert_eq!(
                Name::parse_new(&name).unwrap_err().code,
                "invalid",
                "{name:?}"
            );
        }
        // An existing name stays valid, also after an import.
        assert!(Name::parse("\u{202e}gpj.exe").is_ok());
    }
}
