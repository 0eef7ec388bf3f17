//! Text that fits a terminal of 80 columns, whatever is in it. Widths are what a terminal shows, not
//! how many characters there are.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::WIDTH;

/// The lines of a text, those that are too long broken between words, or within a word that is longer
/// than a line. What follows stands as far in as the line began.
pub fn fitted(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let begin = line.len() - line.trim_start().len();
        // A line that begins far in has no room to be broken for.
        let indent = if begin < WIDTH / 2 { begin } else { 0 };
        wrapped(line, WIDTH, &line[..indent])
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// One line broken into such as are `width` wide, those after the first behind `indent`.
pub fn wrapped(line: &str, width: usize, indent: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    let mut room = width;
    while rest.width() > room {
        let fits = rest.len() - cut_off(rest, room).len();
        // Where a word ends, unless the line would then be all but empty.
        let begin = rest.len() - rest.trim_start().len();
        let at = match rest[..fits].rfind(' ') {
            _ if rest[fits..].starts_with(' ') => fits,
            Some(at) if at > begin => at,
            _ => fits,
        };
        text += rest[..at].trim_end();
        text += "\n";
        text += indent;
        rest = rest[at..].trim_start();
        room = width - indent.width();
    }
    text + rest
}

/// The beginning of a text, with … where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let rest = cut_off(text, width.saturating_sub(1));
    format!("{}…", &text[..text.len() - rest.len()])
}

/// A text with spaces behind it, up to that width.
pub fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// What of a text stands beyond that width.
fn cut_off(text: &str, width: usize) -> &str {
    let mut taken = 0;
    for (at, letter) in text.char_indices() {
        taken += letter.width().unwrap_or(0);
        if taken > width {
            return &text[at..];
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_a_terminal_and_nothing_is_lost() {
        let wide = "漢字".repeat(60);
        let long = "word ".repeat(60);
        let texts = [
            "short".to_owned(),
            String::new(),
            long.trim_end().to_owned(),
            format!("    {}", long.trim_end()),
            wide.clone(),
            format!("id  {wide} and {}", "x".repeat(300)),
            format!("{}y", " ".repeat(100)),
            format!("{} x", "é".repeat(79)),
            format!("{} x", "y".repeat(80)),
        ];
        for text in texts {
            let fitted = fitted(&text);
            assert!(fitted.lines().all(|line| line.width() <= WIDTH), "{fitted}");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&fitted), letters(&text));
        }
        let fitted = fitted(&format!("  - {}", "word ".repeat(30).trim_end()));
        assert!(
            fitted
                .lines()
                .skip(1)
                .all(|line| line.starts_with("  word"))
        );
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("ben", 3), "ben");
        assert_eq!(cut("benjamin", 4), "ben…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(padded("漢", 4), "漢  ");
        assert_eq!(padded("long", 2), "long");
    }
}
