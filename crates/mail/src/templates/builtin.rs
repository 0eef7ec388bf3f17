//! The built-in templates, by the names of their files in `templates/`.
//!
//! To add one: its file and its line. The test below fails until each language has the same set.

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
    source!("en/email-change-undone.txt"),
    source!("en/email-change-undone.html"),
    source!("en/new-sign-in.txt"),
    source!("en/new-sign-in.html"),
    source!("en/sign-in-after-failures.txt"),
    source!("en/sign-in-after-failures.html"),
    source!("en/lockout.txt"),
    source!("en/lockout.html"),
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
    source!("de/email-change-undone.txt"),
    source!("de/email-change-undone.html"),
    source!("de/new-sign-in.txt"),
    source!("de/new-sign-in.html"),
    source!("de/sign-in-after-failures.txt"),
    source!("de/sign-in-after-failures.html"),
    source!("de/lockout.txt"),
    source!("de/lockout.html"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::ports::MailTemplate;
    use doorward_domain::values::Locale;

    use super::SOURCES;

    #[test]
    fn each_language_has_each_mail_as_text_and_as_html() {
        let mut expected = BTreeSet::from(["layout.html".to_owned()]);
        for locale in Locale::ALL {
            for template in MailTemplate::ALL {
                for kind in ["txt", "html"] {
                    expected.insert(format!("{}/{}.{kind}", locale.tag(), template.as_str()));
                }
            }
        }
        let names: BTreeSet<String> = SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names, expected);
        assert_eq!(names.len(), SOURCES.len(), "duplicate name");
    }

    /// no built-in template turns escaping off.
    #[test]
    fn no_template_is_unescaped() {
        for (name, source) in SOURCES {
            for word in ["|safe", "| safe", "autoescape"] {
                assert!(!source.contains(word), "{name} says {word}");
            }
        }
    }
}
