//! The languages of pages and mails.

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

    /// Finds a language by its tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.tag() == tag)
    }

    /// Returns the best match for an `Accept-Language` field (RFC 9110, 12.5.4); English if none matches.
    pub fn negotiate(accept_language: &str) -> Self {
        let mut best = (0.0, Self::default());
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
                best = (quality, locale);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supported_language_with_the_highest_preference_is_chosen() {
        for (field, expected) in [
            ("", Locale::En),
            ("de", Locale::De),
            ("de-AT,de;q=0.9,en;q=0.8", Locale::De),
            ("fr, de;q=0.5, en;q=0.4", Locale::De),
            ("en-GB;q=0.9, de;q=0.8", Locale::En),
            ("de;q=0", Locale::En),
            ("de;Q=0", Locale::En),
            ("de;q=2, fr", Locale::En),
            ("DE", Locale::De),
            ("*", Locale::En),
        ] {
            assert_eq!(Locale::negotiate(field), expected, "{field}");
        }
    }
}
