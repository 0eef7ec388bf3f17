//! Patterns of usernames and names in the OpenAPI document (H-15).
//!
//! Generated clients rely on a pattern: the server rejects every value that it rejects, and no character that it
//! allows. The pattern of names is therefore computed from the rule. To add one: a function or constant here, and
//! its field in [`openapi`](super).

use std::fmt::Write;

use doorward_domain::values::Name;

/// The ASCII rules of usernames. A pattern cannot express the Unicode rules (RFC 8265).
pub(super) const USERNAME: &str = r"^[^\u0000-/:-@\[-`{-\u007f][^\u0000-*,/:-@\[-^`{-\u007f]*$";

/// Last code point of the basic plane. Regular expression engines spell later ones differently.
const MAX_CODE_POINT: u32 = 0xffff;

/// Pattern of names: the set of allowed characters.
pub(super) fn name() -> String {
    let mut pattern = String::from("^[^");
    let mut from = None;
    for code in 0..=MAX_CODE_POINT + 1 {
        match (from, code <= MAX_CODE_POINT && is_rejected_in_a_name(code)) {
            (None, true) => from = Some(code),
            (Some(first), false) => {
                // Writing to a `String` cannot fail.
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

/// Returns `true` if no name may contain the character.
fn is_rejected_in_a_name(code: u32) -> bool {
    let mut text = [0; 8];
    let Some(character) = char::from_u32(code) else {
        return false;
    };
    // A visible character on each side.
    text[0] = b'a';
    let end = 1 + character.encode_utf8(&mut text[1..]).len();
    text[end] = b'a';
    std::str::from_utf8(&text[..=end]).is_ok_and(|text| Name::parse_new(text).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H-15: the document and the server reject the same characters: blanks that count as letters, letters without
    /// width, and marks that change the writing direction. Both accept the characters of real names.
    #[test]
    fn the_pattern_of_names_matches_the_rule() {
        let pattern = name();
        let class = pattern.strip_prefix("^[^").unwrap();
        let class = class.strip_suffix("]+$").unwrap();
        let mut rejected = Vec::new();
        for part in class.split("\\u").skip(1) {
            let code = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
            match part.strip_suffix('-') {
                Some(first) => rejected.push((code(first), None)),
                None => match rejected.last_mut() {
                    Some((_, last @ None)) => *last = Some(code(part)),
                    _ => rejected.push((code(part), Some(code(part)))),
                },
            }
        }
        for code in 0..=MAX_CODE_POINT {
            let is_rejected = rejected
                .iter()
                .any(|(first, last)| (*first..=last.unwrap()).contains(&code));
            assert_eq!(is_rejected, is_rejected_in_a_name(code), "{code:04x}");
        }
        for (character, is_accepted) in [
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
            assert_eq!(!is_rejected_in_a_name(code), is_accepted, "{character:?}");
        }
    }
}
