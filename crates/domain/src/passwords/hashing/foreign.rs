//! Password hashes in foreign formats: parsed, limited, verified.
//!
//! Hashes of any scheme other than [`super::argon2id`] are replaced at the first sign-in. Parameters come from
//! outside, so each is checked against a limit before memory is allocated (P-09).

use std::fmt;

use argon2::Algorithm;
use ring::digest;

use super::argon2id::{Cost, HashWorker, SALT_BYTES, TAG_BYTES};
use super::foreign_firebase::FirebaseScrypt;
use super::foreign_pbkdf2::Pbkdf2;
use super::foreign_scrypt::Scrypt;
use super::hash_text::{UnreadableHash, constant_time_eq, decode, numbers};
use super::pepper::{self, Pepper, Peppers};

/// Maximum bcrypt cost: about 1.5 seconds.
const MAX_BCRYPT_COST: u32 = 15;
/// Maximum length of a hash string in bytes.
const MAX_TEXT: usize = 1024;

/// The hash has a pepper that is not configured, so no password verifies against it.
pub(super) const UNKNOWN_PEPPER: UnreadableHash = UnreadableHash(
    "the hash needs a pepper that is not configured. Add it to `password.previous_peppers`",
);

/// A parsed hash, with its parameters within the limits.
#[derive(PartialEq, Eq)]
pub(super) enum HashScheme {
    Argon2 {
        algorithm: Algorithm,
        version: u32,
        cost: Cost,
        /// The id of its pepper. Only our own scheme has one.
        pepper: Option<String>,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Bcrypt {
        hash: String,
        /// Django's `bcrypt_sha256`: the hex SHA-256 of the password is hashed.
        of_sha256: bool,
    },
    Scrypt(Scrypt),
    Pbkdf2(Pbkdf2),
    Firebase(FirebaseScrypt),
}

/// Prints only the scheme's name: the rest can be used to guess the password.
impl fmt::Debug for HashScheme {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Argon2 { .. } => "Argon2",
            Self::Bcrypt { .. } => "Bcrypt",
            Self::Scrypt(_) => "Scrypt",
            Self::Pbkdf2(_) => "Pbkdf2",
            Self::Firebase(_) => "Firebase",
        })
    }
}

/// Returns `true` if the password matches the hash.
pub(super) fn verify(
    worker: &mut HashWorker,
    password: &[u8],
    hash: &str,
    peppers: &Peppers,
) -> Result<bool, UnreadableHash> {
    Ok(match parse(hash)? {
        HashScheme::Argon2 {
            algorithm,
            version,
            cost,
            pepper,
            salt,
            tag,
        } => {
            let seasoned = match pepper.as_deref().map(|id| peppers.find(id)) {
                None => None,
                Some(Some(pepper)) => Some(pepper.apply(password)),
                Some(None) => return Err(UNKNOWN_PEPPER),
            };
            let hashed = seasoned.as_ref().map_or(password, AsRef::as_ref);
            let computed = worker.raw(hashed, &salt, cost, algorithm, version, tag.len());
            constant_time_eq(&computed, &tag)
        }
        HashScheme::Bcrypt { hash, of_sha256 } => verify_bcrypt(password, &hash, of_sha256),
        HashScheme::Scrypt(stored) => stored.verify(password)?,
        HashScheme::Pbkdf2(stored) => stored.verify(password)?,
        HashScheme::Firebase(stored) => stored.verify(password)?,
    })
}

/// Parses a hash: PHC strings, `$2b$`, Django's formats, and the schemes of [`parse_other`].
pub(super) fn parse(hash: &str) -> Result<HashScheme, UnreadableHash> {
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
        parts => parse_other(parts),
    }
}

/// Parses the schemes that have their own file.
fn parse_other(parts: &[&str]) -> Result<HashScheme, UnreadableHash> {
    if let Some(parsed) = Scrypt::parse(parts) {
        return Ok(HashScheme::Scrypt(parsed?));
    }
    if let Some(parsed) = Pbkdf2::parse(parts) {
        return Ok(HashScheme::Pbkdf2(parsed?));
    }
    if let Some(parsed) = FirebaseScrypt::parse(parts) {
        return Ok(HashScheme::Firebase(parsed?));
    }
    Err(UnreadableHash("unknown scheme"))
}

