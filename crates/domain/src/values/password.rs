//! Passwords in requests: presented for verification, or chosen as a new password. They are normalised, and no
//! rule concerns which characters they contain (P-03, P-04). Their length is limited (P-02).

use unicode_normalization::UnicodeNormalization;

use super::{BreachedPasswords, common_passwords};
use super::{Invalid, Secret};

/// A password presented for verification: NFC-normalised (NIST SP 800-63B-4, 3.1.1.2), not truncated, and limited
/// in length.
#[derive(Debug, Clone)]
pub struct Password(Secret<String>);

impl Password {
    /// Maximum number of bytes after normalisation. Longer passwords are not hashed.
    pub const MAX_BYTES: usize = 1024;
    /// Maximum number of code points after normalisation.
    pub const MAX_LENGTH: usize = 256;

    /// Parses a password as entered. Fails only if it is too long.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // NFC grows a text to at most three times its bytes, and shrinks it to at least a third.
        if text.len() > 3 * Self::MAX_BYTES {
            return Err(too_long());
        }
        let normal: String = text.nfc().collect();
        if normal.len() > Self::MAX_BYTES || normal.chars().count() > Self::MAX_LENGTH {
            return Err(too_long());
        }
        Ok(Self(Secret::new(normal)))
    }

    /// The normalised text, for hashing only.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Rules for new passwords.
#[derive(Debug, Clone)]
pub struct PasswordRules {
    /// Minimum number of code points, 8 to 64.
    pub min_length: usize,
    /// Names that attackers guess first: the product's, the host's.
    pub context: Vec<String>,
    /// Passwords known from breaches, if the operator has a list.
    pub breached: BreachedPasswords,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            min_length: 8,
            context: vec!["doorward".to_owned()],
            breached: BreachedPasswords::default(),
        }
    }
}

/// A password that meets the rules, and may be hashed and stored.
#[derive(Debug, Clone)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Checks a new password against the rules, the common passwords and the user's own names (`personal`).
    pub fn parse(text: &str, rules: &PasswordRules, personal: &[&str]) -> Result<Self, Invalid> {
        if text.contains('\0') {
            return Err(Invalid::new("invalid", "A password must not contain NUL."));
        }
        let password = Password::parse(text)?;
        if password.expose().chars().count() < rules.min_length {
            return Err(Invalid::new(
                "too-short",
                format!(
                    "A password must have at least {} characters.",
                    rules.min_length
                ),
            ));
        }
        if common_passwords::is_common(password.expose()) {
            return Err(Invalid::new(
                "common",
                "This password is too common. Choose another.",
            ));
        }
        let context = rules.context.iter().map(String::as_str);
        if common_passwords::is_personal_name(
            password.expose(),
            context.chain(personal.iter().copied()),
        ) {
            return Err(Invalid::new(
                "too-personal",
                "This password is too easy to guess from a name or an address. Choose another.",
            ));
        }
        // Last, because only this check may read from disk.
        if rules.breached.contains_password(password.expose()) {
            return Err(Invalid::new(
                "breached",
                "This password appeared in a data breach. Choose another.",
            ));
        }
        Ok(Self(password))
    }

    /// The password, for hashing.
    pub fn as_password(&self) -> &Password {
        &self.0
    }
}

fn too_long() -> Invalid {
    Invalid::new(
        "too-long",
        "A password can have at most 256 characters and 1,024 bytes.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NewPassword, Invalid> {
        NewPassword::parse(text, &PasswordRules::default(), &["ben", "ben@example.com"])
    }

    /// P-01, P-02: counted in code points after NFC.
    #[test]
    fn the_limits_are_exact() {
        assert_eq!(parse("zq7-kx1").unwrap_err().code, "too-short");
        assert!(parse("zq7-kx1w").is_ok());
        assert!(parse("🦀🐚🌊🦑🐙🦐🐡🦞").is_ok());
        assert_eq!(parse(&"e\u{301}".repeat(7)).unwrap_err().code, "too-short");
        assert!(parse(&"🦀".repeat(256)).is_ok());
        assert_eq!(parse(&"x".repeat(257)).unwrap_err().code, "too-long");
        assert_eq!(parse(&"x".repeat(1 << 20)).unwrap_err().code, "too-long");
    }

    /// P-03: there are no composition rules.
    #[test]
    fn unusual_passwords_are_accepted() {
        for text in [
            "        ",
            "correct horse",
            "пароль-из-слов",
            "\t\u{7}bell-and-tab",
            "密碼密碼密碼密碼",
            "'; DROP TABLE users;--",
            "trailing space ",
            "ALLUPPERCASEWORDS",
            "\u{202e}reversed-text",
            "no-digits-at-all",
            "98437219650",
            "👩‍👩‍👧‍👦👩‍👩‍👧‍👦",
        ] {
            assert!(parse(text).is_ok(), "{text:?}");
        }
    }

    /// P-05: the whole password is compared, not a part of it.
    #[test]
    fn common_passwords_are_rejected_and_longer_ones_that_contain_one_are_not() {
        for text in [
            "password1",
            "Password1",
            "12345678",
            "qwertyuiop",
            "iloveyou1",
        ] {
            assert_eq!(parse(text).unwrap_err().code, "common", "{text}");
        }
        assert!(parse("password1-on-a-boat").is_ok());
    }

    /// P-06: names alone, doubled, or with digits.
    #[test]
    fn passwords_that_are_names_are_rejected() {
        let rules = PasswordRules::default();
        let personal = ["wolfhardt", "wolfhardt.k@example.com", "wolfhardt.k"];
        for text in [
            "wolfhardt",
            "Wolfhardt",
            "wolfhardtwolfhardt",
            "wolfhardt42",
            "1wolfhardt",
            "doorward",
            "doorward2026",
            "wolfhardt.k@example.com",
        ] {
            let refused = NewPassword::parse(text, &rules, &personal).unwrap_err();
            assert_eq!(refused.code, "too-personal", "{text}");
        }
        assert!(NewPassword::parse("wolfhardt rows boats", &rules, &personal).is_ok());
    }

    /// P-06: a name that contains digits, with additional digits, and without its own.
    #[test]
    fn passwords_that_are_names_with_digits_are_rejected() {
        let rules = PasswordRules::default();
        let personal = ["ben1990", "7maria.k", "4711", "al1"];
        for text in [
            "ben1990ben1990",
            "ben19901",
            "ben1990123",
            "1ben1990",
            "2ben1990ben19903",
            "ben201945",
            "benben1990",
            "7maria.k7maria.k",
            "maria.k2026",
            "47114711",
            "al1al122",
        ] {
            let refused = NewPassword::parse(text, &rules, &personal);
            assert_eq!(refused.unwrap_err().code, "too-personal", "{text}");
        }
        for text in [
            "ben1990 rows",
            "ben-1990-1991",
            "31471193847",
            "al202688",
            "ben1990maria.k",
        ] {
            let taken = NewPassword::parse(text, &rules, &personal);
            assert!(taken.is_ok(), "{text}");
        }
    }
}
