//! Waits for another process, by polling with a deadline.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Time limit, longer than anything takes; reached only if something is broken.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Polls until `look` returns a value, and returns it.
///
/// # Panics
/// If there is none within the time limit; `what` describes it in the message.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let never = || format!("it never came to this: {what}");
    wait(|| look().ok_or_else(never))
}

/// Polls until a value meets the condition, and returns it.
///
/// # Panics
/// If none does within the time limit; the message contains the last one.
#[track_caller]
pub fn wait_until<T: Debug>(mut look: impl FnMut() -> T, is_so: impl Fn(&T) -> bool) -> T {
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
    reason = "a separate thread waits, and a test clock does not move another process"
)]
fn wait<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(never) => assert!(Instant::now() < deadline, "{never}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
