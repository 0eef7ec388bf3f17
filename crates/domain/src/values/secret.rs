//! Secrets in memory: redacted when printed, zeroed on drop; and the digests that are stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use zeroize::{Zeroize, Zeroizing};

use crate::clock::RandomSource;
use crate::store::Value;

/// A value that must not be printed. `Debug` prints `[secret]`. There is no `Display`, no `Serialize` and no
/// `PartialEq`: a comparison would stop at the first difference (C-04).
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value. Search for this name to find every place that uses a secret's value.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// 256 random bits that grant access: the secret of a mailed link or of a session.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// Generates a token.
    pub fn generate(random: &dyn RandomSource) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Parses 43 characters of base64url without padding (RFC 4648, 5); `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        let read = URL_SAFE_NO_PAD
            .decode_slice(text, bytes.as_mut_slice())
            .ok()?;
        (read == 32).then_some(Self(bytes))
    }

    /// The text for a link or a session token.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// The digest that is stored. The token can be recognised by it, but not computed from it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_slice())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// A SHA-256 digest. The digest of a [`Token`] reveals nothing about its 256 random bits, so it may be stored and
/// looked up by equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Computes the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }

    /// The 32 bytes that are stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes, for ids and keys.
    pub(crate) fn prefix(&self) -> [u8; 16] {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&self.0[..16]);
        prefix
    }

    /// Restores a digest from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<&Digest> for Value {
    fn from(digest: &Digest) -> Self {
        Self::Bytes(digest.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededRandom;

    #[test]
    fn a_token_parses_and_other_encodings_are_rejected() {
        let token = Token::generate(&SeededRandom::new(1));
        let text = token.expose();
        assert_eq!(Token::parse(&text).unwrap().digest(), token.digest());
        for length in 0..text.len() {
            assert!(Token::parse(&text[..length]).is_none(), "cut at {length}");
        }
        for wrong in [
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            "é".repeat(22),
        ] {
            assert!(Token::parse(&wrong).is_none(), "{wrong}");
        }
        // The last character carries four bits. With spare bits set, it is another spelling of the same token and
        // must be rejected.
        let last = text.chars().last().unwrap();
        let sloppy = char::from_u32(last as u32 + 1).unwrap();
        assert!(Token::parse(&format!("{}{sloppy}", &text[..42])).is_none());
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(
            format!("{:?}", Token::generate(&SeededRandom::new(1))),
            "[token]"
        );
    }
}
