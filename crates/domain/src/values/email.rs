//! Email addresses: the text that mail is sent to, and the key that makes one unique.

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::Invalid;
use crate::store::Value;

/// An address that mail can be sent to (a dot-atom of RFC 5322 at a domain name, ASCII on the wire).
///
/// The key is the local part in lower case at the domain's A-label form. Dots and `+tags` are not folded: their
/// meaning depends on the provider, so folding could merge the addresses of two users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

impl EmailAddress {
    /// Maximum length in bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
    pub const MAX_LENGTH: usize = 254;

    /// Parses an address. Rejects quotes, comments, spaces, control characters and address literals, and a
    /// non-ASCII local part, since few servers accept one.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > 4 * Self::MAX_LENGTH {
            return Err(too_long());
        }
        let (local, domain) = text.split_once('@').ok_or_else(malformed)?;
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if !is_dot_atom(local) || domain.contains('@') {
            return Err(malformed());
        }
        let domain = Uts46::new()
            .to_ascii(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::Check,
                DnsLength::Verify,
            )
            .map_err(|_| malformed())?;
        let labels_are_sound = domain.contains('.') && !domain.ends_with('.');
        let top_is_numeric = domain
            .rsplit('.')
            .next()
            .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        if !labels_are_sound || top_is_numeric {
            return Err(malformed());
        }
        let text = format!("{local}@{domain}");
        if local.len() > 64 || text.len() > Self::MAX_LENGTH {
            return Err(too_long());
        }
        let key = text.to_ascii_lowercase();
        Ok(Self { text, key })
    }

    /// Restores a stored address without validation, so that a stricter rule locks out no existing user.
    pub fn from_stored(text: String) -> Self {
        let key = text.to_ascii_lowercase();
        Self { text, key }
    }

    /// The address that mail is sent to, with the local part as entered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The unique form, for comparison and look-up.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The domain in the form of [`Self::key`].
    pub fn domain_key(&self) -> &str {
        self.key.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address with only the first letter of the local part, as a user who knows it recognises it.
    pub fn masked(&self) -> String {
        let (local, domain) = self.text.rsplit_once('@').unwrap_or((&self.text, ""));
        let first = local.chars().next().unwrap_or('*');
        format!("{first}***@{domain}")
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.split_once('@').map_or("", |(local, _)| local)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_dot_atom(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.split('.').all(is_atom)
}

fn malformed() -> Invalid {
    Invalid::new(
        "invalid",
        "This is not an email address; one looks like ben@example.com.",
    )
}

fn too_long() -> Invalid {
    Invalid::new(
        "too-long",
        "An email address can have at most 254 characters, 64 before the '@'.",
    )
}

impl From<&EmailAddress> for Value {
    fn from(address: &EmailAddress) -> Self {
        address.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_mailbox_share_a_key() {
        for (text, key) in [
            ("Ben@Example.COM", "ben@example.com"),
            ("ben@example.com.", "ben@example.com"),
            ("a+b.c@sub.example.org", "a+b.c@sub.example.org"),
            ("ben@BÜCHER.example", "ben@xn--bcher-kva.example"),
            ("ben@xn--bcher-kva.example", "ben@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().key(), key, "{text}");
        }
    }

    ///
    #[test]
    fn addresses_for_injection_or_deception_are_rejected() {
        for text in [
            "",
            "@",
            "ben",
            "ben@",
            "@example.com",
            "a@b@c.de",
            "ben@localhost",
            "ben@example..com",
            "ben@.example.com",
            ".ben@example.com",
            "be..n@example.com",
            "\"be n\"@example.com",
            "ben(x)@example.com",
            "ben @example.com",
            "ben@exa mple.com",
            "ben@example.com\r\nBcc: x@y.z",
            "ben\0@example.com",
            "ben＠example.com",
            "b\u{131}n@example.com",
            "\u{212a}elvin@example.com",
            "straße@example.com",
            "ben@[127.0.0.1]",
            "ben@127.0.0.1",
            "ben@-example.com",
            "ben@exam_ple.com",
            "<ben@example.com>",
            "ben@example.com, x@y.z",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_limits_are_exact() {
        let local = "a".repeat(64);
        assert!(EmailAddress::parse(&format!("{local}@example.com")).is_ok());
        assert_eq!(
            EmailAddress::parse(&format!("a{local}@example.com"))
                .unwrap_err()
                .code,
            "too-long"
        );
        let domain = format!("{0}.{0}.{1}.de", "b".repeat(63), "c".repeat(58));
        let fits = format!("{local}@{domain}");
        assert_eq!(fits.len(), 254);
        assert!(EmailAddress::parse(&fits).is_ok());
        let domain = format!("{0}.{0}.{1}.de", "b".repeat(63), "c".repeat(59));
        assert!(EmailAddress::parse(&format!("{local}@{domain}")).is_err());
    }

    proptest! {
        #[test]
        fn the_key_function_is_idempotent(text in "\\PC{1,12}@\\PC{1,12}\\.[a-z]{2}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                let again = EmailAddress::parse(address.key()).unwrap();
                prop_assert_eq!(again.key(), address.key());
                prop_assert!(address.as_str().is_ascii());
            }
        }
    }
}
