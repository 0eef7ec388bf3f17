//! Usernames: public, unique, and distinct regardless of letter case and Unicode form.

use std::fmt;

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;

use unicode_security::confusable_detection::skeleton;
use unicode_security::{GeneralSecurityProfile, MixedScript};

use super::{Invalid, UserId};

/// A username as entered, with the key that makes it unique.
///
/// The key is RFC 8265's `UsernameCaseMapped` profile (width mapping, lower case, NFC, the bidi rule), with Greek
/// final sigma folded, which lower-casing does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    text: String,
    key: String,
}

impl Username {
    /// Maximum number of code points.
    pub const MAX_LENGTH: usize = 64;

    /// Parses a username: 1 to 64 letters and digits of any script, and `.`, `_`, `-` and `+` after the first
    /// character. It contains no `@` (email addresses are a separate namespace), and is not `me` or a user id
    /// (paths use both).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(
                "too-short",
                "A username must have at least one character.",
            ));
        }
        if text.chars().take(Self::MAX_LENGTH + 1).count() > Self::MAX_LENGTH {
            return Err(Invalid::new(
                "too-long",
                format!(
                    "A username can have at most {} characters.",
                    Self::MAX_LENGTH
                ),
            ));
        }
        let key = normal_form(text)?;
        // A few letters have a lower case that the profile's older tables do not contain. Their key would not be a
        // valid username.
        if normal_form(&key)? != key {
            return Err(bad_character());
        }
        let mut characters = key.chars();
        let first_is_sound = characters.next().is_some_and(char::is_alphanumeric);
        if !first_is_sound || key.chars().any(|c| c.is_ascii() && !is_allowed_ascii(c)) {
            return Err(bad_character());
        }
        if key == "me" || key.parse::<UserId>().is_ok() {
            return Err(Invalid::new(
                "reserved",
                "This username is reserved. Choose another.",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            key,
        })
    }

    /// Parses a username that a user chooses. It must have a single script and no letters outside everyday use
    /// (UTS 39, 3.1 and 5.1), so that `admin` with a Cyrillic `а` is rejected. It must not contain a dotless `i`
    /// or a combining dot above, which match another name in capitals (`ADMIN`) or look like a plain `i`. It must
    /// not look like plain Latin as a whole (UTS 39, 4), such as `ace` in Cyrillic; this rejects a few legitimate
    /// names. Existing names are parsed with [`Self::parse`].
    pub fn parse_new(text: &str) -> Result<Self, Invalid> {
        let name = Self::parse(text)?;
        let is_common = |c: char| c.is_ascii() || c.identifier_allowed();
        let is_dotted_oddly = name.key.contains(['\u{131}', '\u{307}']);
        let is_disguise = !name.key.is_ascii() && skeleton(&name.key).all(|c| c.is_ascii());
        let is_plain = name.key.is_single_script() && !is_dotted_oddly && !is_disguise;
        // Checked on the normal form: full-width letters are another spelling of the same name.
        if is_plain && name.key.chars().all(is_common) {
            return Ok(name);
        }
        Err(Invalid::new(
            "look-alike",
            "A username must use letters of one script that are in common use, so that it cannot be mistaken for another user's.",
        ))
    }

    /// Restores a stored username without validation, so that a stricter rule locks out no existing user.
    pub fn from_stored(text: String, key: String) -> Self {
        Self { text, key }
    }

    /// The username as entered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The unique form, for comparison and look-up. Do not compare [`Self::as_str`].
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn normal_form(text: &str) -> Result<String, Invalid> {
    let enforced = UsernameCaseMapped::enforce(text).map_err(|_| bad_character())?;
    Ok(enforced.replace('ς', "σ"))
}

fn is_allowed_ascii(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+')
}

fn bad_character() -> Invalid {
    Invalid::new(
        "invalid",
        "A username starts with a letter or digit and can contain letters, digits, '.', '_', '-' and '+'.",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text).unwrap().key().to_owned()
    }

    /// R-01, for usernames: look-alikes in other scripts are rejected.
    #[test]
    fn a_username_has_only_one_script() {
        for name in [
            "admin",
            "élodie",
            "анна",
            "Ελένη",
            "山田太郎",
            "やまだ太郎",
            "김민준",
            "محمد",
            "דוד",
            "jean-luc_2",
        ] {
            assert!(Username::parse_new(name).is_ok(), "{name}");
        }
        for name in [
            "\u{430}dmin",
            "\u{391}dmin",
            "admi\u{578}",
            "\u{1d00}dmin",
            "adm\u{456}n",
            "b\u{3bf}b",
            "adm\u{131}n",
            "admi\u{307}n",
            "ADM\u{130}N",
            "\u{430}\u{441}\u{435}",
            "\u{441}\u{43e}\u{441}\u{43e}",
            "\u{435}\u{445}\u{435}\u{441}",
            "\u{455}\u{441}\u{43e}\u{440}\u{435}",
            "\u{3bf}\u{3bd}\u{3bf}",
        ] {
            assert!(Username::parse(name).is_ok(), "{name} is a name");
            assert_eq!(
                Username::parse_new(name).unwrap_err().code,
                "look-alike",
                "{name}"
            );
        }
    }

    #[test]
    fn usernames_that_differ_in_case_or_form_share_a_key() {
        for (one, other) in [
            ("Ben", "ben"),
            ("ｂｅｎ", "ben"),
            ("Jos\u{e9}", "jose\u{301}"),
            ("ΟΔΟΣ", "οδοσ"),
            ("ÅNGSTRÖM", "a\u{30a}ngstro\u{308}m"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
    }

    /// usernames and addresses are two name spaces.
    #[test]
    fn a_username_is_not_an_address_a_reserved_path_or_markup() {
        for text in [
            "victim@x.y",
            "victim＠x.y",
            "me",
            "ME",
            "ｍｅ",
            "a b",
            "a/b",
            "a\0b",
            "a\r\nBcc: x",
            "<b>",
            "{{7*7}}",
            ".ben",
            "ﬁn",
            "a\u{200d}b",
            "a\u{202e}b",
            "019363a0-0000-7000-8000-000000000000",
            "\u{301}a",
            "\u{13a0}",
        ] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_limits_are_exact() {
        assert_eq!(Username::parse("").unwrap_err().code, "too-short");
        assert!(Username::parse("a").is_ok());
        assert!(Username::parse(&"é".repeat(64)).is_ok());
        assert_eq!(
            Username::parse(&"é".repeat(65)).unwrap_err().code,
            "too-long"
        );
    }

    proptest! {
        #[test]
        fn the_key_function_is_idempotent(text in "\\PC{1,16}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(key(name.key()), name.key());
            }
        }
    }
}
