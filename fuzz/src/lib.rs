//! What makes a reader of ours a program of libFuzzer's.
//!
//! The readers and what must hold of them stand in each crate's `fuzzing` module, which is there under
//! `cfg(fuzzing)` and in tests alone. Their seeds lie in `corpus/TARGET`, and the tests of each crate
//! read those too, so that no machine needs libFuzzer to know them. To add a target: its function and
//! its row in that crate's `fuzzing::TARGETS`, three lines under `fuzz_targets`, a `[[bin]]`, a seed.

#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// The program that feeds one reader.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($read:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $read(data));
    };
}

/// Nothing, where nothing is instrumented: `cargo xtask fuzz parsers` builds the real one.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($read:path) => {
        fn main() {
            eprintln!("this was built without libFuzzer; run `cargo xtask fuzz parsers`");
        }
    };
}
