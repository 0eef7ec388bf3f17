//! Wraps text to the width of a terminal.

use textwrap::{Options, WordSplitter};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Maximum width of printed text, in columns.
pub const WIDTH: usize = 80;

/// Wraps every line of a text; continuation lines are indented like the line.
pub fn wrap_text(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let begin = line.len() - line.trim_start().len();
        // A deep indentation would leave no room.
        let indent = if begin < WIDTH / 2 { begin } else { 0 };
        wrap_line(line, WIDTH, &line[..indent])
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Wraps one line; continuation lines begin with `indent`.
pub fn wrap_line(line: &str, width: usize, indent: &str) -> String {
    textwrap::fill(line, options(width).subsequent_indent(indent))
}

/// Options that never break a word at a hyphen: an id stays whole.
pub fn options<'a>(width: usize) -> Options<'a> {
    Options::new(width).word_splitter(WordSplitter::NoHyphenation)
}

/// Truncates a text to a width, with … at the end.
pub fn truncate(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 1;
    let fits = text.chars().take_while(|letter| {
        taken += letter.width().unwrap_or(0);
        taken <= width
    });
    fits.chain(['…']).collect()
}

/// Pads a text with spaces to a width.
pub fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal_and_nothing_is_lost() {
        let wide = "漢字".repeat(60);
        let long = "word ".repeat(60);
        let texts = [
            "short".to_owned(),
            String::new(),
            long.trim_end().to_owned(),
            format!("    {}", long.trim_end()),
            wide.clone(),
            format!("id  {wide} and {}", "x".repeat(300)),
            format!("{} x", "é".repeat(79)),
            format!("{} x", "y".repeat(80)),
        ];
        for text in texts {
            let fitted = wrap_text(&text);
            assert!(fitted.lines().all(|line| line.width() <= WIDTH), "{fitted}");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&fitted), letters(&text));
        }
        let fitted = wrap_text(&format!("  - {}", "word ".repeat(30).trim_end()));
        assert!(
            fitted
                .lines()
                .skip(1)
                .all(|line| line.starts_with("  word"))
        );
    }

    #[test]
    fn truncated_text_ends_with_an_ellipsis() {
        assert_eq!(truncate("ben", 3), "ben");
        assert_eq!(truncate("benjamin", 4), "ben…");
        assert_eq!(truncate("漢字漢字", 5), "漢字…");
        assert_eq!(pad("漢", 4), "漢  ");
        assert_eq!(pad("long", 2), "long");
    }
}
