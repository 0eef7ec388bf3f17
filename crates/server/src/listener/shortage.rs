//! Connections that cannot be accepted, mostly for want of file descriptors.
//!
//! It lasts, and is tried again ten times a second: the log says when it begins and when it is over.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

/// How long to wait before the next try: some descriptors come back meanwhile.
pub const PAUSE: Duration = Duration::from_millis(100);
/// It is over when nothing has failed for so long; short of descriptors, one goes and one comes.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// What a process needs beside its connections: databases, files, the log, threads of the runtime.
const RESERVE: u64 = 256;

/// How many descriptors so many connections need.
pub fn needed(connections: usize) -> u64 {
    connections as u64 + RESERVE
}

/// Asks the system for descriptors for so many connections; for how many there are any. A service
/// begins with 1,024 for the sake of old programs, and may have as many as its hard limit says.
pub fn allow(connections: usize) -> usize {
    let wanted = needed(connections);
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else {
        return connections;
    };
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let next = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, next) {
        Ok(()) => raised,
        Err(_) => current,
    };
    // Half of what is very little.
    let left = current.saturating_sub(RESERVE).max(current / 2);
    usize::try_from(left)
        .unwrap_or(connections)
        .min(connections)
}

/// Whether it was one connection's own: it is gone, and the next may be fine (accept(2)). What a firewall forbids is not
/// among them: the same error is that of a process that may accept none at all.
pub fn is_of_one(error: &io::Error) -> bool {
    let gone = [
        Errno::CONNABORTED,
        Errno::CONNRESET,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::TIMEDOUT,
        #[cfg(target_os = "linux")]
        Errno::NONET,
    ];
    Errno::from_io_error(error).is_some_and(|error| gone.contains(&error))
}

/// Whether there would be one if somebody went.
pub fn is_of_files(error: &io::Error) -> bool {
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| short.contains(&error))
}

/// How it stands.
#[derive(Debug, Default)]
pub struct Shortage(Option<Failures>);

#[derive(Debug)]
struct Failures {
    began: Instant,
    last: Instant,
}

impl Shortage {
    /// One could not be accepted.
    pub fn failed(&mut self, error: &io::Error) {
        let now = Instant::now();
        match &mut self.0 {
            Some(failures) => failures.last = now,
            None => {
                tracing::error!(%error, "connections cannot be accepted; they wait, and this is said once. Where it is for want of file descriptors, allow this process more (LimitNOFILE= of the service, or `ulimit -n`)");
                self.0 = Some(Failures {
                    began: now,
                    last: now,
                });
            }
        }
    }

    /// One was.
    pub fn accepted(&mut self) {
        if let Some(failures) = &self.0
            && failures.last.elapsed() >= OVER_AFTER
        {
            let seconds = failures.last.duration_since(failures.began).as_secs();
            tracing::info!(seconds, "connections are accepted again");
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::heard::Heard;

    /// H-05: who waits makes room where files are short, and not for a connection that was gone.
    #[test]
    fn what_is_short_is_told_from_what_is_gone() {
        for (error, is_one, is_short) in [
            (Errno::MFILE, false, true),
            (Errno::NFILE, false, true),
            (Errno::NOMEM, false, true),
            (Errno::CONNABORTED, true, false),
            (Errno::PROTO, true, false),
            (Errno::HOSTUNREACH, true, false),
            #[cfg(target_os = "linux")]
            (Errno::NONET, true, false),
            // Of the socket itself, for good, or it may be.
            (Errno::PERM, false, false),
            (Errno::INVAL, false, false),
            (Errno::OPNOTSUPP, false, false),
        ] {
            let found = io::Error::from(error);
            assert_eq!(
                (is_of_one(&found), is_of_files(&found)),
                (is_one, is_short),
                "{error}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_said_when_it_begins_and_when_it_is_over() {
        let heard = Heard::default();
        let _hearing = heard.hear();
        let mut shortage = Shortage::default();
        let error = io::Error::from_raw_os_error(24);
        shortage.accepted();
        for _ in 0..2 {
            for _ in 0..50 {
                shortage.failed(&error);
                tokio::time::advance(PAUSE).await;
                // One comes back for a moment.
                shortage.accepted();
            }
            tokio::time::advance(OVER_AFTER).await;
            shortage.accepted();
            shortage.accepted();
        }
        assert_eq!(heard.count("cannot be accepted"), 2, "{heard:?}");
        assert_eq!(heard.count("accepted again"), 2, "{heard:?}");
    }
}
