//! A zip file with one program, for AWS Lambda.
//!
//! gzip compresses it, and its format contains the same stream (RFC 1951) and checksum as that of zip. So the same program
//! always gives the same file, and neither a crate nor a `zip` program is needed.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Size of the head of a gzip file without a name, and of its end: the checksum and the size.
const GZIP_HEAD: usize = 10;
const GZIP_END: usize = 8;
/// Version 2.0 of the format, no flags, deflated, and midnight of the first day that it can express.
const COMMON: [u8; 10] = [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
/// Written on Unix.
const MADE_BY: [u8; 2] = [20, 3];
/// A file that everyone may read and execute.
const MODE: u32 = 0o100_755 << 16;

/// Writes a zip file in which `program` has this name.
pub(crate) fn write(to: &Path, program: &Path, name: &str) -> anyhow::Result<()> {
    let gzip = Command::new("gzip")
        .args(["--no-name", "--best", "--stdout"])
        .stdin(File::open(program).with_context(|| format!("cannot read {}", program.display()))?)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run gzip")?;
    ensure!(gzip.status.success(), "gzip failed");
    let compressed = gzip.stdout;
    // The fourth byte has flags: no name, no comment.
    ensure!(
        compressed.len() > GZIP_HEAD + GZIP_END && compressed[3] == 0,
        "gzip has another format"
    );
    let (stream, end) = compressed[GZIP_HEAD..].split_at(compressed.len() - GZIP_HEAD - GZIP_END);
    let (checksum, size) = end.split_at(4);
    let length = u32::try_from(stream.len())?.to_le_bytes();
    let name_length = u16::try_from(name.len())?.to_le_bytes();
    let none = [0; 2];
    let entry = [&COMMON[..], checksum, &length, size, &name_length, &none].concat();
    let head = [b"PK\x03\x04", &entry[..], name.as_bytes()].concat();
    let listed = [
        b"PK\x01\x02",
        &MADE_BY[..],
        &entry,
        // No comment, first disk, no attribute; mode; place of the head.
        &[0; 6],
        &MODE.to_le_bytes(),
        &[0; 4],
        name.as_bytes(),
    ]
    .concat();
    let begin = u32::try_from(head.len() + stream.len())?.to_le_bytes();
    let list_length = u32::try_from(listed.len())?.to_le_bytes();
    let one = 1_u16.to_le_bytes();
    let tail = [
        b"PK\x05\x06",
        &[0; 4][..],
        &one,
        &one,
        &list_length,
        &begin,
        &none,
    ]
    .concat();
    let file = [&head[..], stream, &listed, &tail].concat();
    std::fs::write(to, file).with_context(|| format!("cannot write {}", to.display()))
}
