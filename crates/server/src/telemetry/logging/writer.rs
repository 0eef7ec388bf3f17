//! Cleans each line of the log before it is written, also those of libraries (L-02, L-03).
//!
//! Email addresses are masked, characters that move a terminal's cursor or change the writing direction are
//! escaped, and long lines are truncated. Most lines are plain ASCII without an `@`, and are only scanned once.
//! Network addresses of clients are not masked here: events contain none, or one from `limits::network_key`.
//!
//! To mask another kind of data: a step in [`sanitize`], with its test.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use doorward_domain::values::is_invisible;
use doorward_mail::mask_addresses;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Maximum length of a line, in bytes.
const MAX_LINE_BYTES: usize = 8_192;
/// Maximum length of a text within a longer line, in characters.
const MAX_TEXT_CHARS: usize = 1_024;

/// Format of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// One JSON object per line.
    Json,
    /// Plain text.
    Text,
    /// Text on a terminal. The formatter's own colours are not removed; the formatter has already escaped those in
    /// fields.
    Coloured,
}

/// Standard error, with [`sanitize`] applied to each line.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogWriter(pub(super) LineFormat);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for LogWriter {
    /// The formatter writes one line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&sanitize(line, self.0))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Returns the cleaned line.
fn sanitize(line: &[u8], format: LineFormat) -> Cow<'_, [u8]> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'@';
    if text.len() <= MAX_LINE_BYTES && text.iter().all(is_plain) {
        return Cow::Borrowed(line);
    }
    let text = String::from_utf8_lossy(text);
    let text = mask_addresses(&text);
    let text = match format {
        _ if text.len() <= MAX_LINE_BYTES => text,
        LineFormat::Json => truncate_object(&text),
        LineFormat::Text | LineFormat::Coloured => truncate(&text, MAX_LINE_BYTES / 4),
    };
    let mut written = escaped(&text, format);
    written.push('\n');
    Cow::Owned(written.into_bytes())
}

/// Truncates the long texts of an object. Text that is not an object becomes a message.
fn truncate_object(text: &str) -> String {
    let mut value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    truncate_values(&mut value);
    if value.is_object() {
        return value.to_string();
    }
    serde_json::json!({"message": value}).to_string()
}

fn truncate_values(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > MAX_TEXT_CHARS => {
            *text = truncate(text, MAX_TEXT_CHARS);
        }
        Value::Array(items) => items.iter_mut().for_each(truncate_values),
        Value::Object(fields) => fields.values_mut().for_each(truncate_values),
        _ => {}
    }
}

fn truncate(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Escapes misleading characters. In JSON they occur within strings only, where this is their escape sequence.
fn escaped(text: &str, format: LineFormat) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        let is_colour = format == LineFormat::Coloured && c == '\u{1b}';
        if is_colour || !is_misleading(c) {
            written.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(written, "\\u{unit:04x}");
        }
    }
    written
}

/// Control characters and invisible ones.
fn is_misleading(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(line: &str, format: LineFormat) -> String {
        String::from_utf8(sanitize(line.as_bytes(), format).into_owned()).unwrap()
    }

    #[test]
    fn a_plain_line_is_unchanged() {
        for format in [LineFormat::Json, LineFormat::Text, LineFormat::Coloured] {
            let line = "{\"message\":\"request\",\"duration_ms\":0.5}\n";
            assert_eq!(cleaned(line, format), line);
        }
    }

    /// L-03: no line forges another, moves the cursor or changes the writing direction.
    #[test]
    fn what_misleads_is_spelled_out() {
        let hostile = "a\rb\nc\td\u{1b}[31me\u{7f}f\u{9b}g\u{85}h\u{2028}i\u{202e}j\u{2066}k\u{200b}l\u{e0041}é🦊";
        for format in [LineFormat::Json, LineFormat::Text] {
            let written = cleaned(&format!("{hostile}\n"), format);
            assert_eq!(written.matches('\n').count(), 1, "{written}");
            assert!(!written.trim_end().chars().any(is_misleading), "{written}");
            assert!(
                written.contains("i\\u202ej") && written.contains("é🦊"),
                "{written}"
            );
            assert!(written.contains("l\\udb40\\udc41"), "{written}");
        }
        assert!(
            cleaned("\u{1b}[31mWARN\u{1b}[0m x\ny\n", LineFormat::Coloured)
                .contains("\u{1b}[31mWARN")
        );
        let json = serde_json::json!({"message": hostile}).to_string();
        let read: Value = serde_json::from_str(&cleaned(&json, LineFormat::Json)).unwrap();
        assert_eq!(read["message"], hostile, "it is still the same text");
    }

    /// L-02: addresses are masked in any line and context.
    #[test]
    fn no_address_leaves_in_full() {
        for format in [LineFormat::Json, LineFormat::Text, LineFormat::Coloured] {
            let line = "{\"error\":\"550 <Ben.Doe+x@example.com>: no\",\"to\":\"b***@example.com\"} mail.to=ben@example.org\n";
            let written = cleaned(line, format);
            assert!(
                !written.contains("Ben.Doe") && !written.contains("ben@"),
                "{written}"
            );
            assert!(
                written.contains("<B***@example.com>: no\",\"to\":\"b***@example.com\""),
                "{written}"
            );
            assert!(written.contains("mail.to=b***@example.org"), "{written}");
        }
    }

    /// L-03: a long text is truncated, and JSON stays valid.
    #[test]
    fn long_lines_are_truncated() {
        let long = "\u{e9}\"\\".repeat(100_000);
        let line = serde_json::json!({"level": "INFO", "fields": {"path": long}}).to_string();
        let written = cleaned(&format!("{line}\n"), LineFormat::Json);
        assert!(written.len() < MAX_LINE_BYTES, "{}", written.len());
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["level"], "INFO");
        assert_eq!(
            read["fields"]["path"].as_str().unwrap().chars().count(),
            MAX_TEXT_CHARS + 1
        );
        for format in [LineFormat::Text, LineFormat::Coloured] {
            assert!(cleaned(&line, format).len() < MAX_LINE_BYTES);
        }
        let no_json = cleaned(&"é ".repeat(9_000), LineFormat::Json);
        assert!(serde_json::from_str::<Value>(&no_json).is_ok());
    }
}
