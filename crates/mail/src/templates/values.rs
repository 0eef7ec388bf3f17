//! Values in templates: sanitized, escaped in HTML, and an error if `none`.

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value};

/// Maximum length of the name in a greeting, in characters.
const MAX_GREETING: usize = 80;

/// Writes a value into the output. Unlike the engine's formatter, fails for `none` and does not escape `/`,
/// which is frequent in links.
pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "this value can be missing. Check it with {% if %} first",
        ));
    }
    match value.as_str() {
        Some(text) if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() => {
            out.write_str(&escape_html(text)).map_err(Error::from)
        }
        Some(text) => out.write_str(text).map_err(Error::from),
        None if value.kind() == ValueKind::Number => {
            out.write_str(&value.to_string()).map_err(Error::from)
        }
        None => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a mail prints texts and numbers, not a {}", value.kind()),
        )),
    }
}

/// The text on one line: without control characters, line separators and marks that change the writing
/// direction. The domain's types exclude them already.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

/// The name in a greeting. An attacker may choose it and have it mailed to a victim, so a name with a link is
/// dropped and a long one is shortened.
pub(super) fn greeting(name: &str) -> Option<String> {
    let name = one_line(name);
    let name = name.trim();
    let lower = name.to_lowercase();
    if name.is_empty() || lower.contains("://") || lower.contains("www.") {
        return None;
    }
    match name.char_indices().nth(MAX_GREETING) {
        Some((end, _)) => Some(format!("{}…", name[..end].trim_end())),
        None => Some(name.to_owned()),
    }
}

/// Returns `true` if the link is http or https and has no character that would end it.
pub(super) fn is_plain_link(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web
        && url
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b))
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_one_short_line_without_a_link() {
        for (name, greeted) in [
            ("Ben", Some("Ben")),
            ("  Ben\r\nBcc: x@y.z ", Some("BenBcc: x@y.z")),
            ("\u{202e}neB\u{2028}", Some("neB")),
            ("", None),
            ("\t", None),
            ("Win at HTTPS://evil.example", None),
            ("www.evil.example", None),
            ("{{7*7}}", Some("{{7*7}}")),
        ] {
            assert_eq!(greeting(name).as_deref(), greeted, "{name:?}");
        }
        assert_eq!(
            greeting(&"é".repeat(300)).unwrap().chars().count(),
            MAX_GREETING + 1
        );
    }

    #[test]
    fn only_http_and_https_links_are_accepted() {
        assert!(is_plain_link(
            "https://id.example.com/confirmation/Zm9v-_a?x=1&y=2#top"
        ));
        assert!(is_plain_link("http://localhost:8000/"));
        for url in [
            "",
            "javascript:alert(1)",
            "//example.com",
            "https://example.com/a b",
            "https://example.com/\r\nBcc:x",
            "https://example.com/\"><script>",
            "https://exämple.com/",
            "mailto:x@y.z",
        ] {
            assert!(!is_plain_link(url), "{url:?}");
        }
    }
}
