//! The templates the binary carries, by the name their files have in `templates/` too.
//!
//! Must not know what they say. To add one: its file and its line; the test below fails until
//! each language has the same set.

/// Reads a file of `templates/` at compile time.
macro_rules! source {
    ($name:literal) => {
        ($name, include_str!(concat!("../../templates/", $name)))
    };
}

/// Name and source of each.
pub(super) const SOURCES: &[(&str, &str)] = &[
    source!("layout.html"),
    source!("en/confirm.txt"),
    source!("en/confirm.html"),
    source!("en/already-registered.txt"),
    source!("en/already-registered.html"),
    source!("en/recover.txt"),
    source!("en/recover.html"),
    source!("en/password-changed.txt"),
    source!("en/password-changed.html"),
    source!("en/email-change.txt"),
    source!("en/email-change.html"),
    source!("en/email-change-notice.txt"),
    source!("en/email-change-notice.html"),
    source!("en/email-change-undo.txt"),
    source!("en/email-change-undo.html"),
    source!("en/email-changed.txt"),
    source!("en/email-changed.html"),
    source!("en/email-taken-back.txt"),
    source!("en/email-taken-back.html"),
    source!("en/new-sign-in.txt"),
    source!("en/new-sign-in.html"),
    source!("en/sign-in-after-failures.txt"),
    source!("en/sign-in-after-failures.html"),
    source!("en/guessing-stopped.txt"),
    source!("en/guessing-stopped.html"),
    source!("de/confirm.txt"),
    source!("de/confirm.html"),
    source!("de/already-registered.txt"),
    source!("de/already-registered.html"),
    source!("de/recover.txt"),
    source!("de/recover.html"),
    source!("de/password-changed.txt"),
    source!("de/password-changed.html"),
    source!("de/email-change.txt"),
    source!("de/email-change.html"),
    source!("de/email-change-notice.txt"),
    source!("de/email-change-notice.html"),
    source!("de/email-change-undo.txt"),
    source!("de/email-change-undo.html"),
    source!("de/email-changed.txt"),
    source!("de/email-changed.html"),
    source!("de/email-taken-back.txt"),
    source!("de/email-taken-back.html"),
    source!("de/new-sign-in.txt"),
    source!("de/new-sign-in.html"),
    source!("de/sign-in-after-failures.txt"),
    source!("de/sign-in-after-failures.html"),
    source!("de/guessing-stopped.txt"),
    source!("de/guessing-stopped.html"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::ports::MailTemplate;
    use doorward_domain::values::Locale;

    use super::SOURCES;

    #[test]
    fn each_language_has_each_mail_as_text_and_as_html() {
        let mut wanted = BTreeSet::from(["layout.html".to_owned()]);
        for locale in Locale::ALL {
            for template in MailTemplate::ALL {
                for kind in ["txt", "html"] {
                    wanted.insert(format!("{}/{}.{kind}", locale.tag(), template.as_str()));
                }
            }
        }
        let names: BTreeSet<String> = SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names, wanted);
        assert_eq!(names.len(), SOURCES.len(), "a name stands twice");
    }

    /// nothing in a template of ours switches the escaping off.
    #[test]
    fn no_template_is_unescaped() {
        for (name, source) in SOURCES {
            for word in ["|safe", "| safe", "autoescape"] {
                assert!(!source.contains(word), "{name} says {word}");
            }
        }
    }
}
