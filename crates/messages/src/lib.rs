//! Texts of pages and mails: by key, in every language.
//!
//! A language is a file of `locales/` in Fluent's syntax, compiled in. Templates get the texts with the
//! functions of [`Messages::functions`]; they escape a text with its values like any other value, so messages
//! have no markup. Must not know any page or mail.
//!
//! To add a message: its key in each language; `tests/catalogue.rs` names keys that are missing, unused or
//! not translated. To add a language: its variant in `doorward_domain::values::Locale`, and its file.

pub mod folder;
mod replacement;

use std::sync::Arc;

use doorward_domain::values::Locale;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::{Entry, Pattern};
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind, context};

/// Name and text of each file of `locales/`.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// A missing value. It matches the `[0]` of a message; its negative sign distinguishes it from a number that is
/// zero.
const MISSING: f64 = -0.0;
/// Printed for [`MISSING`], to find a message that prints it. Removed from values, like [`SPLIT_MARK`].
const MISSING_MARK: char = '\u{e000}';
/// Printed for the value that `around` splits a message at.
const SPLIT_MARK: char = '\u{e001}';

/// The messages of all languages.
pub struct Messages(Vec<(Locale, Bundle)>);

type Bundle = FluentBundle<FluentResource>;

/// Messages that cannot replace others.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidMessages {
    /// Line in the text.
    pub line: usize,
    /// Reason.
    pub reason: String,
}

impl Messages {
    /// The built-in messages.
    pub fn builtin() -> Self {
        let languages = Locale::ALL.map(|locale| {
            let tag = locale.tag().parse().expect("the tag of a language is one");
            let mut bundle = FluentBundle::new_concurrent(vec![tag]);
            // The marks would be in subjects, attributes and ASCII texts.
            bundle.set_use_isolating(false);
            bundle.set_formatter(Some(|value, _| match value {
                FluentValue::Number(number)
                    if number.value == 0.0 && number.value.is_sign_negative() =>
                {
                    Some(MISSING_MARK.to_string())
                }
                _ => None,
            }));
            bundle.add_resource_overriding(builtin(locale));
            (locale, bundle)
        });
        Self(languages.into())
    }

    /// Replaces the messages that `source` has, in one language. Fails if it cannot be parsed, or if a key is
    /// unknown or must not be replaced.
    pub fn replace(
        &mut self,
        locale: Locale,
        source: &str,
        is_replaceable: fn(&str) -> bool,
    ) -> Result<(), InvalidMessages> {
        let resource = parse(source)?;
        let english = builtin(Locale::default());
        let known: Vec<_> = keys(&english).filter(|key| is_replaceable(key)).collect();
        if let Some(key) = keys(&resource).find(|key| !known.contains(key)) {
            return Err(replacement::unknown(&resource, key, known));
        }
        if let Some((_, bundle)) = self.0.iter_mut().find(|(known, _)| *known == locale) {
            bundle.add_resource_overriding(resource);
        }
        Ok(())
    }

    /// Like [`replace`](Self::replace), for messages that are not tried with samples: also fails if one uses a value that
    /// the English message does not have, or prints a value that can be missing.
    pub fn replace_with_same_values(
        &mut self,
        locale: Locale,
        source: &str,
        is_replaceable: fn(&str) -> bool,
    ) -> Result<(), InvalidMessages> {
        self.replace(locale, source, is_replaceable)?;
        let (resource, english) = (parse(source)?, builtin(Locale::default()));
        for message in replacement::messages(&resource) {
            let fail = |reason| replacement::fault(&resource, message.id.name, reason);
            let values = replacement::check(message, &resource, &english).map_err(fail)?;
            self.text(locale, message.id.name, &values)
                .map_err(|error| fail(error.detail().unwrap_or_default().to_owned()))?;
        }
        Ok(())
    }

    /// The message of a key with the values of a map: texts, whole numbers, and `none` for a missing value.
    /// English if the language does not have the message. Fails if English does not have it either, or if the
    /// message prints a missing or unknown value.
    pub fn text(&self, locale: Locale, key: &str, values: &Value) -> Result<String, Error> {
        self.format(locale, key, arguments(values)?)
    }

    /// The message of a key, in this language or else in English.
    fn pattern(&self, locale: Locale, key: &str) -> Option<(&Bundle, &Pattern<&str>)> {
        let pattern_of = |locale| {
            let (_, bundle) = self.0.iter().find(|(known, _)| *known == locale)?;
            Some((bundle, bundle.get_message(key)?.value()?))
        };
        pattern_of(locale).or_else(|| pattern_of(Locale::default()))
    }

