//! Checks for passwords that attackers guess first.
//!
//! The common passwords are a sorted text in the binary, searched in place: no memory at run time, no false
//! positives. `cargo xtask common-passwords` regenerates it.

const COMMON: &str = include_str!("common-passwords.txt");

/// Returns `true` if the whole password is on the list, in any letter case.
pub fn is_common(password: &str) -> bool {
    let wanted = password.to_lowercase();
    let list = COMMON.trim_end().as_bytes();
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[..middle]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let end = list[middle..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(list.len(), |at| middle + at);
        match list[start..end].cmp(wanted.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

/// Minimum number of characters of a name that is checked.
const MIN_NAME_LENGTH: usize = 3;

/// Returns `true` if the password consists only of one of these names (P-06): alone, doubled, or with digits
/// before or after. A name with digits at its ends is checked with and without them.
pub fn is_personal_name<'a>(password: &str, names: impl Iterator<Item = &'a str>) -> bool {
    let password = password.to_lowercase();
    let is_name = |name: &str| name.chars().count() >= MIN_NAME_LENGTH;
    names.filter(|name| is_name(name)).any(|name| {
        let name = name.to_lowercase();
        let core = name.trim_matches(is_digit);
        let (alone, doubled) = (password == name, password == name.repeat(2));
        // A number among digits is not a name.
        let among_digits = !core.is_empty() && is_name_with_digits(&password, &name);
        alone || doubled || among_digits || is_name(core) && is_name_with_digits(&password, core)
    })
}

/// Returns `true` if the text is this name, once or twice in a row, with only digits around it.
fn is_name_with_digits(text: &str, name: &str) -> bool {
    let is_number = |text: &str| text.chars().all(is_digit);
    text.match_indices(name).any(|(at, _)| {
        let after = &text[at + name.len()..];
        let second = after.strip_prefix(name);
        is_number(&text[..at]) && (is_number(after) || second.is_some_and(is_number))
    })
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_long_enough_and_every_entry_is_found() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.is_sorted());
        let allowed = lines.iter().filter(|line| line.len() >= 8).count();
        assert!(
            allowed >= 3_000,
            "ASVS 6.2.4 asks for 3,000 of an allowed length"
        );
        for line in &lines {
            assert!(is_common(line), "{line}");
        }
        for (before, after) in lines.iter().zip(&lines[1..]) {
            let between = format!("{before}\u{1}");
            assert!(between.as_str() < *after && !is_common(&between));
        }
        assert!(!is_common("") && !is_common("~~~~~~~~~~~~") && !is_common("\n"));
    }
}
