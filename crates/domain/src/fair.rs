//! Fair shares of a bounded resource, without a fixed share for each owner.
//!
//! An owner may take one more if it has less than is free. A single owner can take half, and two owners a third
//! each. Any number of owners that take turns leave something for a new one. Owners that come one after the other,
//! each taking half of the remainder, leave nothing: a dozen of them use up some thousands. A caller must
//! therefore also let an owner with little replace an entry of another.

/// Returns `true` if an owner that has `own` may take one more while `free` are left.
pub fn may_have_one_more(own: usize, free: usize) -> bool {
    own < free
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-10, H-05: any number of owners leaves something for a new one.
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
