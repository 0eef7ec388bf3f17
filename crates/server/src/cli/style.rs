//! Colour on a terminal. The crate `console` decides: none without a terminal, on a dumb one, or with `NO_COLOR`.

use console::{Style, colors_enabled_stderr};

/// Where a text is printed.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Stream {
    fn style(self) -> Style {
        match self {
            Self::Output => Style::new(),
            Self::Error => Style::new().for_stderr(),
        }
    }
}

/// Returns `true` if standard error has colours.
pub fn error_has_colours() -> bool {
    colors_enabled_stderr()
}

/// The head of a table or a block on standard output.
pub fn heading(text: &str) -> String {
    Stream::Output.style().bold().apply_to(text).to_string()
}

/// A success on standard output.
pub fn good(text: &str) -> String {
    Stream::Output.style().green().apply_to(text).to_string()
}

/// A warning on standard output.
pub fn warning(text: &str) -> String {
    Stream::Output.style().yellow().apply_to(text).to_string()
}

/// A failure on this stream.
pub fn failure(text: &str, stream: Stream) -> String {
    stream.style().red().bold().apply_to(text).to_string()
}

/// Emphasises the headings of a help text, and the word `error:` of a usage error.
pub fn help(text: &str, stream: Stream) -> String {
    let heading = stream.style().bold().underlined();
    let line = |line: &str| {
        if let Some(rest) = line.strip_prefix("error:") {
            format!("{}{rest}", failure("error:", stream))
        } else if let Some(rest) = line.strip_prefix("Usage:") {
            format!("{}{rest}", heading.apply_to("Usage:"))
        } else if line.ends_with(':') && !line.starts_with(' ') {
            heading.apply_to(line).to_string()
        } else {
            line.to_owned()
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}
