//! Fuzz target for the parsers of stored hashes; see [`crate::fuzzing`].

use super::argon2id::{Cost, HashWorker};
use super::foreign::{HashScheme, UNKNOWN_PEPPER, is_current, parse, verify};
use super::foreign_scrypt::ScryptParams;
use super::pepper::Peppers;
use super::{Engine, check_readable};

/// Maximum work that is computed while fuzzing, in KiB: enough to cover every engine, and fast.
const CHEAP_KIB: u64 = 64;

/// P-09: the parameters of a hash are limited before memory is allocated, and a hash with accepted parameters can
/// be computed without a panic.
pub fn hashes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = parse(&text);
    assert_eq!(read.is_ok(), check_readable(&text).is_ok());
    let Ok(scheme) = read else {
        assert!(!is_current(&text, Cost::MINIMUM, None));
        return;
    };
    assert!(text.len() <= 1024);
    let kib = match &scheme {
        HashScheme::Argon2 { cost, tag, .. } => {
            assert!(cost.fits(&Cost::MAXIMUM) && cost.memory_kib >= 8 && tag.len() <= 64);
            if is_current(&text, Cost::MINIMUM, None) {
                assert!(Cost::MINIMUM.fits(cost));
            }
            u64::from(cost.memory_kib) * u64::from(cost.passes)
        }
        HashScheme::Scrypt(kept) => {
            let ScryptParams { log_n, r, p } = kept.params;
            let kib = (u64::from(r) << log_n) / 8;
            assert!(kib <= 256 << 10 && p <= 16 && kept.tag.len() <= 64);
            kib * u64::from(p)
        }
        // These are not computed while fuzzing: they are slow.
        HashScheme::Bcrypt { .. } | HashScheme::Pbkdf2(_) | HashScheme::Firebase(_) => return,
    };
    if kib <= CHEAP_KIB {
        let [wrong, portable] = [Engine::Fast, Engine::Portable].map(|engine| {
            let mut worker = HashWorker::new(engine);
            verify(&mut worker, b"no such password", &text, &Peppers::default())
        });
        assert_eq!(wrong, portable, "the engines disagree");
        assert!(wrong.is_ok() || wrong == Err(UNKNOWN_PEPPER));
    }
}