fn argon2(name: &str, rest: &[&str]) -> Result<HashScheme, UnreadableHash> {
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
    let (params, pepper) = match params.split_once(",keyid=") {
        Some((params, id)) => (params, Some(id.to_owned())),
        None => (*params, None),
    };
    let [memory_kib, passes, lanes] = numbers(params, ["m", "t", "p"])?;
    let cost = Cost {
        memory_kib,
        passes,
        lanes,
    };
    let (salt, tag) = (decode(salt)?, decode(tag)?);
    let is_ours = algorithm == Algorithm::Argon2id && version == 0x13;
    let is_sound = cost.fits(&Cost::MAXIMUM)
        && passes >= 1
        && lanes >= 1
        && memory_kib >= 8 * lanes
        && (8..=64).contains(&salt.len())
        && (16..=64).contains(&tag.len())
        && pepper
            .as_deref()
            .is_none_or(|id| is_ours && pepper::is_id(id));
    if !is_sound {
        return Err(UnreadableHash("argon2 parameters"));
    }
    Ok(HashScheme::Argon2 {
        algorithm,
        version,
        cost,
        pepper,
        salt,
        tag,
    })
}

fn bcrypt(hash: &str, of_sha256: bool) -> Result<HashScheme, UnreadableHash> {
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| UnreadableHash("bcrypt form"))?;
    if !(4..=MAX_BCRYPT_COST).contains(&parts.get_cost()) {
        return Err(UnreadableHash("bcrypt cost"));
    }
    Ok(HashScheme::Bcrypt {
        hash: hash.to_owned(),
        of_sha256,
    })
}

fn verify_bcrypt(password: &[u8], hash: &str, of_sha256: bool) -> bool {
    if of_sha256 {
        let digits = hex::encode(digest::digest(&digest::SHA256, password));
        return bcrypt::verify(digits, hash).unwrap_or(false);
    }
    // bcrypt reads 72 bytes; the hash that replaces this one reads all of them.
    bcrypt::verify(password, hash).unwrap_or(false)
}

