//! Waiting for what another process does in its own time: by looking, with a deadline.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Longer than anything takes; reached only when something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to see, and gives that.
///
/// # Panics
/// Where nothing is seen for longer than anything takes; `what` says what was waited for.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let never = || format!("it never came to this: {what}");
    wait(|| look().ok_or_else(never))
}

/// Looks until it is so, and gives what was seen then.
///
/// # Panics
/// Where it is not for longer than anything takes; with what was seen last.
#[track_caller]
pub fn until_so<T: Debug>(mut look: impl FnMut() -> T, is_so: impl Fn(&T) -> bool) -> T {
    wait(|| {
        let seen = look();
        match is_so(&seen) {
            true => Ok(seen),
            false => Err(format!("it never was, and at last it was {seen:?}")),
        }
    })
}

#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own waits, and no clock of ours moves another process"
)]
fn wait<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(never) => assert!(Instant::now() < deadline, "{never}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
