//! What of a user name and of a person's name a pattern can tell (H-15).
//!
//! A pattern is a promise to generated clients: what it refuses is refused, and no character that it takes is refused
//! for itself. So the one of names is made of the rule. To add one: a function or constant here, and its field in
//! [`openapi`](super).

use std::fmt::Write;

use doorward_domain::values::Name;

/// What of a user name a pattern can tell: its ASCII. Unicode's own rules (RFC 8265) are beyond one.
pub(super) const USERNAME: &str = r"^[^\u0000-/:-@\[-`{-\u007f][^\u0000-*,/:-@\[-^`{-\u007f]*$";

/// The basic plane ends there. What lies beyond is spelled otherwise by every other reader of patterns.
const LAST: u32 = 0xffff;

/// A name, by each of its characters.
pub(super) fn name() -> String {
    let mut pattern = String::from("^[^");
    let mut from = None;
    for code in 0..=LAST + 1 {
        match (from, code <= LAST && is_refused_in_a_name(code)) {
            (None, true) => from = Some(code),
            (Some(first), false) => {
                // Into a text that cannot fail.
                let _ = write!(pattern, "\\u{first:04x}");
                if first + 1 < code {
                    let _ = write!(pattern, "-\\u{:04x}", code - 1);
                }
                from = None;
            }
            _ => {}
        }
    }
    pattern + "]+$"
}

/// Whether no name has it, wherever it stands.
fn is_refused_in_a_name(code: u32) -> bool {
    let mut text = [0; 8];
    let Some(character) = char::from_u32(code) else {
        return false;
    };
    // Something to be seen on both sides.
    text[0] = b'a';
    let end = 1 + character.encode_utf8(&mut text[1..]).len();
    text[end] = b'a';
    std::str::from_utf8(&text[..=end]).is_ok_and(|text| Name::choose(text).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-15: blanks that count as letters, letters without width and marks that turn a line are refused by the document
    /// as they are by the server, and what names are spelled with is taken by both.
    #[test]
    fn the_pattern_of_names_says_what_the_rule_says() {
        let pattern = name();
        let class = pattern.strip_prefix("^[^").unwrap();
        let class = class.strip_suffix("]+$").unwrap();
        let mut refused = Vec::new();
        for part in class.split("\\u").skip(1) {
            let code = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
            match part.strip_suffix('-') {
                Some(first) => refused.push((code(first), None)),
                None => match refused.last_mut() {
                    Some((_, last @ None)) => *last = Some(code(part)),
                    _ => refused.push((code(part), Some(code(part)))),
                },
            }
        }
        for code in 0..=LAST {
            let is_refused = refused
                .iter()
                .any(|(first, last)| (*first..=last.unwrap()).contains(&code));
            assert_eq!(is_refused, is_refused_in_a_name(code), "{code:04x}");
        }
        for (character, is_taken) in [
            ('\0', false),
            ('\u{34f}', false),
            ('\u{115f}', false),
            ('\u{2028}', false),
            ('\u{202e}', false),
            ('\u{2800}', false),
            ('\u{3164}', false),
            ('\u{feff}', false),
            (' ', true),
            ('-', true),
            (']', true),
            ('\u{200d}', true),
            ('\u{e9}', true),
        ] {
            let code = u32::from(character);
            assert_eq!(!is_refused_in_a_name(code), is_taken, "{character:?}");
        }
    }
}
