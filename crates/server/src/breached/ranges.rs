//! Whether a list is whole: which of the published ranges it has, and whether each goes to its end.
//!
//! The public list has some hundred hashes in every one of the 1,048,576 ranges, as evenly spread as SHA-1
//! spreads them, so what was cut on its way, even at a line's end, or not downloaded leaves a gap that chance
//! does not. Counted as the lines come, padding left out; whether they are sorted is the builder's to say.

use anyhow::ensure;

use super::{BUCKETS, KEPT_BITS, PREFIX_BITS, split};

/// How many places a hash can have in its range.
const PLACES: u64 = 1 << (KEPT_BITS - PREFIX_BITS);
/// With fewer hashes in a range nothing is known of where they should end.
const ENOUGH: u64 = 64;
/// How many hashes may be missing at a range's end by chance: e^-40 of all ranges miss more.
const BY_CHANCE: u64 = 40;

/// How much of the public list the file is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it; what is missing is told, and nothing is built.
    Whole,
    /// A part, or another list, on purpose.
    Partial,
}

/// What was seen so far.
pub(super) struct Ranges {
    is_met: Vec<bool>,
    met: usize,
    /// The range that the last hash was in, how many there were and the last of their places.
    at: u32,
    count: u64,
    last: u64,
    cut: Option<u32>,
}

impl Ranges {
    pub(super) fn new() -> Self {
        Self {
            is_met: vec![false; BUCKETS],
            met: 0,
            at: 0,
            count: 0,
            last: 0,
            cut: None,
        }
    }

    /// A hash of the list.
    pub(super) fn meet(&mut self, kept: u64) {
        let (range, place) = split(kept);
        if range != self.at {
            self.end_range();
            (self.at, self.count) = (range, 0);
        }
        self.count += 1;
        self.last = u64::from(place);
        let is_met = &mut self.is_met[range as usize];
        self.met += usize::from(!*is_met);
        *is_met = true;
    }

    fn end_range(&mut self) {
        let left = (PLACES - 1).saturating_sub(self.last);
        if self.count >= ENOUGH && left * self.count > BY_CHANCE * PLACES {
            self.cut.get_or_insert(self.at);
        }
    }

    /// In how many ranges there were any.
    pub(super) fn met(&self) -> usize {
        self.met
    }

    /// Whether that was the whole list.
    pub(super) fn ensure_whole(&mut self) -> anyhow::Result<()> {
        self.end_range();
        if let Some(range) = self.cut {
            anyhow::bail!(
                "the range {range:05X} ends before its end: was the list cut short on its way? Download it again, or say --partial if this is all there shall be"
            );
        }
        let missing = self.is_met.iter().position(|is_met| !is_met);
        ensure!(
            missing.is_none(),
            "the list has hashes in {} of the 1,048,576 ranges of the public list, and none in the range {:05X}: was it cut short on its way, or are files missing? Download the rest, or say --partial if this is all there shall be",
            self.met,
            missing.unwrap_or_default()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many hashes in each of these ranges, as evenly as SHA-1 spreads them.
    fn hashes(ranges: std::ops::Range<u64>, each: u64) -> impl Iterator<Item = u64> {
        let step = PLACES / each;
        ranges.flat_map(move |range| {
            (0..each).map(move |number| range * PLACES + number * step + (range * 7919) % step)
        })
    }

    fn refused(hashes: impl Iterator<Item = u64>) -> Option<String> {
        let mut ranges = Ranges::new();
        hashes.for_each(|hash| ranges.meet(hash));
        ranges.ensure_whole().err().map(|error| error.to_string())
    }

    /// P-05: wherever the list ends early, between two ranges or in one, and wherever one is missing.
    #[test]
    fn what_is_missing_is_noticed() {
        let (all, last) = (BUCKETS as u64, BUCKETS as u64 - 1);
        let dense = |each| hashes(0..last, 1).chain(hashes(last..all, each));
        assert_eq!(refused(dense(1)), None);
        assert_eq!(refused(dense(900)), None);
        let none = refused(std::iter::empty()).unwrap();
        assert!(none.contains("in 0 of the 1,048,576"), "{none}");
        // At a line's end between two ranges, and in the midst of the last.
        let cut = refused(hashes(0..last, 1)).unwrap();
        assert!(cut.contains("in 1048575 of"), "{cut}");
        assert!(cut.contains("none in the range FFFFF"), "{cut}");
        let cut = refused(dense(900).take(BUCKETS - 1 + 850)).unwrap();
        assert!(cut.contains("the range FFFFF ends before its end"), "{cut}");
        // A file of a folder: missing, and cut.
        let missing = refused(hashes(0..7, 1).chain(hashes(8..all, 1))).unwrap();
        assert!(missing.contains("none in the range 00007"), "{missing}");
        let cut = hashes(7..8, 900).take(500);
        let cut = hashes(0..7, 900).chain(cut).chain(hashes(8..all, 1));
        let cut = refused(cut).unwrap();
        assert!(cut.contains("the range 00007 ends before its end"), "{cut}");
    }
}