/// Returns `true` if a stored hash has our scheme, at least this cost, and exactly this pepper (no pepper if
/// `None`).
pub(super) fn is_current(hash: &str, cost: Cost, pepper: Option<&Pepper>) -> bool {
    match parse(hash) {
        Ok(HashScheme::Argon2 {
            algorithm: Algorithm::Argon2id,
            version: 0x13,
            cost: stored,
            pepper: pepper_id,
            salt,
            tag,
        }) => {
            cost.fits(&stored)
                && pepper_id.as_ref() == pepper.map(|pepper| &pepper.id)
                && salt.len() >= SALT_BYTES
                && tag.len() >= TAG_BYTES
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use base64::Engine as _;

    use super::*;
    use crate::passwords::hashing::Engine;
    use crate::passwords::hashing::hash_text::PHC;

    fn verified(password: &str, hash: &str) -> Result<bool, UnreadableHash> {
        verify(
            &mut HashWorker::new(Engine::Fast),
            password.as_bytes(),
            hash,
            &Peppers::default(),
        )
    }

    /// Published vectors: `crypt_blowfish`, the reference implementation of Argon2, RFC 7914.
    const PUBLISHED: [(&str, &str); 11] = [
        (
            "U*U",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ),
        (
            "U*U*",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        ),
        (
            "U*U*U",
            "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
        ),
        (
            "",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
        ),
        (
            "password",
            "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        ),
        (
            "password",
            "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        ),
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ),
        (
            "passwd",
            "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw",
        ),
        (
            "passwd",
            "$pbkdf2-sha256$1$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd.8xfHG4RbHjC9UJESBB06GXgw",
        ),
        (
            "password",
            "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
        ),
        (
            "password",
            "scrypt$1024$NaCl$8$16$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA==",
        ),
    ];

    /// Created by Django 5.2, passlib 1.7 and argon2-cffi, for one password.
    const ELSEWHERE: [&str; 12] = [
        "pbkdf2_sha256$1000$seasalt1seasalt1seasal$u+YhnIbIPDoX1WSsbNmrmMSpbARbhL+fa21NzFlAkqI=",
        "bcrypt_sha256$$2b$04$jfQBKELP.q.yroj4J5QRKed9eXDA0JalDEJp5Smd5kwPtg1y/tAQ2",
        "bcrypt$$2b$04$nHeW6dZ.DajCYPUdlhujH.NIoN63jBADWEE6Uhnb4xWPVF06T72Ie",
        "scrypt$16$seasalt1seasalt1seasal$8$5$Mr2J+LbSWIEfpFDwVPD8Kn9VOwFHQiM4BRsYAcBnYGjffxyLEG0LePR8bxCltmXw/he9uwhcIaGBKojGV39e+A==",
        "argon2$argon2id$v=19$m=64,t=2,p=1$c2Vhc2FsdDFzZWFzYWx0MQ$TnyBUQNsjnZRnsD0Ux2BayJkl4PeKIPwTeSUAmPQUVQ",
        "$pbkdf2-sha256$1000$....IHNhbHR5IGJpdHM$w0JxslUirL/gufqYhEE.9o18ViwWxPoNnRtOpVbrQxI",
        "$scrypt$ln=4,r=8,p=1$c2FsdHkgYml0cyBoZXJlIQ$SfDVBwoTrf9YVQonhGGgT1EJLLi+4JJeCoTFOF5AqZ8",
        "$argon2i$v=16$m=64,t=2,p=2$c29tZXNhbHQgc29tZXNhbHQ$CgvAIqjRHNgoRKR3tU+REPFgqi7Fm3qRk7Bdce8BFmg",
        "$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQgc29tZXNhbHQ$O7dKFJkDACB7osFSbI6Gj/QCiT9LO6U6e6naNm1/0MI",
        "$argon2d$v=16$m=64,t=2,p=2$c29tZXNhbHQgc29tZXNhbHQ$3Dt4Ht0bcuRuE7cfXuDlb9Ccl/Abn6r377i2GZerpT8",
        "$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHQgc29tZXNhbHQ$KiJ0oUBsZ+Nl2cS6CPBpx5zWTi05mYhN7FKqnJCd1P0",
        "$argon2id$v=16$m=64,t=2,p=2$c29tZXNhbHQgc29tZXNhbHQ$FHP+hd+loJ8cMFo8iav9QE1PhiA+ofgvv2pg2iMPAVY",
    ];
    const PASSWORD: &str = "пароль from Django";

    #[test]
    fn published_vectors_verify_only_with_their_password() {
        for (password, hash) in PUBLISHED {
            assert_eq!(verified(password, hash), Ok(true), "{hash}");
            assert_eq!(verified(&format!("{password}x"), hash), Ok(false), "{hash}");
        }
    }

    #[test]
    fn hashes_of_other_systems_verify_only_with_their_password() {
        for hash in ELSEWHERE {
            assert_eq!(verified(PASSWORD, hash), Ok(true), "{hash}");
            assert_eq!(verified("пароль", hash), Ok(false), "{hash}");
        }
    }

    /// P-09: rejected by the parser, before anything is allocated or computed.
    #[test]
    fn a_hash_with_excessive_cost_is_rejected() {
        let argon2 =
            |params: &str| format!("$argon2id$v=19${params}$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA");
        assert!(parse(&argon2("m=262144,t=10,p=8")).is_ok());
        let scrypt = |params: &str| format!("$scrypt${params}$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA");
        assert!(parse(&scrypt("ln=18,r=8,p=16")).is_ok());
        let pbkdf2 = |rounds: &str| format!("pbkdf2_sha256${rounds}$salt$AAAAAAAAAAAAAAAAAAAAAA==");
        assert!(parse(&pbkdf2("5000000")).is_ok());
        let bcrypt = |cost: &str| {
            format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy")
        };
        assert!(parse(&bcrypt("15")).is_ok());
        let salted = |salt: usize, tag: usize| {
            let (salt, tag) = (PHC.encode(vec![0; salt]), PHC.encode(vec![0; tag]));
            format!("$argon2id$v=19$m=8,t=1,p=1${salt}${tag}")
        };
        assert!(parse(&salted(8, 16)).is_ok() && parse(&salted(64, 64)).is_ok());
        let all = |texts: &str, make: &dyn Fn(&str) -> String| -> Vec<String> {
            texts.split_whitespace().map(make).collect()
        };
        let hostile = [
            all(
                "m=4294967295,t=1,p=1 m=4294967296,t=1,p=1 m=262145,t=1,p=1 m=64,t=11,p=1
                 m=64,t=4294967295,p=1 m=256,t=1,p=9 m=256,t=1,p=4294967295 m=64,t=0,p=1
                 m=64,t=1,p=0 m=0,t=1,p=1 m=63,t=1,p=8 m=-1,t=1,p=1 m=+64,t=1,p=1 t=1,m=64,p=1
                 m=64,t=1 m=64,t=1,p=1,data=AAAA",
                &argon2,
            ),
            vec![
                argon2("m=64,t=1,p=1").replace("v=19", "v=20"),
                argon2("m=64,t=1,p=1").replace("argon2id", "argon2x"),
            ],
            vec![salted(7, 16), salted(8, 15), salted(65, 16)],
            vec![salted(8, 65), salted(8, 600)],
            all(
                "ln=63,r=8,p=1 ln=64,r=8,p=1 ln=4294967295,r=8,p=1 ln=19,r=8,p=1 ln=0,r=8,p=1
                 ln=10,r=4294967295,p=1 ln=10,r=0,p=1 ln=10,r=8,p=0 ln=10,r=8,p=17",
                &scrypt,
            ),
            all("1000 1 0 2147483648", &|n| {
                format!("scrypt${n}$salt$8$1$AAAAAAAAAAAAAAAAAAAAAA==")
            }),
            all("5000001 4294967295 99999999999999999999 0 -1 x", &pbkdf2),
            all("16 31 03 99", &bcrypt),
            vec![pbkdf2(""), format!("$2b$05${}", "C".repeat(2000))],
        ];
        for hash in hostile.iter().flatten() {
            assert!(parse(hash).is_err(), "{hash}");
        }
    }

    /// An empty tag would match any password.
    #[test]
    fn a_hash_without_a_tag_is_rejected() {
        for hash in [
            "",
            "$",
            "$$$$$$",
            "plain text",
            "!",
            "*",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$scrypt$ln=4,r=8,p=1$c2FsdA$",
            "$pbkdf2-sha256$1$c2FsdA$",
            "pbkdf2_sha256$1$salt$",
            "bcrypt$",
            "bcrypt_sha256$$2b$04$",
            "$2b$",
            "$2b$05$",
            "$2b$05$ééééééééééééééééééééééééééééééééééééééééééééééééééééé",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
        ] {
            assert!(parse(hash).is_err(), "{hash}");
        }
    }

    proptest! {
        #[test]
        fn the_parser_does_not_panic_on_any_text(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn the_parser_does_not_panic_on_text_like_a_hash(
            text in "(\\$|scrypt\\$|bcrypt\\$\\$|pbkdf2_sha256\\$)(2[abxy]|argon2(id|i|d)|scrypt|pbkdf2-sha256)?\\$?([vmtpilnr]{1,2}=)?[0-9]{0,10}([,$]([mtprln]{1,2}=)?[0-9]{1,10}){0,4}(\\$[A-Za-z0-9+/.=é]{0,64}){0,3}"
        ) {
            let _ = parse(&text);
        }

        /// Every hash that was parsed can be verified: the limits are within those of the engines.
        #[test]
        fn every_parsed_hash_can_be_verified(
            salt in 8usize..=64, tag in 16usize..=64, lanes in 1u32..=8, fast in any::<bool>()
        ) {
            let engine = if fast { Engine::Fast } else { Engine::Portable };
            let mut worker = HashWorker::new(engine);
            let (salt, tag) = (PHC.encode(vec![1; salt]), PHC.encode(vec![1; tag]));
            for scheme in ["argon2id$v=19", "argon2id$v=16", "argon2i$v=19", "argon2d"] {
                let hash = format!("${scheme}$m={},t=1,p={lanes}${salt}${tag}", 8 * lanes);
                prop_assert_eq!(verify(&mut worker, b"x", &hash, &Peppers::default()), Ok(false));
            }
            for hash in [
                format!("$scrypt$ln=1,r=1,p={lanes}${salt}${tag}"),
                format!("$pbkdf2-sha256$1${salt}${tag}"),
            ] {
                prop_assert_eq!(verify(&mut worker, b"x", &hash, &Peppers::default()), Ok(false));
            }
        }
    }
}
