//! The languages of pages and mails, and the language that a user has chosen.

use unic_langid::LanguageIdentifier;

use super::Invalid;

/// A language that a user has chosen: a language tag (BCP 47, RFC 5646) without extensions, such as `de-CH`, in its canonical
/// letter case. There need not be texts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageTag(String);

impl LanguageTag {
    /// Maximum length, in characters (RFC 5646, 4.4.1).
    pub const MAX_LENGTH: usize = 35;

    /// Parses a tag.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_LENGTH {
            return Err(Invalid::new(
                "too-long",
                format!(
                    "A language tag can have at most {} characters.",
                    Self::MAX_LENGTH
                ),
            ));
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        // The parser also accepts other characters in some places.
        let parsed = match text.bytes().all(is_allowed) {
            true => text.parse::<LanguageIdentifier>().ok(),
            false => None,
        };
        let invalid = || {
            Invalid::new(
                "invalid",
                "Must be a language tag, such as `en` or `de-CH`.",
            )
        };
        // It also takes four letters for a variant, which sorts before the others and is then read as a script.
        let is_stable = |tag: &LanguageIdentifier| tag.to_string().parse().as_ref() == Ok(tag);
        let tag = parsed.filter(is_stable).ok_or_else(invalid)?;
        Ok(Self(tag.to_string()))
    }

    /// Restores a stored tag without validation.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A language that has translations. To add one: a variant, its tag, and its file in
/// `crates/messages/locales`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// All languages, the fallback first.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language tag (RFC 5646), which is also the name of the file of messages.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Its name in the language itself, for a list of languages.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// Finds a language by its tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.tag() == tag)
    }

    /// The language of a tag, if there are texts in it.
    pub fn of(tag: &LanguageTag) -> Option<Self> {
        let primary = tag.as_str().split('-').next();
        primary.and_then(Self::from_tag)
    }

    /// Returns the best match for an `Accept-Language` field (RFC 9110, 12.5.4); `None` if none matches.
    pub fn negotiate(accept_language: &str) -> Option<Self> {
        let mut best = (0.0, None);
        for range in accept_language.split(',').take(32) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let quality = parts
                .find_map(|part| part.trim().strip_prefix(['q', 'Q'])?.strip_prefix('='))
                .map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())
                .filter(|q| (0.0..=1.0).contains(q));
            let primary = tag
                .split('-')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            if let (Some(locale), Some(quality)) = (Self::from_tag(&primary), quality)
                && quality > best.0
            {
                best = (quality, Some(locale));
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_tag_gets_its_canonical_letter_case() {
        for (text, expected, locale) in [
            ("de", "de", Some(Locale::De)),
            ("DE-ch", "de-CH", Some(Locale::De)),
            ("zh-hant-tw", "zh-Hant-TW", None),
            ("es-419", "es-419", None),
            ("sl-rozaj-1994", "sl-1994-rozaj", None),
        ] {
            let tag = LanguageTag::parse(text).unwrap();
            assert_eq!((tag.as_str(), Locale::of(&tag)), (expected, locale));
        }
    }

    #[test]
    fn a_text_that_is_no_language_tag_is_rejected() {
        for text in [
            "",
            "d",
            "german language",
            "de_CH",
            "de-",
            "-de",
            "de-1<b>",
            "de-CH-x-y",
            "1de",
            "deutsch-",
            "ddede-ddedede-dded",
            "dé",
        ] {
            assert_eq!(
                LanguageTag::parse(text).unwrap_err().code,
                "invalid",
                "{text}"
            );
        }
        let long = format!("de-{}", "variant-".repeat(5));
        assert_eq!(LanguageTag::parse(&long).unwrap_err().code, "too-long");
    }

    #[test]
    fn the_supported_language_with_the_highest_preference_is_chosen() {
        for (field, expected) in [
            ("", None),
            ("de", Some(Locale::De)),
            ("de-AT,de;q=0.9,en;q=0.8", Some(Locale::De)),
            ("qaa, de;q=0.5, en;q=0.4", Some(Locale::De)),
            ("en-GB;q=0.9, de;q=0.8", Some(Locale::En)),
            ("de;q=0", None),
            ("de;Q=0", None),
            ("de;q=2, qaa", None),
            ("DE", Some(Locale::De)),
            ("*", None),
        ] {
            assert_eq!(Locale::negotiate(field), expected, "{field}");
        }
    }
}
