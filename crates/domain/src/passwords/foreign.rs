//! Password hashes in the spellings people bring along: read, bounded, verified.
//!
//! Whatever is not [`super::argon2id`]'s own is replaced at the first sign-in. Parameters come
//! from outside, so each is held against a limit before a byte is allocated (P-09).

use argon2::Algorithm;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;

use super::argon2id::{Cost, Worker};

/// The most rounds of PBKDF2 that a hash may ask for.
const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
/// The most memory that a scrypt hash may ask for.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// The dearest bcrypt: about a second and a half.
const MAX_BCRYPT_COST: u32 = 15;
/// Longer strings are no hash of ours or anybody's.
const MAX_TEXT: usize = 1024;

/// PHC's base64: the standard alphabet without padding, and padding forgiven.
const PHC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A kept hash that cannot be verified.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("password hash: {0}")]
pub struct UnreadableHash(&'static str);

/// A hash taken apart, its parameters within the limits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Argon2 {
        algorithm: Algorithm,
        version: u32,
        cost: Cost,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Bcrypt {
        hash: String,
        /// Django's `bcrypt_sha256`: the hex SHA-256 of the password is what was hashed.
        of_sha256: bool,
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Pbkdf2Sha256 {
        rounds: u32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
}

/// Whether this is the password of that hash.
pub(super) fn verify(
    worker: &mut Worker,
    password: &[u8],
    hash: &str,
) -> Result<bool, UnreadableHash> {
    Ok(match parse(hash)? {
        Scheme::Argon2 {
            algorithm,
            version,
            cost,
            salt,
            tag,
        } => {
            let computed = worker.raw(password, &salt, cost, algorithm, version, tag.len());
            same(&computed, &tag)
        }
        Scheme::Bcrypt { hash, of_sha256 } => verify_bcrypt(password, &hash, of_sha256),
        Scheme::Scrypt {
            log_n,
            r,
            p,
            salt,
            tag,
        } => {
            let params = scrypt::Params::new(log_n, r, p)
                .map_err(|_| UnreadableHash("scrypt parameters"))?;
            let mut computed = vec![0; tag.len()];
            scrypt::scrypt(password, &salt, &params, &mut computed)
                .map_err(|_| UnreadableHash("scrypt tag length"))?;
            same(&computed, &tag)
        }
        Scheme::Pbkdf2Sha256 { rounds, salt, tag } => {
            let rounds = rounds
                .try_into()
                .map_err(|_| UnreadableHash("pbkdf2 rounds"))?;
            pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password, &tag).is_ok()
        }
    })
}

/// Takes a hash apart: PHC strings, `$2b$`, and Django's spellings of the four schemes.
pub(super) fn parse(hash: &str) -> Result<Scheme, UnreadableHash> {
    if hash.len() > MAX_TEXT {
        return Err(UnreadableHash("too long"));
    }
    let parts: Vec<&str> = hash.split('$').collect();
    match parts.as_slice() {
        ["", name, rest @ ..] if name.starts_with("argon2") => argon2(name, rest),
        ["argon2", name, rest @ ..] => argon2(name, rest),
        ["", "2a" | "2b" | "2x" | "2y", ..] => bcrypt(hash, false),
        ["bcrypt", rest @ ..] => bcrypt(&rest.join("$"), false),
        ["bcrypt_sha256", rest @ ..] => bcrypt(&rest.join("$"), true),
        ["", "scrypt", params, salt, tag] => {
            let [log_n, r, p] = numbers(params, ["ln", "r", "p"])?;
            scrypt_scheme(log_n, r, p, decode(salt)?, decode(tag)?)
        }
        ["scrypt", n, salt, r, p, tag] => {
            let n: u32 = number(n)?;
            if !n.is_power_of_two() {
                return Err(UnreadableHash("scrypt work factor"));
            }
            scrypt_scheme(
                n.trailing_zeros(),
                number(r)?,
                number(p)?,
                salt.as_bytes().to_vec(),
                decode_padded(tag)?,
            )
        }
        ["", "pbkdf2-sha256", params, salt, tag] => {
            let rounds = match params.split_once(',') {
                Some((first, _)) => numbers(first, ["i"])?[0],
                None if params.starts_with("i=") => numbers(params, ["i"])?[0],
                None => number(params)?,
            };
            pbkdf2_scheme(
                rounds,
                decode(&salt.replace('.', "+"))?,
                decode(&tag.replace('.', "+"))?,
            )
        }
        ["pbkdf2_sha256", rounds, salt, tag] => pbkdf2_scheme(
            number(rounds)?,
            salt.as_bytes().to_vec(),
            decode_padded(tag)?,
        ),
        _ => Err(UnreadableHash("unknown scheme")),
    }
}

fn argon2(name: &str, rest: &[&str]) -> Result<Scheme, UnreadableHash> {
    let algorithm = match name {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        _ => return Err(UnreadableHash("unknown scheme")),
    };
    let (version, params, salt, tag) = match rest {
        ["v=19", params, salt, tag] => (0x13, params, salt, tag),
        ["v=16", params, salt, tag] | [params, salt, tag] => (0x10, params, salt, tag),
        _ => return Err(UnreadableHash("argon2 version")),
    };
    let [memory_kib, passes, lanes] = numbers(params, ["m", "t", "p"])?;
    let cost = Cost {
        memory_kib,
        passes,
        lanes,
    };
    let (salt, tag) = (decode(salt)?, decode(tag)?);
    let is_sound = cost.fits(&Cost::MAXIMUM)
        && passes >= 1
        && lanes >= 1
        && memory_kib >= 8 * lanes
        && (8..=64).contains(&salt.len())
        && (16..=64).contains(&tag.len());
    if !is_sound {
        return Err(UnreadableHash("argon2 parameters"));
    }
    Ok(Scheme::Argon2 {
        algorithm,
        version,
        cost,
        salt,
        tag,
    })
}

fn bcrypt(hash: &str, of_sha256: bool) -> Result<Scheme, UnreadableHash> {
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| UnreadableHash("bcrypt form"))?;
    if !(4..=MAX_BCRYPT_COST).contains(&parts.get_cost()) {
        return Err(UnreadableHash("bcrypt cost"));
    }
    Ok(Scheme::Bcrypt {
        hash: hash.to_owned(),
        of_sha256,
    })
}

