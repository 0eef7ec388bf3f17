//! Names of requests, which join an answer, its log line and its audit line.
//!
//! They need be unique, not secret: 64 random bits of this process and a count, so that no request
//! asks the system for chance.

use std::sync::atomic::{AtomicU64, Ordering};

use doorward_domain::ports::Secrets;

pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(secrets: &dyn Secrets) -> Self {
        let mut bytes = [0; 8];
        secrets.fill(&mut bytes);
        Self {
            process: u64::from_le_bytes(bytes),
            count: AtomicU64::new(1),
        }
    }

    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = (u128::from(self.process) << 64) | u128::from(count);
        // Faster than `format!`, and asked for by every request.
        let digit = |at: u32| b"0123456789abcdef"[(id >> (124 - 4 * at)) as usize & 15];
        (0..32).map(|at| char::from(digit(at))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_process_and_the_count() {
        let ids = RequestIds {
            process: 0x0123_4567_89ab_cdef,
            count: AtomicU64::new(0xfff),
        };
        assert_eq!(ids.next(), "0123456789abcdef0000000000000fff");
        assert_eq!(ids.next(), "0123456789abcdef0000000000001000");
    }
}
