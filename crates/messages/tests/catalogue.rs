//! The messages of all languages: complete, used, translated, and without markup.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use doorward_domain::model::MailKind;
use doorward_domain::values::Locale;
use fluent_syntax::ast::{
    Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey,
};
use fluent_syntax::parser::parse;

/// Messages that read the same in English.
const SAME: &[(Locale, &[&str])] = &[(
    Locale::De,
    &[
        "account-admin",
        "direction",
        "factors-name",
        "label-code",
        "label-name",
        "month",
        "support",
    ],
)];
/// The forms of a plural, which depend on the language.
const PLURAL: &[&str] = &["[zero]", "[one]", "[two]", "[few]", "[many]"];

/// First part of the keys of a mail's messages, such as `mail-confirm-subject`.
const MAIL: &str = "mail-";

/// What a message prints.
#[derive(Default)]
struct Message {
    /// Variables, also of the messages that it refers to.
    variables: BTreeSet<String>,
    references: BTreeSet<String>,
    /// Text by variant, such as `[missing]`. The whole message is the variant without a name.
    texts: BTreeMap<String, String>,
}

impl Message {
    fn read(&mut self, variant: &str, pattern: &Pattern<&str>) {
        let mut text = String::new();
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => text.push_str(value),
                PatternElement::Placeable { expression } => {
                    self.read_placeable(variant, expression);
                }
            }
        }
        self.texts.insert(variant.to_owned(), text);
    }

    fn read_placeable(&mut self, variant: &str, expression: &Expression<&str>) {
        match expression {
            Expression::Inline(inline) => self.read_inline(inline),
            Expression::Select { selector, variants } => {
                self.read_inline(selector);
                for one in variants {
                    let (VariantKey::Identifier { name }
                    | VariantKey::NumberLiteral { value: name }) = one.key;
                    self.read(&format!("{variant}[{name}]"), &one.value);
                }
            }
        }
    }

    fn read_inline(&mut self, inline: &InlineExpression<&str>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                self.variables.insert(id.name.to_owned());
            }
            InlineExpression::MessageReference { id, .. } => {
                self.references.insert(id.name.to_owned());
            }
            InlineExpression::StringLiteral { .. } => {}
            other => panic!("no message needs this: {other:?}"),
        }
    }
}

fn messages(locale: Locale) -> BTreeMap<String, Message> {
    let path = format!("locales/{}.ftl", locale.tag());
    let source = fs::read_to_string(path).unwrap();
    let resource = parse(source.as_str()).unwrap_or_else(|(_, errors)| panic!("{errors:?}"));
    let mut messages: BTreeMap<String, Message> = BTreeMap::new();
    for entry in &resource.body {
        if let Entry::Message(found) = entry {
            let mut message = Message::default();
            message.read("", found.value.as_ref().unwrap());
            for reference in &message.references {
                let earlier = messages
                    .get(reference)
                    .unwrap_or_else(|| panic!("{reference} is not above"));
                message.variables.extend(earlier.variables.iter().cloned());
            }
            let earlier = messages.insert(found.id.name.to_owned(), message);
            assert!(earlier.is_none(), "{} is there twice", found.id.name);
        }
    }
    messages
}

/// The files of a folder and its folders.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Templates and code that use messages, cut at each quotation mark.
fn sources() -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    for folder in ["web/templates", "web/src", "mail/templates", "mail/src"] {
        files(&Path::new("..").join(folder), &mut found);
    }
    assert!(found.len() > 60, "{found:?}");
    let cut = |text: String| text.split('"').map(str::to_owned).collect();
    found
        .into_iter()
        .map(|path| (path.clone(), cut(fs::read_to_string(path).unwrap())))
        .collect()
}

#[test]
fn each_used_key_exists() {
    let english = messages(Locale::En);
    for (path, parts) in sources() {
        let is_template = path.extension().is_some_and(|kind| kind != "rs");
        for pair in parts.windows(2).filter(|_| is_template) {
            let is_call = |function: &str| {
                let before = pair[0].strip_suffix(function);
                before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
            };
            let calls = ["t(", "around(", "named(", "linked("];
            let is_key = calls.into_iter().any(is_call) || pair[1].starts_with("fault-");
            // `t("mail-" ~ mail ~ "-subject")`: the mails are rendered by the tests of the mail crate.
            let is_key = is_key && pair[1] != MAIL;
            assert!(
                !is_key || english.contains_key(&pair[1]),
                "{}: {}",
                path.display(),
                pair[1]
            );
        }
    }
}

#[test]
fn each_message_is_used() {
    let english = messages(Locale::En);
    let mut used: BTreeSet<String> = sources().into_iter().flat_map(|(_, parts)| parts).collect();
    used.extend(
        english
            .values()
            .flat_map(|message| message.references.iter().cloned()),
    );
    for name in MailKind::ALL.iter().map(|kind| kind.template()) {
        let parts = used.iter().filter(|part| part.starts_with('-'));
        let keys: Vec<_> = parts.map(|part| format!("{MAIL}{name}{part}")).collect();
        used.extend(keys);
    }
    let unused: Vec<_> = english.keys().filter(|key| !used.contains(*key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn each_language_has_the_messages_of_english_with_the_same_variables_and_variants() {
    let english = messages(Locale::En);
    for locale in Locale::ALL {
        let translated = messages(locale);
        let keys =
            |messages: &BTreeMap<String, Message>| BTreeSet::from_iter(messages.keys().cloned());
        let differing = &keys(&translated) ^ &keys(&english);
        assert!(differing.is_empty(), "{}.ftl: {differing:?}", locale.tag());
        for (key, message) in &translated {
            assert_eq!(
                message.variables,
                english[key].variables,
                "{key} in {}.ftl",
                locale.tag()
            );
            let variants = |message: &Message| {
                let variants = message.texts.keys().cloned();
                variants
                    .filter(|name| !PLURAL.contains(&name.as_str()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                variants(message),
                variants(&english[key]),
                "{key} in {}.ftl",
                locale.tag()
            );
        }
    }
}

#[test]
fn each_message_is_translated() {
    let english = messages(Locale::En);
    for locale in Locale::ALL
        .into_iter()
        .filter(|locale| *locale != Locale::En)
    {
        let mut same = messages(locale);
        same.retain(|key, message| {
            message.texts.iter().any(|(variant, text)| {
                text.contains(char::is_alphabetic) && english[key].texts.get(variant) == Some(text)
            })
        });
        let row = SAME.iter().find(|(known, _)| *known == locale);
        let expected = row.map_or(&[] as &[&str], |(_, keys)| keys);
        let same: Vec<_> = same.keys().collect();
        assert_eq!(same, expected, "{}.ftl", locale.tag());
    }
}

/// Text parts of English mails are ASCII, so that they are readable without decoding.
#[test]
fn messages_have_no_markup_and_english_ones_are_ascii() {
    for locale in Locale::ALL {
        for (key, message) in messages(locale) {
            for text in message.texts.values() {
                assert!(!text.contains(['<', '>', '&', '\n']), "{key}: {text}");
                assert!(locale != Locale::En || text.is_ascii(), "{key}: {text}");
            }
        }
    }
}

/// On a phone, “E-Mail” would often be in two lines.
#[test]
fn german_pages_have_a_hyphen_in_email_at_which_no_line_breaks() {
    for (key, message) in messages(Locale::De) {
        let is_page = !key.starts_with(MAIL);
        for text in message.texts.values() {
            assert!(!is_page || !text.contains("E-Mail"), "{key}: {text}");
        }
    }
}
