//! Connections between two mails, kept for a while so that the next one need not open its own.
//!
//! Must not know how a connection is opened or used. Why not the library's pool: it takes a
//! connection back when a send is cancelled by a time limit, in the middle of a dialogue, and
//! then reads the late answer to one mail as the answer to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::session::Session;

/// Keeps sessions.
pub(super) struct Idle {
    kept: Arc<Mutex<Kept>>,
    keep_for: Duration,
    /// Its task ends with it.
    sweeper: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Kept {
    newest_last: Vec<(Instant, Session)>,
    is_swept: bool,
}

impl Idle {
    pub fn new(keep_for: Duration) -> Self {
        Self {
            kept: Arc::default(),
            keep_for,
            sweeper: Mutex::default(),
        }
    }

    /// A session that just answered, if any. Where one turns out to be dead, so most likely are
    /// those that lay here longer: they go too, so that nobody waits for each in turn.
    pub async fn take(&self) -> Option<Session> {
        let (since, mut session) = lock(&self.kept).newest_last.pop()?;
        if since.elapsed() < self.keep_for && session.reset().await.is_ok() {
            return Some(session);
        }
        lock(&self.kept)
            .newest_last
            .retain(|(kept_since, _)| *kept_since > since);
        None
    }

    /// Keeps a session whose last dialogue is complete.
    pub fn keep(&self, session: Session) {
        let mut kept = lock(&self.kept);
        kept.newest_last.push((Instant::now(), session));
        if !kept.is_swept {
            kept.is_swept = true;
            let mut sweeper = lock(&self.sweeper);
            // The last one has ended, or is about to: it said so under the same lock.
            while sweeper.try_join_next().is_some() {}
            sweeper.spawn(sweep(Arc::clone(&self.kept), self.keep_for));
        }
    }
}

/// Takes leave of sessions that nobody came for, until there are none.
async fn sweep(kept: Arc<Mutex<Kept>>, keep_for: Duration) {
    loop {
        let oldest = {
            let mut kept = lock(&kept);
            let Some((since, _)) = kept.newest_last.first() else {
                kept.is_swept = false;
                return;
            };
            *since
        };
        sleep_until(oldest + keep_for).await;
        let expired: Vec<_> = {
            let mut kept = lock(&kept);
            let count = kept
                .newest_last
                .partition_point(|(since, _)| since.elapsed() >= keep_for);
            kept.newest_last.drain(..count).collect()
        };
        for (_, session) in expired {
            session.quit().await;
        }
    }
}

/// No step under a lock can leave a list half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
