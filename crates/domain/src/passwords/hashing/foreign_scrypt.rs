//! scrypt (RFC 7914) in the formats of other systems: PHC, and Django's. Firebase's hashes share the limits of its
//! work.

use super::hash_text::{UnreadableHash, constant_time_eq, decode, decode_padded, number, numbers};

/// Maximum memory of a hash, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Cost of a hash, within the limits (P-09).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScryptParams {
    pub(super) log_n: u8,
    pub(super) r: u32,
    pub(super) p: u32,
}

impl ScryptParams {
    /// Creates a cost. `None` if it exceeds the limits or is invalid for scrypt.
    pub(super) fn bounded(log_n: u32, r: u32, p: u32) -> Option<Self> {
        let bytes = 1u64
            .checked_shl(log_n)
            .and_then(|n| n.checked_mul(128))
            .and_then(|n| n.checked_mul(u64::from(r)));
        let is_sound = (1..=31).contains(&log_n)
            && bytes.is_some_and(|bytes| bytes <= MAX_BYTES)
            && (1..=32).contains(&r)
            && (1..=16).contains(&p);
        let log_n = u8::try_from(log_n).ok().filter(|_| is_sound)?;
        Some(Self { log_n, r, p })
    }

    /// Fills `out` with the derived key.
    pub(super) fn derive(
        self,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), UnreadableHash> {
        let params = scrypt::Params::new(self.log_n, self.r, self.p)
            .map_err(|_| UnreadableHash("scrypt parameters"))?;
        scrypt::scrypt(password, salt, &params, out)
            .map_err(|_| UnreadableHash("scrypt tag length"))
    }
}

/// A parsed hash, with its parameters within the limits.
#[derive(PartialEq, Eq)]
pub(super) struct Scrypt {
    pub(super) params: ScryptParams,
    salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl Scrypt {
    /// Parses the parts of a hash between its dollar signs; `None` if it has another scheme.
    pub(super) fn parse(parts: &[&str]) -> Option<Result<Self, UnreadableHash>> {
        match parts {
            ["", "scrypt", params, salt, tag] => Some(phc(params, salt, tag)),
            ["scrypt", n, salt, r, p, tag] => Some(django([n, r, p], salt, tag)),
            _ => None,
        }
    }

    /// Returns `true` if the password matches.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, UnreadableHash> {
        let mut computed = vec![0; self.tag.len()];
        self.params.derive(password, &self.salt, &mut computed)?;
        Ok(constant_time_eq(&computed, &self.tag))
    }

    fn bounded(
        params: Option<ScryptParams>,
        salt: Vec<u8>,
        tag: Vec<u8>,
    ) -> Result<Self, UnreadableHash> {
        let is_sound = salt.len() <= 64 && (16..=64).contains(&tag.len());
        match params {
            Some(params) if is_sound => Ok(Self { params, salt, tag }),
            _ => Err(UnreadableHash("scrypt parameters")),
        }
    }
}

/// `ln=14,r=8,p=1$salt$tag`
fn phc(params: &str, salt: &str, tag: &str) -> Result<Scrypt, UnreadableHash> {
    let [log_n, r, p] = numbers(params, ["ln", "r", "p"])?;
    Scrypt::bounded(
        ScryptParams::bounded(log_n, r, p),
        decode(salt)?,
        decode(tag)?,
    )
}

/// `16384$salt$8$1$tag`; the salt is text.
fn django([n, r, p]: [&str; 3], salt: &str, tag: &str) -> Result<Scrypt, UnreadableHash> {
    let n = number(n)?;
    if !n.is_power_of_two() {
        return Err(UnreadableHash("scrypt work factor"));
    }
    let params = ScryptParams::bounded(n.trailing_zeros(), number(r)?, number(p)?);
    Scrypt::bounded(params, salt.as_bytes().to_vec(), decode_padded(tag)?)
}
