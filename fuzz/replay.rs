//! Replays every seed of `fuzz/corpus` in an ordinary test: unchanged, truncated at each byte, and with each byte
//! changed. So the fuzzer's seeds are tested without a fuzzer.
//!
//! Each crate's `fuzzing` module includes this file; the seeds of `NAME.hex` are binary, in hex digits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::FuzzTarget;

/// Seeds longer than this are not changed byte by byte.
const MAX_CHANGED: usize = 512;

/// Reads the seeds of each target; a target without one fails.
pub(super) fn seeds_of(targets: &[FuzzTarget]) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, read) in targets {
        let folder = corpus.join(target);
        let files = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for file in files {
            let path = file.expect("a file of the folder").path();
            let seed = std::fs::read(&path).expect("a seed can be read");
            let seed = if path.extension().is_some_and(|end| end == "hex") {
                bytes_of_hex(&seed)
            } else {
                seed
            };
            tried(target, *read, &seed);
            count += 1;
        }
        assert!(count > 0, "{target} has no seed");
    }
}

fn tried(target: &str, read: fn(&[u8]), seed: &[u8]) {
    let one = |bytes: &[u8]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| read(bytes)));
        assert!(
            outcome.is_ok(),
            "{target} does not hold for {:?}",
            String::from_utf8_lossy(bytes)
        );
    };
    one(seed);
    if seed.len() > MAX_CHANGED {
        return;
    }
    for at in 0..seed.len() {
        one(&seed[..at]);
        let mut changed = seed.to_vec();
        for flip in [0x01, 0x20, 0x80] {
            changed[at] = seed[at] ^ flip;
            one(&changed);
        }
    }
}

fn bytes_of_hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u32> = text
        .iter()
        .filter_map(|digit| char::from(*digit).to_digit(16))
        .collect();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect()
}
