//! Waiting for what another process does in its own time: by looking, with a deadline.

use std::time::{Duration, Instant};

/// Longer than anything takes; reached only when something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to see, and gives that.
///
/// # Panics
/// Where nothing is seen for longer than anything takes; `what` says what was waited for.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own waits, and no clock of ours moves another process"
)]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
