//! Time of a lookup in the breached-password filter, and memory that the filter adds to a server (P-05).
//!
//! In the ranges of the lookups, the list is as dense as the public one. The others are empty. The file is in the
//! page cache.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ring::digest;

use crate::server::{BINARY, BenchServer};

/// Number of lookups that `build-filter` times.
const QUESTIONS: u32 = 2_000;
/// Number of hashes in one range of a list of a billion hashes.
const IN_A_RANGE: u64 = 954;
/// Size of a filter for random hashes. SHA-1 hashes are as good as random.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A filter, and the time of a lookup in microseconds.
pub struct Built {
    pub path: PathBuf,
    pub look_up: f64,
}

pub fn build(folder: &Path) -> Built {
    let path = folder.join("breached.bin");
    let mut child = Command::new(BINARY)
        .args(["passwords", "build-filter", "--allow-partial", "--json"])
        .args(["--from", "-", "--to"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut list = std::io::BufWriter::new(child.stdin.take().unwrap());
    for range in ranges() {
        let spread = u64::MAX / IN_A_RANGE;
        for number in 0..IN_A_RANGE {
            let jitter = (number ^ u64::from(range)).wrapping_mul(GOLDEN) % spread;
            let rest = number * spread + jitter;
            writeln!(list, "{range:05X}{rest:016X}{number:019X}:7").unwrap();
        }
    }
    drop(list);
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success());
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let nanoseconds = said["lookup_nanoseconds"].as_f64().unwrap();
    Built {
        path,
        look_up: nanoseconds / 1000.0,
    }
}

/// The ranges of the timed lookups, in order.
fn ranges() -> std::collections::BTreeSet<u32> {
    let range = |number| {
        let password = format!("{number} times an unknown password");
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let first: [u8; 4] = hash.as_ref()[..4].try_into().unwrap();
        u32::from_be_bytes(first) >> 12
    };
    (0..QUESTIONS).map(range).collect()
}

/// Memory of an idle server with the filter, in MiB.
pub fn resident_mib(built: &Built) -> f64 {
    let path = built.path.display().to_string();
    BenchServer::start(&[("DOORWARD_PASSWORD__BREACHED_FILTER", &path)]).resident_mib()
}