fn scrypt_scheme(
    log_n: u32,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    tag: Vec<u8>,
) -> Result<Scheme, UnreadableHash> {
    let bytes = 1u64
        .checked_shl(log_n)
        .and_then(|n| n.checked_mul(128))
        .and_then(|n| n.checked_mul(u64::from(r)));
    let is_sound = (1..=31).contains(&log_n)
        && bytes.is_some_and(|bytes| bytes <= MAX_SCRYPT_BYTES)
        && (1..=32).contains(&r)
        && (1..=16).contains(&p)
        && salt.len() <= 64
        && (16..=64).contains(&tag.len());
    match u8::try_from(log_n) {
        Ok(log_n) if is_sound => Ok(Scheme::Scrypt {
            log_n,
            r,
            p,
            salt,
            tag,
        }),
        _ => Err(UnreadableHash("scrypt parameters")),
    }
}

fn pbkdf2_scheme(rounds: u32, salt: Vec<u8>, tag: Vec<u8>) -> Result<Scheme, UnreadableHash> {
    let is_sound = (1..=MAX_PBKDF2_ROUNDS).contains(&rounds)
        && salt.len() <= 64
        && (16..=64).contains(&tag.len());
    if is_sound {
        Ok(Scheme::Pbkdf2Sha256 { rounds, salt, tag })
    } else {
        Err(UnreadableHash("pbkdf2 parameters"))
    }
}

fn verify_bcrypt(password: &[u8], hash: &str, of_sha256: bool) -> bool {
    if of_sha256 {
        let hex: String = digest::digest(&digest::SHA256, password)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return bcrypt::verify(hex, hash).unwrap_or(false);
    }
    // bcrypt reads 72 bytes; the hash that replaces this one will read them all.
    bcrypt::verify(password, hash).unwrap_or(false)
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// The values of `name=number` pairs, which stand in this order.
fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Result<[u32; N], UnreadableHash> {
    let mut values = [0; N];
    let mut pairs = text.split(',');
    for (value, name) in values.iter_mut().zip(names) {
        let pair = pairs.next().and_then(|pair| pair.split_once('='));
        *value = match pair {
            Some((key, text)) if key == name => number(text)?,
            _ => return Err(UnreadableHash("parameters")),
        };
    }
    match pairs.next() {
        None => Ok(values),
        Some(_) => Err(UnreadableHash("parameters")),
    }
}

fn number(text: &str) -> Result<u32, UnreadableHash> {
    match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().map_err(|_| UnreadableHash("number")),
        false => Err(UnreadableHash("number")),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, UnreadableHash> {
    PHC.decode(text).map_err(|_| UnreadableHash("base64"))
}

fn decode_padded(text: &str) -> Result<Vec<u8>, UnreadableHash> {
    STANDARD.decode(text).map_err(|_| UnreadableHash("base64"))
}
