//! PBKDF2 (RFC 8018) in the formats of other systems: PHC (passlib, Keycloak), and Django's.
//!
//! To add a digest: a variant of [`Prf`] with its spellings, if ring computes it.

use ring::pbkdf2;

use super::hash_text::{UnreadableHash, decode, decode_padded, number, numbers};

/// Maximum number of rounds of a hash.
const MAX_ROUNDS: u32 = 5_000_000;
/// Maximum number of rounds over all blocks: a long tag of a short digest costs several times as much as a short
/// one.
const MAX_WORK: usize = 10_000_000;

/// A parsed hash, with its parameters within the limits.
#[derive(PartialEq, Eq)]
pub(super) struct Pbkdf2 {
    prf: Prf,
    rounds: u32,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

/// The function that is iterated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prf {
    HmacSha1,
    HmacSha256,
    HmacSha512,
}

impl Prf {
    fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::HmacSha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::HmacSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::HmacSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn tag_bytes(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
        }
    }
}

impl Pbkdf2 {
    /// Parses the parts of a hash between its dollar signs; `None` if it has another scheme.
    pub(super) fn parse(parts: &[&str]) -> Option<Result<Self, UnreadableHash>> {
        match parts {
            ["", "pbkdf2", rest @ ..] => Some(phc(Prf::HmacSha1, rest)),
            ["", "pbkdf2-sha256", rest @ ..] => Some(phc(Prf::HmacSha256, rest)),
            ["", "pbkdf2-sha512", rest @ ..] => Some(phc(Prf::HmacSha512, rest)),
            ["pbkdf2_sha1", rest @ ..] => Some(django(Prf::HmacSha1, rest)),
            ["pbkdf2_sha256", rest @ ..] => Some(django(Prf::HmacSha256, rest)),
            _ => None,
        }
    }

    /// Returns `true` if the password matches.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, UnreadableHash> {
        let rounds = self
            .rounds
            .try_into()
            .map_err(|_| UnreadableHash("pbkdf2 rounds"))?;
        let algorithm = self.prf.algorithm();
        Ok(pbkdf2::verify(algorithm, rounds, &self.salt, password, &self.tag).is_ok())
    }

    fn bounded(prf: Prf, rounds: u32, salt: Vec<u8>, tag: Vec<u8>) -> Result<Self, UnreadableHash> {
        let blocks = tag.len().div_ceil(prf.tag_bytes());
        let work = usize::try_from(rounds).map(|rounds| rounds.saturating_mul(blocks));
        let is_sound = (1..=MAX_ROUNDS).contains(&rounds)
            && work.is_ok_and(|work| work <= MAX_WORK)
            && salt.len() <= 64
            && (16..=64).contains(&tag.len());
        if is_sound {
            Ok(Self {
                prf,
                rounds,
                salt,
                tag,
            })
        } else {
            Err(UnreadableHash("pbkdf2 parameters"))
        }
    }
}

/// `i=1000,l=64$salt$tag`, or passlib's `1000$salt$tag` with `.` instead of `+` in base64.
fn phc(prf: Prf, rest: &[&str]) -> Result<Pbkdf2, UnreadableHash> {
    let [params, salt, tag] = rest else {
        return Err(UnreadableHash("pbkdf2 form"));
    };
    let rounds = match params.split_once(',') {
        Some((first, _)) => numbers(first, ["i"])?[0],
        None if params.starts_with("i=") => numbers(params, ["i"])?[0],
        None => number(params)?,
    };
    let salt = decode(&salt.replace('.', "+"))?;
    let tag = decode(&tag.replace('.', "+"))?;
    Pbkdf2::bounded(prf, rounds, salt, tag)
}

/// `1000$salt$tag`; the salt is text.
fn django(prf: Prf, rest: &[&str]) -> Result<Pbkdf2, UnreadableHash> {
    let [rounds, salt, tag] = rest else {
        return Err(UnreadableHash("pbkdf2 form"));
    };
    let (salt, tag) = (salt.as_bytes().to_vec(), decode_padded(tag)?);
    Pbkdf2::bounded(prf, number(rounds)?, salt, tag)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn read(hash: &str) -> Option<Result<Pbkdf2, UnreadableHash>> {
        Pbkdf2::parse(&hash.split('$').collect::<Vec<_>>())
    }

    /// Vectors of RFC 6070 for SHA-1, and of Python's `hashlib.pbkdf2_hmac` for SHA-512 and Django's
    /// `pbkdf2_sha1`.
    #[test]
    fn each_digest_verifies_only_the_password_of_its_vector() {
        for (password, hash) in [
            ("password", "$pbkdf2$1$c2FsdA$DGDID5YfDnHzqbUkr2ASBi/gN6Y"),
            (
                "password",
                "$pbkdf2$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE",
            ),
            (
                "password",
                "$pbkdf2-sha512$i=1,l=64$c2FsdA$hn9wzxreAs/zdSWZo6U9xK80x6ZpgVrl1RNVThyM8lLALUcKKFoFAbrZmb/pQ8CPBQI119aLHaVeY/c7YKV/zg",
            ),
            (
                "password",
                "pbkdf2_sha1$1$salt$DGDID5YfDnHzqbUkr2ASBi/gN6Y=",
            ),
        ] {
            let kept = read(hash).unwrap().unwrap();
            assert_eq!(kept.verify(password.as_bytes()), Ok(true), "{hash}");
            assert_eq!(kept.verify(b"Password"), Ok(false), "{hash}");
        }
    }

    /// P-09: parameters above the limits are rejected.
    #[test]
    fn a_hash_with_excessive_cost_is_rejected() {
        let tag = |bytes: usize| STANDARD.encode(vec![0; bytes]);
        let ok = |hash: String| read(&hash).unwrap().is_ok();
        assert!(ok(format!("$pbkdf2-sha512$5000000$c2FsdA${}", tag(64))));
        assert!(!ok(format!("$pbkdf2-sha512$5000001$c2FsdA${}", tag(64))));
        assert!(ok(format!("$pbkdf2$2500000$c2FsdA${}", tag(64))));
        assert!(!ok(format!("$pbkdf2$2500001$c2FsdA${}", tag(64))));
        assert!(!ok(format!("pbkdf2_sha1$0$salt${}", tag(20))));
        assert!(!ok(format!("pbkdf2_sha1$1$salt${}", tag(15))));
        assert!(!ok(format!("pbkdf2_sha1$1$salt${}$x", tag(20))));
        assert!(read("$pbkdf2-md5$1$c2FsdA$AAAA").is_none());
    }
}
