//! Argon2id (RFC 9106), version 19: Doorward's own scheme.
//!
//! Two engines compute the same tags. `Fast` is the default. It is young and unaudited, so it is checked against a
//! published vector at every start and against `Portable` in the tests (`docs/decisions/0002`). Both reuse their
//! memory between hashes: new pages cost more than the hash.

use argon2::{Algorithm, Block};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::pepper::Pepper;
use crate::clock::RandomSource;

pub(super) const SALT_BYTES: usize = 16;
pub(super) const TAG_BYTES: usize = 32;

/// Cost of one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Number of passes over the memory.
    pub passes: u32,
    /// Number of lanes, computed one after the other.
    pub lanes: u32,
}

impl Cost {
    /// OWASP's minimum, and the lowest cost that can be configured (P-07).
    pub const MINIMUM: Self = Self {
        memory_kib: 19_456,
        passes: 2,
        lanes: 1,
    };
    /// The highest cost of a stored or imported hash (P-09).
    pub const MAXIMUM: Self = Self {
        memory_kib: 256 * 1024,
        passes: 10,
        lanes: 8,
    };

    /// Returns `true` if no parameter is higher than that of `limit`.
    pub fn fits(&self, limit: &Self) -> bool {
        self.memory_kib <= limit.memory_kib
            && self.passes <= limit.passes
            && self.lanes <= limit.lanes
    }
}

/// Implementation that computes the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `argon2-rust`: SIMD, about twice as fast.
    Fast,
    /// RustCrypto's `argon2`.
    Portable,
}

/// The engine fails a test vector and must not be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Argon2id engine fails a published test vector; choose `hashing.engine = \"portable\"`"
)]
pub struct EngineSelfTestError;

impl Engine {
    /// Computes a published test vector of the reference implementation (`test.c`, Argon2id, version 19, t = 2, m
    /// = 256 KiB, p = 1). Fails if the result differs.
    pub fn check(self) -> Result<(), EngineSelfTestError> {
        let cost = Cost {
            memory_kib: 256,
            passes: 2,
            lanes: 1,
        };
        let tag = HashWorker::new(self).raw(
            b"password",
            b"somesalt",
            cost,
            Algorithm::Argon2id,
            0x13,
            TAG_BYTES,
        );
        if tag == KNOWN_TAG {
            Ok(())
        } else {
            Err(EngineSelfTestError)
        }
    }
}

/// `9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe`
const KNOWN_TAG: [u8; 32] = [
    0x9d, 0xfe, 0xb9, 0x10, 0xe8, 0x0b, 0xad, 0x03, 0x11, 0xfe, 0xe2, 0x0f, 0x9c, 0x0e, 0x2b, 0x12,
    0xc1, 0x79, 0x87, 0xb4, 0xca, 0xc9, 0x0c, 0x2e, 0xf5, 0x4d, 0x5b, 0x30, 0x21, 0xc6, 0x8b, 0xfe,
];

/// A hash at this cost that no password matches.
pub(super) fn random_hash(
    cost: Cost,
    pepper: Option<&Pepper>,
    random: &dyn RandomSource,
) -> String {
    let (mut salt, mut tag) = ([0; SALT_BYTES], [0; TAG_BYTES]);
    random.fill(&mut salt);
    random.fill(&mut tag);
    encode(cost, pepper, &salt, &tag)
}

fn encode(cost: Cost, pepper: Option<&Pepper>, salt: &[u8], tag: &[u8]) -> String {
    format!(
        "{}${}${}",
        prefix(cost, pepper),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(tag)
    )
}

/// The engine of one thread. Its memory is allocated at the first hash, and reused until [`HashWorker::release`].
pub(super) struct HashWorker {
    engine: Engine,
    fast: Option<argon2_rust::Hasher>,
    portable: Vec<Block>,
}

