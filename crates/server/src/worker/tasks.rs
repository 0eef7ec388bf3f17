//! Names of the background tasks, in the log and in metrics.

pub const MAIL: &str = "mail";
pub const LAST_SEEN: &str = "last-seen";
pub const KEYS: &str = "keys";
pub const KEY_POLL: &str = "key-poll";
pub const SWEEP: &str = "sweep";
pub const CLOCK: &str = "clock";
pub const AUDIT: &str = "audit";
pub const TOTALS: &str = "totals";
pub const NODES: &str = "nodes";
pub const CERTIFICATE: &str = "certificate";
/// All of them.
pub const TASKS: [&str; 10] = [
    MAIL,
    LAST_SEEN,
    KEYS,
    KEY_POLL,
    SWEEP,
    CLOCK,
    AUDIT,
    TOTALS,
    NODES,
    CERTIFICATE,
];
