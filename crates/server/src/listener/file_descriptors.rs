//! The limit of open file descriptors. Each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a process needs besides its connections: databases, files, the log, the runtime.
const RESERVED_FDS: u64 = 256;

/// Raises the soft limit for `connections`, and returns the number of connections that the limit allows.
/// A systemd service starts with a soft limit of 1,024 and a much higher hard limit.
pub fn raise_fd_limit(connections: usize) -> usize {
    let needed = connections as u64 + RESERVED_FDS;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < needed) else {
        return connections;
    };
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let next = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, next) {
        Ok(()) => raised,
        Err(_) => current,
    };
    // If the limit is tiny, connections get half of it.
    let available = current.saturating_sub(RESERVED_FDS).max(current / 2);
    usize::try_from(available)
        .unwrap_or(connections)
        .min(connections)
}
