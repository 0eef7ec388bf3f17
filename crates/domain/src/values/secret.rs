//! Secrets in memory: redacted wherever they are printed, wiped when dropped; and what is kept of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use zeroize::{Zeroize, Zeroizing};

use crate::ports::Secrets;

/// Something that must not be printed. `Debug` shows `[secret]`; there is no `Display`, no
/// `Serialize` and no `PartialEq`, which would stop at the first difference (C-04).
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Search for this name to see every place a secret leaves its box.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// 256 random bits that open something: a mailed link, a session.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A fresh one.
    pub fn generate(secrets: &dyn Secrets) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        secrets.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Reads the 43 characters of base64url without padding (RFC 4648, 5), and nothing else.
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

    /// The text that goes into a link or a token.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_slice())
    }

    /// What a store keeps: enough to recognise the token, not to make it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_slice())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// A SHA-256 digest. Of a [`Token`]'s 256 random bits it tells nothing, so it may be stored and
/// looked up by equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }

    /// The 32 bytes a store keeps.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Back from the 32 bytes of a store.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::SeededSecrets;

    #[test]
    fn a_token_reads_back_and_every_other_spelling_is_refused() {
        let token = Token::generate(&SeededSecrets::new(1));
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
        // The last character carries four bits; one whose spare bits are set is another
        // spelling of the same token, and must not open the same door.
        let last = text.chars().last().unwrap();
        let sloppy = char::from_u32(last as u32 + 1).unwrap();
        assert!(Token::parse(&format!("{}{sloppy}", &text[..42])).is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(
            format!("{:?}", Token::generate(&SeededSecrets::new(1))),
            "[token]"
        );
    }
}
