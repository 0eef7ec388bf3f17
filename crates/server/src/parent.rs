//! Whoever started this program, and when they are gone.
//!
//! For a throwaway server, which must not outlive the tests it was started for. Two signs, since
//! neither is always there: the parent process ends, and the standard input that somebody held open
//! is closed. (The kernel's own signal at a parent's death goes by the parent's thread, and threads
//! of test runners come and go.)

use std::io::stdin;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::bail;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use tokio::sync::oneshot;

/// Looks who is there now; the future ends when they are gone, and never where there is no telling. An
/// error where they are gone already.
pub fn gone() -> anyhow::Result<impl Future<Output = ()>> {
    let (told, gone) = oneshot::channel();
    let (process, input) = (process(), input());
    // Looked at last: one that ends from here on is seen by the thread.
    if input == Input::TellsNothing && is_orphan() {
        bail!(
            "whoever started this has ended, and nothing would tell it when to end: start it as a direct child of what runs the tests, or hold its standard input open"
        );
    }
    let watching = std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            if watch(process.as_ref(), input) {
                // Nobody listens where the server has ended before.
                let _ = told.send(());
            }
        });
    Ok(async move {
        // A thread that ends without a word could not tell.
        if watching.is_err() || gone.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
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
    /// It is at its end from the start, or has no other end: a terminal, `/dev/null`, a file.
    TellsNothing,
}

/// The parent process.
fn process() -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, getppid, pidfd_open};
    pidfd_open(getppid()?, PidfdFlags::empty()).ok()
}

/// Whether the parent is one that took this process in. A session goes from parent to child, so a
/// parent of another session is not the one that started this, unless this began a session of its
/// own. It says nothing where all of them share one, as they may in a container.
fn is_orphan() -> bool {
    let Some(parent) = rustix::process::getppid() else {
        return false;
    };
    let stat = |process: &str| std::fs::read_to_string(format!("/proc/{process}/stat")).ok();
    let parent = stat(&parent.as_raw_nonzero().to_string());
    let sessions = stat("self").zip(parent);
    sessions.is_some_and(|(ours, theirs)| is_taken_in(&ours, &theirs))
}

/// The same, by what `/proc/PID/stat` says of both: the number, the name in parentheses (there may be
/// more of them in it), the state, the parent, the group and the session.
fn is_taken_in(ours: &str, theirs: &str) -> bool {
    let session = |stat: &str| {
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(3).map(str::to_owned)
    };
    let began_it = |session: &str| ours.split(' ').next() == Some(session);
    match (session(ours), session(theirs)) {
        (Some(own), Some(other)) => own != other && !began_it(&own),
        _ => false,
    }
}

fn input() -> Input {
    let stdin = stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::empty())];
    let looked = poll(&mut asked, Some(&Timespec::default()));
    let is_open = looked.is_ok() && asked[0].revents().is_empty();
    // Nobody hangs up on a file or on `/dev/null`.
    let has_other_end = rustix::fs::fstat(&stdin).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::Fifo | FileType::Socket)
    });
    if is_open && has_other_end {
        Input::HeldOpen
    } else {
        Input::TellsNothing
    }
}

#[cfg(test)]
mod tests {
    use super::is_taken_in;

    #[test]
    fn a_parent_of_another_session_has_taken_it_in() {
        let ours = "812 (doorward) S 1 811 800 0 -1";
        for (theirs, is) in [
            ("1 (systemd) S 0 1 1 0 -1", true),
            ("1 (init) S 0 0 0 0 -1", true),
            ("1 (a) b (c) S 0 1 1 0 -1", true),
            // The shell that started it.
            ("811 (sh) S 800 811 800 0 -1", false),
            ("", false),
        ] {
            assert_eq!(is_taken_in(ours, theirs), is, "{theirs}");
        }
        // A service manager, or whoever starts it detached, gives it a session of its own.
        let leader = "812 (doorward) S 1 812 812 0 -1";
        assert!(!is_taken_in(leader, "1 (systemd) S 0 1 1 0 -1"));
    }
}
