//! Whoever started this program, and when they are gone.
//!
//! For a throwaway server, which must not outlive the tests it was started for. Two signs, since
//! neither is always there: the parent process ends, and the standard input that somebody held open
//! is closed. (The kernel's own signal at a parent's death goes by the parent's thread, and threads
//! of test runners come and go.)

use std::io::{IsTerminal, stdin};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::oneshot;

/// Looks who is there now; the future ends when they are gone, and never where there is no telling.
pub fn gone() -> impl Future<Output = ()> {
    let (told, gone) = oneshot::channel();
    let (process, input) = (process(), input());
    let watching = std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            if watch(process.as_ref(), input) {
                // Nobody listens where the server has ended before.
                let _ = told.send(());
            }
        });
    async move {
        // A thread that ends without a word could not tell.
        if watching.is_err() || gone.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for either sign. What is written to standard input is left where it is: it may be meant for
/// somebody else.
fn watch(process: Option<&OwnedFd>, input: Input) -> bool {
    let stdin = stdin();
    let mut signs = Vec::new();
    if let Some(process) = process {
        // A process can be read from when it has ended.
        signs.push(PollFd::new(process, PollFlags::IN));
    }
    if input == Input::HeldOpen {
        signs.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty()));
    }
    if signs.is_empty() {
        return false;
    }
    loop {
        match poll(&mut signs, None) {
            Err(Errno::INTR) => {}
            outcome => return outcome.is_ok(),
        }
    }
}

/// What standard input is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// Somebody may hold its other end.
    HeldOpen,
    /// It is at its end from the start, or is a terminal.
    TellsNothing,
}

/// The parent process.
fn process() -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, getppid, pidfd_open};
    pidfd_open(getppid()?, PidfdFlags::empty()).ok()
}

fn input() -> Input {
    let stdin = stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::empty())];
    let looked = poll(&mut asked, Some(&Timespec::default()));
    if looked.is_ok() && asked[0].revents().is_empty() && !stdin.is_terminal() {
        Input::HeldOpen
    } else {
        Input::TellsNothing
    }
}
