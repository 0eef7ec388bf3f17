//! Recovery codes (M-02): ten codes that each replace a second factor once, for a user who has lost the authenticator.
//!
//! A code has 80 random bits in the alphabet of Crockford's base 32, which has no letters that look like digits. Only
//! digests are stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::clock::RandomSource;
use crate::values::{Digest, RECOVERY_CODE_LENGTH, Secret};

/// Number of codes that a user gets.
pub(super) const COUNT: usize = 10;
/// Maximum number of unused codes at which a user is asked to renew them.
pub const FEW_RECOVERY_CODES: usize = 2;
/// Number of characters between hyphens.
const GROUP: usize = 4;
/// Crockford's base 32: neither I, L, O nor U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Number of bytes of a digest that are stored.
pub(super) const DIGEST_BYTES: usize = 16;

/// Generates a user's codes, such as `k7mw-2r9q-x4ht-c8vd`.
pub(super) fn generate(random: &dyn RandomSource) -> Vec<Secret<String>> {
    let code = || {
        let mut bytes = Zeroizing::new([0; RECOVERY_CODE_LENGTH]);
        random.fill(bytes.as_mut_slice());
        let letters = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let mut text = String::with_capacity(RECOVERY_CODE_LENGTH + RECOVERY_CODE_LENGTH / GROUP);
        for (at, letter) in letters.enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        Secret::new(text)
    };
    std::iter::repeat_with(code).take(COUNT).collect()
}

/// The digest that is stored: the first half of a SHA-256, in base64url. Separators are left out, and a letter that
/// looks like a digit counts as that digit.
pub(super) fn digest(code: &str) -> String {
    let read = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let text: Zeroizing<String> = Zeroizing::new(letters.map(read).collect());
    URL_SAFE_NO_PAD.encode(&Digest::of(text.as_bytes()).as_bytes()[..DIGEST_BYTES])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::memory::SeededRandom;
    use crate::values::{FactorCode, FactorKind};

    #[test]
    fn ten_different_codes_are_generated() {
        let codes = generate(&SeededRandom::new(1));
        let texts: HashSet<_> = codes.iter().map(|code| code.expose().clone()).collect();
        assert_eq!(texts.len(), COUNT);
        for text in texts {
            assert_eq!(text.len(), RECOVERY_CODE_LENGTH + 3, "{text}");
            assert_eq!(
                FactorCode::parse(&text).unwrap().kind(),
                FactorKind::RecoveryCode
            );
        }
    }

    #[test]
    fn a_digest_ignores_case_separators_and_similar_letters() {
        let stored = digest("k0m1-2r9q-x4ht-c8vd");
        for text in [
            "K0M1 2R9Q X4HT C8VD",
            "kom1-2r9q-x4ht-c8vd",
            "k0mL2r9qx4htc8vd",
        ] {
            assert_eq!(digest(text), stored, "{text}");
        }
        assert_ne!(digest("k0m1-2r9q-x4ht-c8ve"), stored);
    }
}
