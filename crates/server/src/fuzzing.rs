//! Fuzz targets of the parsers of settings and certificates: one function per target, which checks properties that
//! hold for any input. Compiled only for the fuzzer and for tests (`fuzz/src/lib.rs` describes how to add one).

use jiff::Timestamp;

pub use crate::config::fuzzing::{config_files, dotenv_files, redacted_settings, settings};
use crate::tls::certificate::{element, validity};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Name and function of a target.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets. A target's program and the folder of its seeds have its name.
pub const TARGETS: &[FuzzTarget] = &[
    ("certificates", certificates),
    ("config_files", config_files),
    ("dotenv_files", dotenv_files),
    ("redacted_settings", redacted_settings),
    ("settings", settings),
];

/// DER elements lie within the input, one after the other. The validity of a certificate does not depend on the
/// bytes after it.
pub fn certificates(data: &[u8]) {
    let mut rest = data;
    let mut left = data.len();
    while let Some((_, content, after)) = element(rest) {
        assert!(content.len() + after.len() + 2 <= left);
        assert!(rest.ends_with(after));
        (rest, left) = (after, after.len());
    }
    if let Some((begins, ends)) = validity(data) {
        let range = Timestamp::MIN..=Timestamp::MAX;
        assert!(range.contains(&begins) && range.contains(&ends));
        let longer = [data, &[0x30, 0x00]].concat();
        assert_eq!(validity(&longer), Some((begins, ends)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-02: runs each target with its seeds, on every machine.
    #[test]
    fn every_seed_has_the_expected_properties() {
        replay::seeds_of(TARGETS);
    }
}
