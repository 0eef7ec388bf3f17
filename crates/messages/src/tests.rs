//! Tests of the lookup. `tests/catalogue.rs` tests the messages themselves.

use minijinja::{AutoEscape, Environment};

use super::*;

fn german(source: &str) -> Result<Arc<Messages>, InvalidMessages> {
    let mut messages = Messages::builtin();
    messages.replace(Locale::De, source, |key| key.starts_with("mail-"))?;
    Ok(Arc::new(messages))
}

fn render(messages: &Arc<Messages>, template: &str, values: Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let context = messages.functions(Locale::De, &values);
    let rendered = environment.render_str(template, context);
    rendered.map_err(|error| error.to_string())
}

#[test]
fn each_language_has_a_file() {
    let mut tags = Locale::ALL.map(Locale::tag);
    tags.sort_unstable();
    let names: Vec<_> = SOURCES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, tags.map(|tag| format!("{tag}.ftl")));
}

#[test]
fn numbers_have_the_plural_of_their_language() {
    let messages = Messages::builtin();
    for (key, count, english, german) in [
        ("duration-seconds", 1, "1 second", "1 Sekunde"),
        ("duration-minutes", 30, "30 minutes", "30 Minuten"),
        ("duration-hours", 0, "0 hours", "0 Stunden"),
        ("duration-days", 3, "3 days", "3 Tage"),
    ] {
        let text = |locale| messages.text(locale, key, &context! { count }).unwrap();
        assert_eq!(text(Locale::En), english);
        assert_eq!(text(Locale::De), german);
    }
}

/// R-14, W-02: values and messages are escaped, and have no markup.
#[test]
fn a_value_in_a_message_is_escaped() {
    let messages = german("mail-go-to-product = <i>{ $product }").unwrap();
    let hostile = context! { product => "<b>'{ $x }'\u{e000}\u{e001}" };
    let text = render(&messages, "{{ t('mail-go-to-product') }}", hostile.clone());
    let escaped = "&lt;i&gt;&lt;b&gt;&#x27;{ $x }&#x27;";
    assert_eq!(text.unwrap(), escaped);
    let template = "{% set x = around('sent-to', 'email', name='<') %}{{ x[0] }}<b>{{ email }}</b>";
    let text = render(&messages, template, context! { email => "" });
    assert!(text.unwrap().ends_with("E‑Mail an <b></b>"));
    let template = "{% macro m() %}<b>{% endmacro %}{{ t('mail-go-to-product', product=m()) }}";
    assert!(
        render(&messages, template, hostile)
            .unwrap_err()
            .contains("markup")
    );
}

#[test]
fn a_named_argument_has_precedence_over_a_value() {
    let messages = german("mail-go-to-product = Zu { $product }").unwrap();
    let template = "{{ t('mail-go-to-product', product='B') }}";
    assert_eq!(
        render(&messages, template, context! { product => "A" }).unwrap(),
        "Zu B"
    );
}

#[test]
fn a_missing_value_is_omitted_or_an_error() {
    let messages = german("mail-new-email = { $new_email }").unwrap();
    let text = |locale, key, values| messages.text(locale, key, &values);
    let none: Option<&str> = None;
    let greeting = text(Locale::De, "mail-greeting", context! { greeting => none });
    assert_eq!(greeting.unwrap(), "Guten Tag,");
    let greeting = text(Locale::De, "mail-greeting", context! { greeting => "0" });
    assert_eq!(greeting.unwrap(), "Guten Tag 0,");
    for (key, values, reason) in [
        (
            "mail-new-email",
            context! { new_email => none },
            "can be missing",
        ),
        ("mail-greeting", context! {}, "Unknown variable: $greeting"),
        (
            "mail-greeting",
            context! { greeting => 1.5 },
            "whole number",
        ),
        (
            "mail-greeting",
            context! { greeting => Value::UNDEFINED },
            "undefined",
        ),
        (
            "no-such",
            context! {},
            "no-such of de.ftl: it does not exist",
        ),
    ] {
        let error = text(Locale::De, key, values).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_language_without_a_message_uses_english() {
    let mut messages = Messages::builtin();
    messages.0.retain(|(locale, _)| *locale == Locale::En);
    let text = messages.text(Locale::De, "sign-in", &context! {});
    assert_eq!(text.unwrap(), "Sign in");
}

#[test]
fn replacement_messages_are_checked() {
    let replaced = german("\u{feff}mail-nothing-to-do = Gut.\r\n").unwrap();
    let text = |locale| {
        replaced
            .text(locale, "mail-nothing-to-do", &context! {})
            .unwrap()
    };
    assert_eq!(text(Locale::De), "Gut.");
    assert_eq!(text(Locale::En), "If this was you, there is nothing to do.");
    for (source, line, reason) in [
        (
            "# x\nmail-greting = Hi\n",
            2,
            "unknown message mail-greting; similar ones: mail-greeting, ",
        ),
        ("sign-in = Hi\n", 1, "unknown message sign-in"),
        (
            "mail-greeting = Hi\n\nmail-username = { $x\n",
            3,
            "Expected",
        ),
    ] {
        let error = german(source).err().unwrap();
        assert!(error.reason.contains(reason), "{error}");
        assert_eq!(error.line, line, "{error}");
    }
}

/// A value of `recover-text` can be missing.
#[test]
fn replacement_messages_have_the_values_of_english() {
    let replace = |source: &str| {
        let mut messages = Messages::builtin();
        messages
            .replace_with_same_values(Locale::De, source, |key| !key.starts_with("mail-"))
            .map(|()| messages)
    };
    let source = "-name = Muster GmbH\nsign-in-new = { $link } bei { -name }?\n";
    let text = replace(source).unwrap();
    let text = text.text(Locale::De, "sign-in-new", &context! { link => "Neu" });
    assert_eq!(text.unwrap(), "Neu bei Muster GmbH?");
    let source = "recover-text = { $name ->\n    [0] Los.\n   *[other] { $name }: los.\n}\n";
    assert!(replace(source).is_ok());
    for (source, line, reason) in [
        ("sing-in = Los\n", 1, "similar ones: sign-in, "),
        ("mail-greeting = Los\n", 1, "unknown message mail-greeting"),
        (
            "\nsign-in = { $name }\n",
            2,
            "sign-in uses $name; it has no values",
        ),
        ("sign-in-new = { $lnk }\n", 1, "its values: $link"),
        ("sign-in = { sign-in-new }\n", 1, "uses $link"),
        (
            "sign-in = { sing-in }\n",
            1,
            "sing-in, which does not exist",
        ),
        ("sign-in = { -name }\n", 1, "-name, which does not exist"),
        (
            "sign-in = { NUMBER(1) }\n",
            1,
            "NUMBER, which texts do not have",
        ),
        ("recover-text = { $name }\n", 1, "can be missing"),
        ("sign-in = { sign-in }\n", 1, "Cyclic"),
    ] {
        let error = replace(source).err().expect(source);
        assert!(error.reason.contains(reason), "{source}: {error}");
        assert_eq!(error.line, line, "{source}: {error}");
    }
}

#[test]
fn a_template_can_ask_for_a_message() {
    let messages = german("mail-go-to-product = Los\n").unwrap();
    let template = "{{ 'yes' if has('mail-go-to-product') else 'no' }} \
        {{ 'yes' if has('mail-' ~ 'nothing') else 'no' }}";
    let text = render(&messages, template, context! {});
    assert_eq!(text.unwrap(), "yes no");
}
