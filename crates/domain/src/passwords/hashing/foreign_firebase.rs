//! Firebase's scrypt (github.com/firebase/scrypt): scrypt derives an AES-256 key, which encrypts the project's
//! signer key (CTR, counter from zero). The ciphertext is the hash.
//!
//! The format is that of Supabase Auth, so that users imported from there can be read too:
//! `$fbscrypt$v=1,n=14,r=8,p=1,ss=<separator>,sk=<signer key>$<salt>$<hash>`, base64 throughout.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::foreign_scrypt::ScryptParams;
use super::hash_text::{UnreadableHash, constant_time_eq, decode, number};
use crate::values::Secret;

const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;

/// A parsed hash, with its parameters within the limits.
#[derive(PartialEq, Eq)]
pub(super) struct FirebaseScrypt {
    params: ScryptParams,
    /// Salt and separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    tag: Vec<u8>,
}

impl FirebaseScrypt {
    /// Parses the parts of a hash between its dollar signs; `None` if it has another scheme.
    pub(super) fn parse(parts: &[&str]) -> Option<Result<Self, UnreadableHash>> {
        match parts {
            ["", "fbscrypt", params, salt, tag] => Some(read(params, salt, tag)),
            _ => None,
        }
    }

    /// Returns `true` if the password matches.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, UnreadableHash> {
        let mut key = [0; KEY_BYTES];
        self.params.derive(password, &self.salt, &mut key)?;
        Ok(constant_time_eq(
            &encrypted(key, &self.signer_key),
            &self.tag,
        ))
    }
}

/// AES-256 in counter mode, with the counter starting at zero.
fn encrypted(key: [u8; KEY_BYTES], text: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(&Array::from(key));
    let mut out = Vec::with_capacity(text.len());
    for (counter, chunk) in (0u128..).zip(text.chunks(BLOCK_BYTES)) {
        let mut pad = Array::from(counter.to_be_bytes());
        cipher.encrypt_block(&mut pad);
        out.extend(chunk.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
    }
    out
}

fn read(params: &str, salt: &str, tag: &str) -> Result<FirebaseScrypt, UnreadableHash> {
    let (mut log_n, mut r, mut p, mut separator, mut signer_key) = (0, 0, 0, Vec::new(), None);
    for pair in params.split(',') {
        match pair.split_once('=') {
            Some(("v", "1")) => {}
            Some(("n", text)) => log_n = number(text)?,
            Some(("r", text)) => r = number(text)?,
            Some(("p", text)) => p = number(text)?,
            Some(("ss", text)) => separator = decode(text)?,
            Some(("sk", text)) => signer_key = Some(decode(text)?),
            _ => return Err(UnreadableHash("fbscrypt parameters")),
        }
    }
    let signer_key = signer_key.ok_or(UnreadableHash("fbscrypt without its signer key"))?;
    let (mut salt, tag) = (decode(salt)?, decode(tag)?);
    salt.append(&mut separator);
    let is_sound =
        salt.len() <= 128 && (16..=128).contains(&tag.len()) && signer_key.len() == tag.len();
    match ScryptParams::bounded(log_n, r, p) {
        Some(params) if is_sound => Ok(FirebaseScrypt {
            params,
            salt,
            signer_key,
            tag,
        }),
        _ => Err(UnreadableHash("fbscrypt parameters")),
    }
}

/// Parameters that all password hashes of a Firebase project share, as its console shows them under “Password Hash
/// Parameters”.
#[derive(Debug, Clone)]
pub struct FirebaseParameters {
    /// `base64_signer_key`
    pub signer_key: Secret<String>,
    /// `base64_salt_separator`
    pub salt_separator: String,
    /// `rounds`
    pub rounds: u32,
    /// `mem_cost`: the logarithm of scrypt's N.
    pub mem_cost: u32,
}

impl FirebaseParameters {
    /// Formats a hash and its salt, both in base64, of this project.
    pub fn encode(&self, hash: &str, salt: &str) -> String {
        format!(
            "$fbscrypt$v=1,n={},r={},p=1,ss={},sk={}${salt}${hash}",
            self.mem_cost,
            self.rounds,
            self.salt_separator,
            self.signer_key.expose()
        )
    }

    /// Checks that hashes of this project can be verified.
    pub fn check(&self) -> Result<(), UnreadableHash> {
        let key = decode(self.signer_key.expose())?;
        let hash = self.encode(&STANDARD.encode(vec![0; key.len()]), "");
        super::foreign::parse(&hash).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector in the README of firebase/scrypt.
    fn published() -> FirebaseParameters {
        FirebaseParameters {
            signer_key: Secret::new("jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==".to_owned()),
            salt_separator: "Bw==".to_owned(),
            rounds: 8,
            mem_cost: 14,
        }
    }
    const SALT: &str = "42xEC+ixf3L2lw==";
    const HASH: &str =
        "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

    fn parsed(hash: &str) -> Result<FirebaseScrypt, UnreadableHash> {
        FirebaseScrypt::parse(&hash.split('$').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_published_vector_verifies_only_with_its_password() {
        assert_eq!(published().check(), Ok(()));
        let kept = parsed(&published().encode(HASH, SALT)).unwrap();
        assert_eq!(kept.verify(b"user1password"), Ok(true));
        assert_eq!(kept.verify(b"user2password"), Ok(false));
    }

    /// P-09, and a common mistake: the signer key of another project, or none.
    #[test]
    fn a_hash_with_excessive_cost_or_without_its_key_is_rejected() {
        let whole = published().encode(HASH, SALT);
        for (part, by) in [
            ("n=14", "n=19"),
            ("n=14", "n=64"),
            ("n=14", "n=0"),
            ("r=8", "r=33"),
            ("r=8", "r=0"),
            ("p=1", "p=17"),
            ("v=1", "v=2"),
            (",sk=", ",xk="),
            ("sk=jxspr8Ki0RYycVU8zyk", "sk=jxspr8Ki0RYycVU8"),
        ] {
            let changed = whole.replacen(part, by, 1);
            assert_ne!(changed, whole);
            assert!(parsed(&changed).is_err(), "{by}");
        }
        assert!(parsed("$fbscrypt$v=1,n=14,r=8,p=1,sk=$$").is_err());
    }

    /// With the signer key, an attacker can guess the passwords of the project's hashes.
    #[test]
    fn the_signer_key_is_not_printed() {
        let parameters = published();
        let kept = super::super::foreign::parse(&parameters.encode(HASH, SALT)).unwrap();
        let printed = format!("{parameters:?} {kept:?}");
        let key = decode(parameters.signer_key.expose()).unwrap();
        for secret in ["jxspr8Ki", &format!("{}, {}, {}", key[0], key[1], key[2])] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(printed.ends_with(" Firebase"), "{printed}");
    }

    /// The result of OpenSSL's `aes-256-ctr` for zeros under a zero key.
    #[test]
    fn the_counter_starts_at_zero_and_increments() {
        let out = encrypted([0; 32], &[0; 40]);
        assert_eq!(out.len(), 40);
        assert_eq!(out[..4], [0xdc, 0x95, 0xc0, 0x78]);
        assert_eq!(out[16..20], [0x53, 0x0f, 0x8a, 0xfb]);
    }
}
