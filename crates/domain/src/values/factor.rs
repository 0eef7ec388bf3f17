//! What users send about second factors: the kind, the name and the code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Digest, Invalid, Name, Secret};
use crate::string_enum::string_enum;

/// Number of characters of a recovery code, without hyphens. Codes of authenticator apps are shorter.
pub(crate) const RECOVERY_CODE_LENGTH: usize = 16;
/// Number of bytes of a recovery code's digest that are stored.
pub(crate) const RECOVERY_DIGEST_BYTES: usize = 16;
/// Maximum length of a code as it is sent, in bytes.
const MAX_CODE: usize = 64;

string_enum! {
    /// Kind of a second factor.
    FactorKind {
        /// An authenticator app.
        Totp => "totp",
        /// A recovery code.
        RecoveryCode => "recovery-code",
    }
}

impl FactorKind {
    /// Returns `true` if its codes are one-time passwords: `otp` of RFC 8176.
    pub(crate) fn is_one_time_password(self) -> bool {
        match self {
            Self::Totp => true,
            Self::RecoveryCode => false,
        }
    }

    /// Returns `true` if its codes are so short that they can be guessed.
    pub(crate) fn is_guessable(self) -> bool {
        match self {
            Self::Totp => true,
            Self::RecoveryCode => false,
        }
    }
}

/// A code as a user enters it: of an authenticator app, or a recovery code. Not verified.
#[derive(Debug, Clone)]
pub struct FactorCode(Secret<String>);

impl FactorCode {
    /// Parses a code. Spaces and hyphens are ignored. Fails if it is empty, too long or has other characters than
    /// ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_separator = |c: &char| matches!(c, ' ' | '-');
        let code: String = text.chars().filter(|c| !is_separator(c)).collect();
        let is_alphanumeric = code.bytes().all(|b| b.is_ascii_alphanumeric());
        match text.len() <= MAX_CODE && !code.is_empty() && is_alphanumeric {
            true => Ok(Self(Secret::new(code))),
            false => Err(Invalid::new(
                "invalid",
                "Must be a code of an authenticator app, or a recovery code.",
            )),
        }
    }

    /// The kind that a code of this form has: recovery codes are longer.
    pub(crate) fn kind(&self) -> FactorKind {
        match self.0.expose().len() < RECOVERY_CODE_LENGTH {
            true => FactorKind::Totp,
            false => FactorKind::RecoveryCode,
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The name of a factor: 1 to 64 characters that a [`Name`] may have.
#[derive(Debug, Clone)]
pub struct FactorName(String);

impl FactorName {
    /// The name of an authenticator that has no other.
    pub const DEFAULT: &str = "Authenticator app";
    /// Maximum number of characters.
    pub const MAX_LENGTH: usize = 64;

    /// Parses a name. White space around it is removed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = text.trim();
        if name.is_empty() {
            return Err(Invalid::new("too-short", "A name must not be empty."));
        }
        if name.chars().count() > Self::MAX_LENGTH {
            let message = format!("A name can have at most {} characters.", Self::MAX_LENGTH);
            return Err(Invalid::new("too-long", message));
        }
        Name::parse_new(name)?;
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for FactorName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

/// The digest of a recovery code, as it is stored: the first half of a SHA-256, in base64url. Separators are left out, and a letter that
/// looks like a digit counts as that digit.
pub(crate) fn recovery_code_digest(code: &str) -> String {
    let read = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let text: Zeroizing<String> = Zeroizing::new(letters.map(read).collect());
    URL_SAFE_NO_PAD.encode(&Digest::of(text.as_bytes()).as_bytes()[..RECOVERY_DIGEST_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_with_separators_and_its_length_tells_its_kind() {
        for (text, kind) in [
            ("123456", FactorKind::Totp),
            ("123 456", FactorKind::Totp),
            ("12345678", FactorKind::Totp),
            ("k7mw-2r9q-x4ht-c8vd", FactorKind::RecoveryCode),
            ("K7MW2R9QX4HTC8VD", FactorKind::RecoveryCode),
        ] {
            assert_eq!(FactorCode::parse(text).unwrap().kind(), kind, "{text}");
        }
        for text in ["", " - ", "12345é", "123_456", &"1".repeat(65)] {
            assert!(FactorCode::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_ignores_case_separators_and_similar_letters() {
        let stored = recovery_code_digest("k0m1-2r9q-x4ht-c8vd");
        for text in [
            "K0M1 2R9Q X4HT C8VD",
            "kom1-2r9q-x4ht-c8vd",
            "k0mL2r9qx4htc8vd",
        ] {
            assert_eq!(recovery_code_digest(text), stored, "{text}");
        }
        assert_ne!(recovery_code_digest("k0m1-2r9q-x4ht-c8ve"), stored);
    }
}
