//! One bucket: numbers below 2^28 in ascending order, as Golomb–Rice coded differences.
//!
//! Four bytes of a SHA-256 of the rest, one for the Rice parameter, four for how many, then the bits:
//! of each difference (less one) the quotient in zeros and a one, and the remainder as it is.

use super::{KEPT_BITS, PREFIX_BITS, sha256};

/// More in one bucket are no hashes: of a billion, there are a thousand in each.
pub(super) const MAX_COUNT: usize = 1 << 20;
/// What so many take at most.
pub(super) const MAX_BYTES: usize = 4 << 20;
const HEAD: usize = 9;
const VALUE_BITS: u32 = KEPT_BITS - PREFIX_BITS;

/// Packs the numbers, which ascend and are at least one and at most [`MAX_COUNT`].
pub(super) fn pack(values: &[u32]) -> Vec<u8> {
    let count = u32::try_from(values.len()).expect("a bucket's count was bounded");
    // About the binary logarithm of the mean difference, which is where Rice's code is shortest.
    let rice = ((1u32 << VALUE_BITS) / count).ilog2();
    let mut bits = Bits::default();
    let mut next = 0;
    for value in values {
        let difference = value - next;
        bits.zeros(difference >> rice);
        bits.push(1, 1);
        bits.push(difference & ((1 << rice) - 1), rice);
        next = value + 1;
    }
    let mut packed = vec![0; 4];
    packed.push(u8::try_from(rice).expect("at most 28"));
    packed.extend(count.to_le_bytes());
    packed.extend(bits.into_bytes());
    let sum = sha256(&packed[4..]);
    packed[..4].copy_from_slice(&sum[..4]);
    packed
}

/// Whether the number is in the packed bucket; the error says that it is damaged.
pub(super) fn has(mut packed: Vec<u8>, wanted: u32) -> Result<bool, &'static str> {
    if packed.len() < HEAD || packed[..4] != sha256(&packed[4..])[..4] {
        return Err("a bucket is damaged");
    }
    let rice = u32::from(packed[4]);
    let count = u32::from_le_bytes(packed[5..HEAD].try_into().expect("four bytes"));
    // What is written by us is whole from here on; what is not must still not read beyond its end.
    if rice > VALUE_BITS {
        return Err("a bucket is damaged");
    }
    let end = packed.len() * 8;
    packed.extend([0; 8]);
    let mut reader = Reader {
        bytes: &packed,
        at: HEAD * 8,
        end,
    };
    let mut next: u64 = 0;
    for _ in 0..count {
        let (Some(quotient), Some(rest)) = (reader.zeros(), reader.take(rice)) else {
            return Err("a bucket is damaged");
        };
        let value = next + (u64::from(quotient) << rice) + u64::from(rest);
        if value >= u64::from(wanted) {
            return Ok(value == u64::from(wanted));
        }
        next = value + 1;
    }
    Ok(false)
}

/// Bits on their way into bytes, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    /// At most 32 of them.
    fn push(&mut self, value: u32, bits: u32) {
        self.waiting = (self.waiting << bits) | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.waiting >> self.count) as u8);
        }
        self.waiting &= (1 << self.count) - 1;
    }

    fn zeros(&mut self, mut count: u32) {
        while count > 0 {
            let some = count.min(32);
            self.push(0, some);
            count -= some;
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Bits on their way out. Eight bytes more than `end` are there.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    /// The next bits, 57 of them at least.
    fn window(&self) -> Option<u64> {
        if self.at >= self.end {
            return None;
        }
        let byte = self.at / 8;
        let eight = self.bytes.get(byte..byte + 8)?;
        let eight = u64::from_be_bytes(eight.try_into().expect("eight bytes"));
        Some(eight << (self.at % 8))
    }

    /// How many zeros stand before the next one, which is read too.
    fn zeros(&mut self) -> Option<u32> {
        let mut before = 0;
        loop {
            let zeros = self.window()?.leading_zeros();
            if zeros < 57 {
                self.at += zeros as usize + 1;
                return Some(before + zeros);
            }
            before += 56;
            self.at += 56;
        }
    }

    /// At most 28 bits.
    fn take(&mut self, bits: u32) -> Option<u32> {
        if bits == 0 {
            return Some(0);
        }
        let window = self.window()?;
        self.at += bits as usize;
        Some((window >> (64 - bits)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_edges_of_a_bucket_are_kept() {
        let top = (1 << VALUE_BITS) - 1;
        for values in [
            vec![0],
            vec![top],
            vec![0, top],
            vec![0, 1, 2, top - 1, top],
        ] {
            let packed = pack(&values);
            for value in [0, 1, 2, 3, top - 2, top - 1, top] {
                let found = has(packed.clone(), value).unwrap();
                assert_eq!(found, values.contains(&value), "{values:?}: {value}");
            }
        }
    }

    /// Two bytes and a half a hash, at the length of the public list.
    #[test]
    fn a_bucket_of_a_thousand_is_small() {
        let values: Vec<u32> = (0..1000).map(|n| n * 268_000 + (n * n) % 1000).collect();
        assert!(pack(&values).len() < 2_600);
        let dense: Vec<u32> = (0..MAX_COUNT as u32).map(|n| n * 256).collect();
        assert!(pack(&dense).len() <= MAX_BYTES);
        let skewed: Vec<u32> = (0..MAX_COUNT as u32).collect();
        assert!(pack(&skewed).len() <= MAX_BYTES);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_found_and_nothing_else(
            values in prop::collection::btree_set(0u32..1 << VALUE_BITS, 1..300),
            others in prop::collection::vec(0u32..1 << VALUE_BITS, 50),
        ) {
            let sorted: Vec<u32> = values.iter().copied().collect();
            let packed = pack(&sorted);
            let near: BTreeSet<u32> = sorted.iter().flat_map(|v| [v.saturating_sub(1), *v, v + 1]).collect();
            for asked in near.into_iter().chain(others) {
                prop_assert_eq!(has(packed.clone(), asked).unwrap(), values.contains(&asked));
            }
        }

        #[test]
        fn a_damaged_bucket_is_refused(at in 0usize..40, flip in 1u8..=255) {
            let values: Vec<u32> = (0..20).map(|n| n * 1_000_003).collect();
            let mut packed = pack(&values);
            let at = at % packed.len();
            packed[at] ^= flip;
            prop_assert!(has(packed, 5).is_err());
        }

        #[test]
        fn nothing_that_is_written_there_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..100), wanted in 0u32..1 << VALUE_BITS) {
            let mut packed = sha256(&bytes)[..4].to_vec();
            packed.extend(bytes);
            let _ = has(packed, wanted);
        }
    }
}
