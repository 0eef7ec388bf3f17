//! The bare Argon2id hash, as the baseline of sign-ins.

use std::time::{Duration, Instant};

use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Params, Version};
use doorward_domain::passwords::hashing::Cost;

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the hashes per second at the default cost, on one thread per core, with reused memory.
pub fn per_second(time: Duration) -> f64 {
    let cost = Cost::MINIMUM;
    let params = Params::builder()
        .memory(Memory::kib(u64::from(cost.memory_kib)))
        .passes(cost.passes)
        .lanes(cost.lanes)
        .threads(1)
        .tag_len(TagLen::bytes(32))
        .build()
        .unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let started = Instant::now();
    let count = || {
        let mut hasher = argon2.hasher();
        let mut tag = [0; 32];
        let mut count = 0;
        while started.elapsed() < time {
            hasher
                .hash_into(b"three boats on a lake", &[7; 16], &mut tag)
                .unwrap();
            count += 1;
        }
        count
    };
    let total: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(count)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    f64::from(total) / started.elapsed().as_secs_f64()
}
