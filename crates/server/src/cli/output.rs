//! Output of the commands: text for people, or JSON with `--json`.

use std::io::{ErrorKind, Write};

use anyhow::Context;
use serde_json::Value;

use super::text_wrap;

/// Prints text, or JSON with `--json`.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// `true` if `--json` was passed.
    pub json: bool,
}

impl Output {
    /// Prints the text wrapped to the width of a terminal.
    pub fn print(self, text: &str, value: &Value) -> anyhow::Result<()> {
        self.print_unwrapped(&text_wrap::wrap_text(text), value)
    }

    /// Prints the text unwrapped.
    pub fn print_unwrapped(self, text: &str, value: &Value) -> anyhow::Result<()> {
        if self.json {
            say(&value.to_string())
        } else {
            say(text.strip_suffix('\n').unwrap_or(text))
        }
    }
}

/// Prints to standard output. A closed pipe (`doorward user list | head`) is not an error; a full disk is, since a
/// generated password would be lost.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context(
            "the command succeeded, but its output could not be written to standard output",
        ),
        _ => Ok(()),
    }
}
