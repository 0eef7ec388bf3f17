//! Recovery codes (M-02): ten codes that each replace a second factor once, for a user who has lost the authenticator.
//!
//! A code has 80 random bits in the alphabet of Crockford's base 32, which has no letters that look like digits. Only
//! digests are stored (`values/factor.rs`).

use zeroize::Zeroizing;

use crate::clock::RandomSource;
use crate::values::{RECOVERY_CODE_LENGTH, Secret};

/// Number of codes that a user gets.
pub(super) const COUNT: usize = 10;
/// Maximum number of unused codes at which a user is asked to renew them.
pub const FEW_RECOVERY_CODES: usize = 2;
/// Number of characters between hyphens.
const GROUP: usize = 4;
/// Crockford's base 32: neither I, L, O nor U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

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
}
