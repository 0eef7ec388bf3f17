//! Masks email addresses in logs and errors.

use std::fmt::Write;

/// Maximum length of a server's reply, in characters.
const MAX_REPLY: usize = 300;

/// `ben@example.com` becomes `b***@example.com`.
pub(crate) fn mask_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

/// A mail server's reply for the log: on one line, shortened, with masked addresses. Servers often repeat
/// the recipient.
pub(crate) fn mask_reply(text: &str) -> String {
    let mut masked = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !masked.is_empty() {
            masked.push(' ');
        }
        mask_word(word, &mut masked);
    }
    match masked.char_indices().nth(MAX_REPLY) {
        Some((end, _)) => format!("{}…", &masked[..end]),
        None => masked,
    }
}

/// Masks every address in a text.
pub fn mask_addresses(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    mask_word(text, &mut masked);
    masked
}

/// Masks each address in a word such as `<ben@example.com>:`.
fn mask_word(word: &str, masked: &mut String) {
    let is_part = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.@".contains(c);
    let mut rest = word;
    while !rest.is_empty() {
        let start = rest.find(is_part).unwrap_or(rest.len());
        masked.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let run = &rest[..end];
        if run.contains('@') {
            let (name, run) = split_field(run);
            masked.push_str(name);
            // Writing to a String cannot fail.
            let _ = write!(masked, "{}", mask_address(run));
        } else {
            masked.push_str(run);
        }
        rest = &rest[end..];
    }
}

/// Splits a log field such as `mail.to=ben@example.com` into its name with `=` and its value.
fn split_field(run: &str) -> (&str, &str) {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    match run.find('=') {
        Some(end) if end > 0 && run[..end].chars().all(is_name) => run.split_at(end + 1),
        _ => ("", run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_first_letter_and_its_domain() {
        assert_eq!(mask_address("ben@example.com"), "b***@example.com");
        assert_eq!(mask_address("b@example.com"), "b***@example.com");
        assert_eq!(mask_address("nonsense"), "***");
    }

    #[test]
    fn a_reply_is_one_short_line_without_addresses() {
        for (reply, masked) in [
            (
                "5.1.1 <ben@example.com>: Recipient address rejected",
                "5.1.1 <b***@example.com>: Recipient address rejected",
            ),
            ("no\r\nsuch\tuser", "no such user"),
            (
                "try mailto:ben@example.com,ann@example.com!",
                "try mailto:b***@example.com,a***@example.com!",
            ),
            ("", ""),
        ] {
            assert_eq!(mask_reply(reply), masked);
        }
        assert!(mask_reply(&"é".repeat(5000)).chars().count() <= MAX_REPLY + 1);
    }
}
