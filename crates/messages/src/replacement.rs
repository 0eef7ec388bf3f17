//! Checks of an operator's messages against the built-in English ones.

use std::collections::BTreeMap;

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Message, Pattern, PatternElement,
    VariantKey,
};
use minijinja::Value;

use crate::InvalidMessages;

/// Number of known names that an error about an unknown one suggests.
const SUGGESTIONS: usize = 3;

/// The values of a message, and whether each can be missing.
type Values = BTreeMap<String, bool>;

/// The messages of a text.
pub(crate) fn messages(resource: &FluentResource) -> impl Iterator<Item = &Message<&str>> {
    resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        _ => None,
    })
}

/// The error of a message, with its line.
pub(crate) fn fault(resource: &FluentResource, key: &str, reason: String) -> InvalidMessages {
    let is_other = |line: &&str| line.split('=').next().map(str::trim) != Some(key);
    InvalidMessages {
        line: resource.source().lines().take_while(is_other).count() + 1,
        reason,
    }
}

/// The error of an unknown key, with the nearest known ones.
pub(crate) fn unknown(
    resource: &FluentResource,
    key: &str,
    mut known: Vec<&str>,
) -> InvalidMessages {
    known.sort_by_key(|candidate| strsim::damerau_levenshtein(key, candidate));
    known.truncate(SUGGESTIONS);
    let reason = format!("unknown message {key}; similar ones: {}", known.join(", "));
    fault(resource, key, reason)
}

/// Checks that a message uses only values and messages that the English one has. Returns samples of its values, without
/// those that can be missing. The error is the reason.
pub(crate) fn check(
    message: &Message<&str>,
    resource: &FluentResource,
    english: &FluentResource,
) -> Result<Value, String> {
    let key = message.id.name;
    let known = values_of(key, english);
    let pattern = message.value.as_ref();
    let mut used = Uses::default();
    used.read(pattern.ok_or_else(|| format!("message {key} has no text"))?);
    let mut names: Vec<&str> = used.values.keys().map(String::as_str).collect();
    for name in &used.messages {
        let other = find(english, name);
        other.ok_or_else(|| format!("message {key} refers to {name}, which does not exist"))?;
    }
    let referred = used.messages.iter();
    let referred: Vec<_> = referred.map(|name| values_of(name, english)).collect();
    names.extend(referred.iter().flat_map(Values::keys).map(String::as_str));
    if let Some(name) = names.into_iter().find(|name| !known.contains_key(*name)) {
        let known: Vec<_> = known.keys().map(|name| format!("${name}")).collect();
        let known = match known.is_empty() {
            true => "it has no values".to_owned(),
            false => format!("its values: {}", known.join(", ")),
        };
        return Err(format!("message {key} uses ${name}; {known}"));
    }
    let is_term = |name: &str| {
        let mut entries = resource.entries();
        entries.any(|entry| matches!(entry, Entry::Term(term) if term.id.name == name))
    };
    if let Some(name) = used.terms.iter().find(|name| !is_term(name)) {
        return Err(format!(
            "message {key} refers to -{name}, which does not exist"
        ));
    }
    if let Some(name) = used.others.first() {
        return Err(format!(
            "message {key} uses {name}, which texts do not have"
        ));
    }
    let sample = |(name, can_be_missing): (String, bool)| {
        let value = match can_be_missing {
            true => Value::from(()),
            false => Value::from("x"),
        };
        (name, value)
    };
    let samples: BTreeMap<_, _> = known.into_iter().map(sample).collect();
    Ok(Value::from(samples))
}

/// The values of a message, also those of the messages that it refers to.
fn values_of(key: &str, resource: &FluentResource) -> Values {
    let mut uses = Uses::default();
    if let Some(pattern) = find(resource, key).and_then(|message| message.value.as_ref()) {
        uses.read(pattern);
    }
    for name in &uses.messages {
        // The built-in messages refer to others only above them.
        uses.values.extend(values_of(name, resource));
    }
    uses.values
}

fn find<'r>(resource: &'r FluentResource, key: &str) -> Option<&'r Message<&'r str>> {
    messages(resource).find(|message| message.id.name == key)
}

/// What a message uses.
#[derive(Default)]
struct Uses {
    values: Values,
    messages: Vec<String>,
    terms: Vec<String>,
    /// Functions and attributes.
    others: Vec<String>,
}

impl Uses {
    fn read(&mut self, pattern: &Pattern<&str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.read_expression(expression);
            }
        }
    }

    fn read_expression(&mut self, expression: &Expression<&str>) {
        match expression {
            Expression::Inline(inline) => self.read_inline(inline),
            Expression::Select { selector, variants } => {
                self.read_inline(selector);
                let is_zero = |key: &VariantKey<&str>| matches!(key, VariantKey::NumberLiteral { value } if *value == "0");
                if let InlineExpression::VariableReference { id } = selector
                    && variants.iter().any(|variant| is_zero(&variant.key))
                {
                    self.values.insert(id.name.to_owned(), true);
                }
                for variant in variants {
                    self.read(&variant.value);
                }
            }
        }
    }

    fn read_inline(&mut self, inline: &InlineExpression<&str>) {
        let read_arguments = |uses: &mut Self, arguments: &CallArguments<&str>| {
            for argument in &arguments.positional {
                uses.read_inline(argument);
            }
            for argument in &arguments.named {
                uses.read_inline(&argument.value);
            }
        };
        match inline {
            InlineExpression::VariableReference { id } => {
                self.values.entry(id.name.to_owned()).or_insert(false);
            }
            InlineExpression::MessageReference { id, attribute } => {
                self.messages.push(id.name.to_owned());
                let attribute = attribute.as_ref();
                self.others
                    .extend(attribute.map(|name| name.name.to_owned()));
            }
            InlineExpression::TermReference { id, arguments, .. } => {
                self.terms.push(id.name.to_owned());
                if let Some(arguments) = arguments {
                    read_arguments(self, arguments);
                }
            }
            InlineExpression::FunctionReference { id, arguments } => {
                self.others.push(id.name.to_owned());
                read_arguments(self, arguments);
            }
            InlineExpression::Placeable { expression } => self.read_expression(expression),
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        }
    }
}