    fn format(&self, locale: Locale, key: &str, args: FluentArgs) -> Result<String, Error> {
        let fail = |reason: &str| {
            let detail = format!("message {key} of {}.ftl: {reason}", locale.tag());
            Err(Error::new(ErrorKind::UndefinedError, detail))
        };
        let Some((bundle, pattern)) = self.pattern(locale, key) else {
            return fail("it does not exist");
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        match errors.first() {
            Some(error) => fail(&error.to_string()),
            None if text.contains(MISSING_MARK) => {
                fail("it prints a value that can be missing. Use { $name -> [0] … *[other] … }")
            }
            None => Ok(text.into_owned()),
        }
    }

    /// What templates need for texts: `lang`, the language's tag, and three functions. The first two use the
    /// `values`, and named arguments before them.
    ///
    /// - `t(key)` returns the [`text`](Self::text).
    /// - `around(key, name)` returns a pair: the text before and after the value `name`, so that a template
    ///   can put a link or markup there.
    /// - `has(key)` returns whether there is such a message.
    pub fn functions(self: &Arc<Self>, locale: Locale, values: &Value) -> Value {
        let (messages, known) = (Arc::clone(self), values.clone());
        let t = move |key: String, more: Kwargs| {
            let values = context! { ..Value::from(more), ..known.clone() };
            messages.text(locale, &key, &values)
        };
        let (messages, known) = (Arc::clone(self), values.clone());
        let around = move |key: String, name: String, more: Kwargs| -> Result<_, Error> {
            let mut args = arguments(&context! { ..Value::from(more), ..known.clone() })?;
            args.set(name, SPLIT_MARK.to_string());
            let text = messages.format(locale, &key, args)?;
            let (before, after) = text.split_once(SPLIT_MARK).unwrap_or((&text, ""));
            Ok(vec![before.to_owned(), after.to_owned()])
        };
        let messages = Arc::clone(self);
        let has = move |key: String| messages.pattern(locale, &key).is_some();
        context! {
            lang => locale.tag(),
            t => Value::from_function(t),
            around => Value::from_function(around),
            has => Value::from_function(has),
        }
    }
}

/// The built-in messages of a language.
fn builtin(locale: Locale) -> FluentResource {
    let is_it = |(name, _): &&(&str, &str)| name.strip_suffix(".ftl") == Some(locale.tag());
    let (_, source) = SOURCES
        .iter()
        .find(is_it)
        .expect("each language has a file");
    parse(source).expect("a test parses each file")
}

fn parse(source: &str) -> Result<FluentResource, InvalidMessages> {
    // Some editors write a byte order mark.
    let source = source.trim_start_matches('\u{feff}').to_owned();
    FluentResource::try_new(source).map_err(|(resource, errors)| {
        let error = errors.first();
        // The message, and not the place where the parser stopped.
        let start = error.and_then(|error| Some(error.slice.as_ref()?.start));
        let before = resource.source().get(..start.unwrap_or_default());
        InvalidMessages {
            line: before.unwrap_or_default().matches('\n').count() + 1,
            reason: error.map(ToString::to_string).unwrap_or_default(),
        }
    })
}

/// The keys of a text's messages.
fn keys(resource: &FluentResource) -> impl Iterator<Item = &str> {
    resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message.id.name),
        _ => None,
    })
}

fn arguments(values: &Value) -> Result<FluentArgs<'static>, Error> {
    let mut args = FluentArgs::new();
    for name in values.try_iter()? {
        let value = values.get_item(&name)?;
        let fail = |reason| {
            let detail = format!("the value {name} of a message {reason}");
            Err(Error::new(ErrorKind::UndefinedError, detail))
        };
        let value: FluentValue<'static> = match (value.kind(), value.as_str(), value.as_i64()) {
            (ValueKind::None, ..) => MISSING.into(),
            (_, Some(_), _) if value.is_safe() => return fail("is markup"),
            (_, Some(text), _) => text.replace([MISSING_MARK, SPLIT_MARK], "").into(),
            (_, _, Some(number)) => number.into(),
            (ValueKind::Undefined, ..) => return fail("is undefined"),
            _ => return fail("is neither a text nor a whole number"),
        };
        args.set(name.to_string(), value);
    }
    Ok(args)
}

#[cfg(test)]
mod tests;
