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
        format!("{:016x}{count:016x}", self.process)
    }
}
