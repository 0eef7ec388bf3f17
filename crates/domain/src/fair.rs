//! Fair shares of something bounded, without a share set beforehand.
//!
//! Whoever has less than is free may have one more. One alone can have half; two have a third each;
//! of any number of them that press in turns, something is always left for who comes next. Those that come
//! one after the other, each taking half of what is left, leave nothing in the end, a dozen of some
//! thousands: so whoever shares by this lets somebody who has little take the place of another.

/// Whether somebody who has `own` may have one more where `free` are left.
pub fn may_have_one_more(own: usize, free: usize) -> bool {
    own < free
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-10, H-05: however many press, the next one finds a place.
    #[test]
    fn something_is_always_left_for_a_newcomer() {
        for greedy in 1..=20 {
            let capacity = 258_usize;
            let mut had = vec![0; greedy];
            loop {
                let mut has_grown = false;
                for at in 0..greedy {
                    let free = capacity - had.iter().sum::<usize>();
                    if may_have_one_more(had[at], free) {
                        had[at] += 1;
                        has_grown = true;
                    }
                }
                if !has_grown {
                    break;
                }
            }
            let free = capacity - had.iter().sum::<usize>();
            assert!(may_have_one_more(0, free), "{greedy}");
            assert!(free >= capacity / (greedy + 1) - 1, "{greedy} leave {free}");
        }
    }
}