impl HashWorker {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            fast: None,
            portable: Vec::new(),
        }
    }

    /// Hashes a password and returns a PHC string.
    pub(super) fn hash(
        &mut self,
        password: &[u8],
        salt: &[u8],
        cost: Cost,
        pepper: Option<&Pepper>,
    ) -> String {
        let seasoned = pepper.map(|pepper| pepper.apply(password));
        let hashed = seasoned.as_ref().map_or(password, AsRef::as_ref);
        let tag = self.raw(hashed, salt, cost, Algorithm::Argon2id, 0x13, TAG_BYTES);
        encode(cost, pepper, salt, &tag)
    }

    /// Frees the memory. The next hash allocates it again.
    pub(super) fn release(&mut self) {
        *self = Self::new(self.engine);
    }

    /// Returns `true` if memory is allocated.
    #[cfg(test)]
    pub(super) fn holds_memory(&self) -> bool {
        self.fast.is_some() || !self.portable.is_empty()
    }

    /// Computes the tag of any Argon2 variant. Our own scheme uses the selected engine. Others are replaced at
    /// their first sign-in, and use the portable one.
    pub(super) fn raw(
        &mut self,
        password: &[u8],
        salt: &[u8],
        cost: Cost,
        algorithm: Algorithm,
        version: u32,
        length: usize,
    ) -> Vec<u8> {
        let ours = algorithm == Algorithm::Argon2id && version == 0x13;
        match self.engine {
            Engine::Fast if ours => self.raw_fast(password, salt, cost, length),
            _ => self.raw_portable(password, salt, cost, algorithm, version, length),
        }
    }

    fn raw_fast(&mut self, password: &[u8], salt: &[u8], cost: Cost, length: usize) -> Vec<u8> {
        use argon2_rust::params::{Memory, TagLen};
        let params = argon2_rust::Params::builder()
            .memory(Memory::kib(u64::from(cost.memory_kib)))
            .passes(cost.passes)
            .lanes(cost.lanes)
            .threads(1)
            .tag_len(TagLen::bytes(length as u64))
            .build()
            .expect("the cost was checked against its limits");
        let argon2 = argon2_rust::Argon2::new(
            argon2_rust::Algorithm::Argon2id,
            argon2_rust::Version::V0x13,
            params,
        );
        let hasher = self.fast.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        let mut tag = vec![0; length];
        hasher
            .hash_into(password, salt, &mut tag)
            .expect("lengths were checked against the algorithm's limits");
        tag
    }

    fn raw_portable(
        &mut self,
        password: &[u8],
        salt: &[u8],
        cost: Cost,
        algorithm: Algorithm,
        version: u32,
        length: usize,
    ) -> Vec<u8> {
        let params = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(length))
            .expect("the cost was checked against its limits");
        let version = argon2::Version::try_from(version).expect("the version was checked");
        let blocks = params.block_count();
        if self.portable.len() < blocks {
            self.portable.resize(blocks, Block::default());
        }
        let mut tag = vec![0; length];
        argon2::Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt, &mut tag, &mut self.portable[..blocks])
            .expect("lengths were checked against the algorithm's limits");
        tag
    }
}

fn prefix(cost: Cost, pepper: Option<&Pepper>) -> String {
    let mut prefix = format!(
        "$argon2id$v=19$m={},t={},p={}",
        cost.memory_kib, cost.passes, cost.lanes
    );
    if let Some(pepper) = pepper {
        prefix += &format!(",keyid={}", pepper.id);
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::super::foreign::is_current;
    use super::*;

    #[test]
    fn both_engines_compute_the_published_vector() {
        Engine::Fast.check().unwrap();
        Engine::Portable.check().unwrap();
    }

    #[test]
    fn both_engines_compute_the_same_tags_at_every_cost() {
        let (mut fast, mut portable) = (
            HashWorker::new(Engine::Fast),
            HashWorker::new(Engine::Portable),
        );
        let passwords: [&[u8]; 4] = [b"", b"x", "пароль".as_bytes(), &[0xff; 1024]];
        for (number, password) in passwords.into_iter().enumerate() {
            for (memory_kib, passes, lanes) in [(64, 1, 1), (19_456, 2, 1), (256, 3, 4), (8, 1, 1)]
            {
                let cost = Cost {
                    memory_kib,
                    passes,
                    lanes,
                };
                let salt = [u8::try_from(number).unwrap(); 16];
                assert_eq!(
                    fast.hash(password, &salt, cost, None),
                    portable.hash(password, &salt, cost, None),
                    "{cost:?}"
                );
            }
        }
    }

    #[test]
    fn a_hash_is_current_if_it_costs_at_least_as_much_as_the_policy() {
        let hash = HashWorker::new(Engine::Fast).hash(b"x", &[1; 16], Cost::MINIMUM, None);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(is_current(&hash, Cost::MINIMUM, None));
        let dearer = Cost {
            passes: 3,
            ..Cost::MINIMUM
        };
        assert!(!is_current(&hash, dearer, None));
    }
}
