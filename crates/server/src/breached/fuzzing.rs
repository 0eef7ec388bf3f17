//! What the fuzzer asks of the readers of the filter's file; see [`crate::fuzzing`].

use super::bucket;
use super::lists::Reading;
use super::{Facts, HEADER, KEPT_BITS, PREFIX_BITS, SEALED, sha256};

const MASK: u32 = (1 << (KEPT_BITS - PREFIX_BITS)) - 1;
/// Numbers asked for in one bucket.
const ASKED: usize = 64;

/// P-05: what was packed is found and nothing between it. A bucket and a header that somebody else has
/// written, with digests that fit, are read to an end, or refused.
pub fn breached_filters(data: &[u8]) {
    let mut values: Vec<u32> = data
        .as_chunks::<4>()
        .0
        .iter()
        .map(|four| u32::from_le_bytes(*four) & MASK)
        .collect();
    values.sort_unstable();
    values.dedup();
    if !values.is_empty() {
        let packed = bucket::pack(&values);
        assert!(packed.len() <= bucket::MAX_BYTES);
        for value in values.iter().take(ASKED) {
            assert_eq!(bucket::has(packed.clone(), *value), Ok(true));
            let next = (value + 1) & MASK;
            let is_there = values.binary_search(&next).is_ok();
            assert_eq!(bucket::has(packed.clone(), next), Ok(is_there));
        }
    }
    assert!(bucket::has(data.to_vec(), 0).is_err() || data.len() >= 9);
    let mut sealed = vec![0; 4];
    sealed.extend(data);
    let sum = sha256(&sealed[4..]);
    sealed[..4].copy_from_slice(&sum[..4]);
    for wanted in [0, 1, MASK / 2, MASK] {
        if bucket::has(sealed.clone(), wanted) == Ok(true) {
            assert!(bucket::has(sealed.clone(), 0).is_ok());
        }
    }
    let mut header = [0; HEADER];
    let length = data.len().min(SEALED);
    header[..length].copy_from_slice(&data[..length]);
    let seal = sha256(&header[..SEALED]);
    header[SEALED..].copy_from_slice(&seal);
    if let Ok(facts) = Facts::of_header(&header) {
        let again = facts.to_header();
        assert_eq!(Facts::of_header(&again).ok(), Some(facts));
    }
    header[SEALED] ^= 1;
    assert!(Facts::of_header(&header).is_err());
}

/// P-05: a published list is read as a slower reader reads it, hash by hash; what is no list is refused with
/// the line that is none, or (a hash of its first line) as the other list that looks alike.
pub fn breached_lists(data: &[u8]) {
    for min_count in [0, 2] {
        let mut read = Vec::new();
        let mut push = |kept| {
            read.push(kept);
            Ok(())
        };
        let mut reading = Reading::new(min_count, &mut push, &|_| ());
        let outcome = reading.lines(&mut &*data, "");
        let feed = reading.feed;
        match (outcome, slowly(data, min_count)) {
            (Ok(()), Some(expected)) => {
                assert_eq!(read, expected);
                assert_eq!(feed.lines, feed.seldom + read.len() as u64);
            }
            (Err(error), None) => assert!(format!("{error:#}").starts_with("line ")),
            (outcome, expected) => panic!("{outcome:?} and {expected:?}"),
        }
    }
}

/// What is kept of each hash of a list, none where it is no list; by whole lines and the standard library.
fn slowly(data: &[u8], min_count: u64) -> Option<Vec<u64>> {
    let mut kept = Vec::new();
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        if line.len() >= 128 {
            return None;
        }
        let line = match number {
            0 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        let line = std::str::from_utf8(line.trim_ascii_end()).ok()?;
        if line.is_empty() {
            continue;
        }
        let (hash, count) = match line.split_once(':') {
            Some((hash, count)) => (hash, count.parse().ok()?),
            None => (line, u64::MAX),
        };
        if hash.len() != 40 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let first = u64::from_str_radix(&hash[..16], 16).ok()?;
        if count >= min_count.max(1) {
            kept.push(first >> (64 - KEPT_BITS));
        }
    }
    Some(kept)
}
