//! Turns Doorward's parsers into libFuzzer programs.
//!
//! The parsers and their checks are in each crate's `fuzzing` module, which exists only under `cfg(fuzzing)` and
//! in tests. Their seeds are in `corpus/TARGET`. The tests of each crate replay them, so libFuzzer is not needed
//! for that. To add a target: its function and its row in that crate's `fuzzing::TARGETS`, three lines under
//! `fuzz_targets`, a `[[bin]]`, a seed.

#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// The program that fuzzes one parser.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($read:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $read(data));
    };
}

/// A placeholder without instrumentation: `cargo xtask fuzz parsers` builds the real one.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($read:path) => {
        fn main() {
            eprintln!("this was built without libFuzzer; run `cargo xtask fuzz parsers`");
        }
    };
}
