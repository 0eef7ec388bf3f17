//! Detects the end of the process that started this one, for an in-memory server, which must not outlive the tests it
//! was started for.
//!
//! There are two signs: the parent process ends, or a standard input that was held open is closed. (The signal that
//! Linux can send at the death of a parent depends on the thread that started the child, and test runners end
//! threads.)

use std::io::stdin;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use tokio::sync::oneshot;

/// Returns a future that completes when the parent has ended, and never if that cannot be detected.
pub fn wait_for_parent_exit() -> impl Future<Output = ()> {
    let (sender, gone) = oneshot::channel();
    let (process, input) = (process(), input());
    let watching = std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            if watch(process.as_ref(), input) {
                // The server may have stopped already.
                let _ = sender.send(());
            }
        });
    async move {
        // Never completes without the thread, or if there is nothing to watch.
        if watching.is_err() || gone.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for either sign. Does not read standard input.
fn watch(process: Option<&OwnedFd>, input: StdinKind) -> bool {
    let stdin = stdin();
    let mut signs = Vec::new();
    if let Some(process) = process {
        // A pidfd is readable once its process has ended.
        signs.push(PollFd::new(process, PollFlags::IN));
    }
    if input == StdinKind::Open {
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

/// The kind of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StdinKind {
    /// A pipe or socket whose other end is open.
    Open,
    /// Anything else: a closed pipe, a terminal, `/dev/null`, a file.
    Other,
}

/// The parent process. Other systems than Linux have no descriptor for it.
#[cfg(target_os = "linux")]
fn process() -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, getppid, pidfd_open};
    pidfd_open(getppid()?, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn process() -> Option<OwnedFd> {
    None
}

fn input() -> StdinKind {
    let stdin = stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::empty())];
    let looked = poll(&mut asked, Some(&Timespec::default()));
    let is_open = looked.is_ok() && asked[0].revents().is_empty();
    // Files and `/dev/null` are never closed.
    let has_other_end = rustix::fs::fstat(&stdin).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::Fifo | FileType::Socket)
    });
    if is_open && has_other_end {
        StdinKind::Open
    } else {
        StdinKind::Other
    }
}
