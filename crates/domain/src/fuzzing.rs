//! Fuzz targets for this crate's parsers: one function each, with assertions that are true for any input. Compiled
//! only for fuzzing and for tests (`fuzz/src/lib.rs` describes how to add one).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

pub use crate::keys::fuzzing::{device_cookies, tokens};
pub use crate::passwords::hashing::fuzzing::hashes;
use crate::values::{
    Data, EmailAddress, LanguageTag, Locale, Name, NewPassword, Password, PasswordRules, Token,
    Username,
};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Name and function of a target.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets. The name is that of the program and of the folder with the seeds.
pub const TARGETS: &[FuzzTarget] = &[
    ("data", data),
    ("device_cookies", device_cookies),
    ("email_addresses", email_addresses),
    ("hashes", hashes),
    ("languages", languages),
    ("link_tokens", link_tokens),
    ("names", names),
    ("passwords", passwords),
    ("tokens", tokens),
    ("usernames", usernames),
];

/// A token has one spelling: that of a strict RFC 4648 decoder.
pub fn link_tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let again = URL_SAFE_NO_PAD.decode(text.as_bytes());
    match Token::parse(&text) {
        Some(token) => {
            assert_eq!(token.expose(), text);
            assert_eq!(again.map(|bytes| bytes.len()), Ok(32));
        }
        None => assert!(again.map_or(true, |bytes| bytes.len() != 32), "{text}"),
    }
}

/// an accepted address is plain ASCII, and its key is its own key.
pub fn email_addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(address) = EmailAddress::parse(&text) else {
        return;
    };
    let (shown, key) = (address.as_str(), address.key());
    assert!(shown.len() <= EmailAddress::MAX_LENGTH && shown.is_ascii());
    assert_eq!(shown.matches('@').count(), 1, "{shown}");
    assert!(
        !shown.contains(|c: char| c.is_ascii_control() || " \"(),:;<>[]\\".contains(c)),
        "{shown:?}"
    );
    assert!(!shown.ends_with('.') && !key.bytes().any(|b| b.is_ascii_uppercase()));
    for spelled in [
        shown.to_owned(),
        key.to_owned(),
        shown.to_ascii_uppercase(),
        format!("{shown}."),
        text.nfc().collect(),
    ] {
        let again = EmailAddress::parse(&spelled).expect("another spelling of it is an address");
        assert_eq!(again.key(), key, "{spelled}");
    }
    assert_eq!(EmailAddress::from_stored(shown.to_owned()), address);
}

/// the key of a key is itself. Names that differ in Unicode form or letter case have the same key.
pub fn usernames(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(name) = Username::parse(&text) else {
        return;
    };
    let key = name.key();
    assert_eq!(name.as_str(), text);
    assert!(!key.is_empty() && !key.contains('@') && key != "me");
    assert!(!key.contains(|c: char| c.is_control() || c.is_whitespace()));
    // A few capitals have two lower-case letters, so a key may be longer than a name. Stores have room for it.
    assert!(key.len() <= 1024);
    if key.chars().count() <= Username::MAX_LENGTH {
        let again = Username::parse(key).map(|again| again.key().to_owned());
        assert_eq!(again.as_deref(), Ok(key));
    }
    for spelled in [
        text.nfc().collect::<String>(),
        text.nfd().collect(),
        text.to_ascii_uppercase(),
        text.to_ascii_lowercase(),
    ] {
        if let Ok(other) = Username::parse(&spelled) {
            assert_eq!(other.key(), key, "{text:?} and {spelled:?}");
        }
    }
}

/// P-03, P-04: a password is normalised and limited, and equal for all ways to enter it.
pub fn passwords(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = Password::parse(&text);
    if let Ok(password) = &shown {
        let normal = password.expose();
        assert!(normal.len() <= Password::MAX_BYTES);
        assert!(normal.chars().count() <= Password::MAX_LENGTH);
        for spelled in [normal.to_owned(), normal.nfd().collect()] {
            // A decomposed text may be three times as long. Longer texts are rejected before they are read.
            if spelled.len() <= 3 * Password::MAX_BYTES {
                let again = Password::parse(&spelled).expect("it is as long as before");
                assert_eq!(again.expose(), normal);
            }
        }
    }
    let rules = PasswordRules::default();
    if let Ok(new) = NewPassword::parse(&text, &rules, &["ben", "ben@example.com"]) {
        let shown = shown.expect("what may be new may be shown");
        assert_eq!(new.as_password().expose(), shown.expose());
        assert!(shown.expose().chars().count() >= rules.min_length);
        assert!(!shown.expose().contains('\0'));
    }
}

/// The chosen language is named in the field. A tag that is accepted has one canonical form.
pub fn languages(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let chosen = Locale::negotiate(&text);
    if let Some(chosen) = chosen {
        let tags: BTreeSet<String> = text
            .split([',', ';', '-', ' ', '\t'])
            .map(|tag| tag.trim().to_ascii_lowercase())
            .collect();
        assert!(tags.contains(chosen.tag()), "{text:?}");
        let upper = Locale::negotiate(&text.to_ascii_uppercase());
        assert_eq!(upper, Some(chosen));
        assert_eq!(Locale::from_tag(chosen.tag()), Some(chosen));
    }
    if let Ok(tag) = LanguageTag::parse(&text) {
        assert!(tag.as_str().eq_ignore_ascii_case(&text) || text.matches('-').count() > 1);
        assert_eq!(LanguageTag::parse(tag.as_str()), Ok(tag));
    }
}

/// A name is one line, unchanged from the input. It appears in mails.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(name) = Name::parse(&text) {
        assert_eq!(name.as_str(), text);
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains(char::is_control));
        assert!(text.chars().count() <= Name::MAX_LENGTH);
    }
}

/// Data is limited and survives a round trip through JSON. Applying a patch twice has the effect of applying it
/// once.
pub fn data(data: &[u8]) {
    let mut values = serde_json::Deserializer::from_slice(data).into_iter::<Value>();
    let Some(Ok(first)) = values.next() else {
        return;
    };
    let Ok(kept) = Data::parse(first) else {
        return;
    };
    let written = Value::Object(kept.as_map().clone()).to_string();
    assert!(written.len() <= Data::MAX_BYTES);
    let read = serde_json::from_str(&written).expect("it was written as JSON");
    assert_eq!(Data::parse(read).as_ref(), Ok(&kept));
    if let Some(Ok(Value::Object(patch))) = values.next()
        && let Ok(patched) = kept.merged(&patch)
    {
        assert_eq!(patched.merged(&patch).as_ref(), Ok(&patched));
        for (name, value) in &patch {
            assert_eq!(patched.as_map().contains_key(name), !value.is_null());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J-09, R-01: runs the seeds of the fuzz targets.
    #[test]
    fn every_seed_has_the_expected_properties() {
        replay::seeds_of(TARGETS);
    }
}
