//! Background tasks: mail, last-seen times of sessions, expired records, signing keys, the certificate,
//! the clock and the audit log.
//!
//! Each task repeats a run and a wait. A run that fails is logged, counted and repeated.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::Error;
use doorward_domain::audit::Checkpoint;
use doorward_domain::ctx::Actor;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::listener::reloading::Keeper;
use crate::system::Comparison;
use crate::wiring::Wired;

/// Interval between checks of the outbox if no new mail is reported.
const MAIL_EVERY: Duration = Duration::from_secs(1);
/// Number of mails that are sent at a time, each by a separate task.
const MAILS_AT_ONCE: usize = 4;
/// Time for a mail that is being sent when the server stops.
const SEND_GRACE: Duration = Duration::from_secs(5);
const SEEN_EVERY: Duration = Duration::from_secs(5);
const KEYS_EVERY: Duration = Duration::from_secs(60);
/// Interval between checks for keys that another node revoked: a revoked key is rejected everywhere
/// within a second.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const CLOCK_EVERY: Duration = Duration::from_secs(30);
const SEAL_EVERY: Duration = Duration::from_secs(5);
/// How often the log of the audit is let go and erased from, in turns of sealing.
const KEEP_EVERY: u32 = 12;
/// How often a checkpoint of the audit log goes into the log, at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);

const MAIL: &str = "mail";
const LAST_SEEN: &str = "last-seen";
const KEYS: &str = "keys";
const KEY_POLL: &str = "key-poll";
const SWEEP: &str = "sweep";
const CLOCK: &str = "clock";
const AUDIT: &str = "audit";
const CERTIFICATE: &str = "certificate";
/// Names of the tasks, in the log and in metrics.
pub const TASKS: [&str; 8] = [
    MAIL,
    LAST_SEEN,
    KEYS,
    KEY_POLL,
    SWEEP,
    CLOCK,
    AUDIT,
    CERTIFICATE,
];

/// Starts the tasks. Each ends after its current run when `stop` becomes true.
pub fn start(wired: &Arc<Wired>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..MAILS_AT_ONCE {
        tasks.spawn(supervise(MAIL, wired.clone(), stop.clone(), deliver_mail));
    }
    tasks.spawn(supervise(
        LAST_SEEN,
        wired.clone(),
        stop.clone(),
        write_last_seen,
    ));
    tasks.spawn(supervise(KEYS, wired.clone(), stop.clone(), keep_keys));
    tasks.spawn(supervise(
        KEY_POLL,
        wired.clone(),
        stop.clone(),
        follow_keys,
    ));
    tasks.spawn(supervise(SWEEP, wired.clone(), stop.clone(), sweep));
    tasks.spawn(supervise(CLOCK, wired.clone(), stop.clone(), keep_time));
    tasks.spawn(supervise(AUDIT, wired.clone(), stop.clone(), keep_audit));
    tasks
}

/// Starts the task that reloads the certificate's files.
pub fn keep_certificate(
    tasks: &mut JoinSet<()>,
    wired: &Arc<Wired>,
    stop: &watch::Receiver<bool>,
    keeper: Keeper,
) {
    let keeper = Arc::new(Mutex::new(keeper));
    let task = move |_, mut stop: watch::Receiver<bool>| {
        let keeper = keeper.clone();
        async move {
            let mut keeper = keeper.lock().await;
            tokio::select! {
                () = keeper.keep() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    };
    tasks.spawn(supervise(CERTIFICATE, wired.clone(), stop.clone(), task));
}

/// Runs a task and restarts it after a panic (L-04).
async fn supervise<D, F>(
    name: &'static str,
    wired: Arc<Wired>,
    stop: watch::Receiver<bool>,
    task: D,
) where
    D: Fn(Arc<Wired>, watch::Receiver<bool>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let begin = || task(wired.clone(), stop.clone());
    again_after_panics(name, begin, || failed(&wired, name), stop.clone()).await;
}

async fn again_after_panics<F>(
    name: &'static str,
    begin: impl Fn() -> F,
    failed: impl Fn(),
    mut stop: watch::Receiver<bool>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(error) = tokio::spawn(begin()).await {
        tracing::error!(task = name, %error, "worker task panicked; restarting it");
        failed();
        if pause(MAIL_EVERY, &mut stop).await {
            return;
        }
    }
}

async fn deliver_mail(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let ctx = wired.ctx(Actor::Worker);
        let turn = tokio::select! {
            turn = wired.accounts.deliver_mail(&ctx, 1) => turn,
            () = grace_after_stop(stop.clone()) => return,
        };
        match turn {
            Ok(delivered) if !delivered.is_empty() => continue,
            Ok(_) => {}
            Err(error) => {
                failed(&wired, MAIL);
                tracing::error!(
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "mail task failed"
                );
            }
        }
        tokio::select! {
            _ = timeout(MAIL_EVERY, wired.accounts.mail_waiting()) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn grace_after_stop(mut stop: watch::Receiver<bool>) {
    // An error means that the server is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
    sleep(SEND_GRACE).await;
}

/// Returns the leases on mails whose sending was cut off, so that they need not wait for their end.
pub async fn return_mail_leases(wired: &Wired) {
    match timeout(SEND_GRACE, wired.accounts.return_mail_leases()).await {
        Ok(Ok(0)) => {}
        Ok(Ok(_)) => tracing::warn!("stopped while sending a mail; it will be retried"),
        Ok(Err(error)) => tracing::warn!(
            error = format!("{:#}", anyhow::Error::from(error)),
            "failed to return mail leases"
        ),
        Err(_) => tracing::warn!("failed to return mail leases in time"),
    }
}

async fn write_last_seen(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    loop {
        let is_last = pause(SEEN_EVERY, &mut stop).await;
        if let Err(error) = wired.accounts.write_last_seen().await {
            failed(&wired, LAST_SEEN);
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "failed to write last-seen times of sessions"
            );
        }
        if is_last {
            return;
        }
    }
}

async fn keep_keys(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    while !pause(KEYS_EVERY, &mut stop).await {
        if !wired.clock.is_trusted() {
            continue;
        }
        if let Err(error) = wired.accounts.ensure_keys(&wired.ctx(Actor::Worker)).await {
            failed(&wired, KEYS);
            tracing::error!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "signing-key task failed"
            );
        }
    }
}

/// Logs at debug level: other tasks report a store that is down, and less often.
async fn follow_keys(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    while !pause(FOLLOW_EVERY, &mut stop).await {
        if let Err(error) = wired.accounts.follow_keys().await {
            failed(&wired, KEY_POLL);
            tracing::debug!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "failed to poll for revoked keys"
            );
        }
    }
}

async fn sweep(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    loop {
        if !wired.clock.is_trusted() {
            tracing::warn!("sweep skipped: the clock was just adjusted by a large step");
        } else if let Err(error) = wired.accounts.sweep(&wired.ctx(Actor::Worker)).await {
            failed(&wired, SWEEP);
            tracing::error!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "failed to delete expired records"
            );
        }
        if pause(SWEEP_EVERY, &mut stop).await {
            return;
        }
    }
}

/// Seals the audit log, and now and then says where it stands, so that logs which are shipped
/// elsewhere anchor its end (L-01, L-03).
async fn keep_audit(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    let mut told_at: Option<Instant> = None;
    let mut untold = None;
    let mut turns = 0;
    loop {
        let is_last = pause(SEAL_EVERY, &mut stop).await;
        tell_left_out(&wired).await;
        let sealed = seal_audit(&wired).await;
        let newest = tell_failed(&wired, sealed, "the audit log could not be sealed");
        untold = newest.flatten().or(untold);
        if turns % KEEP_EVERY == 0 {
            keep_log(&wired).await;
        }
        turns += 1;
        let is_due = told_at.is_none_or(|told_at| told_at.elapsed() >= CHECKPOINT_EVERY);
        if (is_due || is_last)
            && let Some(checkpoint) = untold.take()
        {
            told_at = Some(Instant::now());
            tracing::info!(
                audit.checkpoint = %checkpoint,
                "the audit log is sealed up to here"
            );
        }
        if is_last {
            return;
        }
    }
}

/// Seals what is left, however young: nobody may be there to do it later (L-01). For a server that
/// stops, once nobody writes any more, and for a command that has written.
pub async fn seal_rest(wired: &Wired) {
    let ctx = wired.ctx(Actor::Worker);
    if let Err(error) = wired.accounts.tell_all_left_out(&ctx).await {
        not_told(error);
    }
    match wired.accounts.seal_rest_of_audit(&ctx).await {
        Ok(turn) => {
            if let Some(checkpoint) = turn.newest {
                tracing::info!(
                    audit.checkpoint = %checkpoint,
                    "the audit log is sealed up to here"
                );
            }
        }
        Err(error) => tracing::warn!(
            error = format!("{:#}", anyhow::Error::from(error)),
            "the end of the audit log could not be sealed; the next server that runs does it"
        ),
    }
}

/// How many lines the audit log's cap has left out (L-01).
async fn tell_left_out(wired: &Wired) {
    if let Err(error) = wired
        .accounts
        .tell_left_out(&wired.ctx(Actor::Worker))
        .await
    {
        failed(wired, AUDIT);
        not_told(error);
    }
}

fn not_told(error: Error) {
    tracing::warn!(
        error = format!("{:#}", anyhow::Error::from(error)),
        "the audit log does not say yet how many lines it has left out"
    );
}

async fn seal_audit(wired: &Wired) -> Result<Option<Checkpoint>, Error> {
    let ctx = wired.ctx(Actor::Worker);
    Ok(wired.accounts.seal_audit(&ctx).await?.newest)
}

/// What does not belong on the log's tables is told; whoever is deleted is forgotten, and so is what has been
/// kept long enough. Each is tried whatever became of the others, or who puts a trigger there would hush the
/// word of it by another (L-01).
async fn keep_log(wired: &Wired) {
    let triggers = wired.accounts.audit_triggers().await;
    let what = "what stands on the tables of the audit log could not be asked";
    for trigger in tell_failed(wired, triggers, what).into_iter().flatten() {
        failed(wired, AUDIT);
        tracing::error!(
            trigger,
            "somebody has put this on a table of the audit log in the database, by which lines can be kept out of it: look at it there, drop it, and change who may write to the database"
        );
    }
    if !wired.clock.is_trusted() {
        return;
    }
    let ctx = wired.ctx(Actor::Worker);
    let erased = wired.accounts.erase_from_audit(&ctx).await;
    let what = "addresses of deleted accounts could not be erased from the audit log";
    tell_failed(wired, erased, what);
    let let_go = wired.accounts.let_audit_go(&ctx).await;
    let what = "what the audit log has kept long enough could not be let go";
    tell_failed(wired, let_go, what);
}

/// What came of it, if anything did.
fn tell_failed<T>(wired: &Wired, done: Result<T, Error>, what: &'static str) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            failed(wired, AUDIT);
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::error!(error, "{what}");
            None
        }
    }
}

/// The first comparison is made at the start (`wiring`).
async fn keep_time(wired: Arc<Wired>, mut stop: watch::Receiver<bool>) {
    while !pause(CLOCK_EVERY, &mut stop).await {
        match wired.clock.follow(wired.accounts.server_time()).await {
            Ok(Comparison::InStep) => {}
            Ok(Comparison::Moved) => wired.accounts.time_was_moved(),
            Err(error) => {
                failed(&wired, CLOCK);
                tracing::debug!(
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "failed to read the database's clock"
                );
            }
        }
    }
}

/// Counts a failed run.
fn failed(wired: &Wired, task: &'static str) {
    if let Some(figures) = &wired.figures {
        figures.task_failed(task);
    }
}

/// Waits. Returns `true` if the server stops.
async fn pause(time: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    if *stop.borrow() {
        return true;
    }
    tokio::select! {
        () = sleep(time) => {}
        _ = stop.changed() => {}
    }
    *stop.borrow()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// L-04: a task that panics is counted and restarted until the server stops.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_restarted() {
        let (begun, told) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
        let (_stopper, stop) = watch::channel(false);
        let begin = || {
            let turn = begun.fetch_add(1, Ordering::SeqCst);
            async move { assert!(turn >= 2, "its turn goes wrong") }
        };
        let count = || {
            told.fetch_add(1, Ordering::SeqCst);
        };
        again_after_panics(MAIL, begin, count, stop).await;
        let seen = (begun.load(Ordering::SeqCst), told.load(Ordering::SeqCst));
        assert_eq!(seen, (3, 2));
    }

    /// L-04: a task that always panics does not keep the server from stopping.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_always_panics_ends_with_the_server() {
        let begun = AtomicU32::new(0);
        let (stopper, stop) = watch::channel(false);
        let begin = || {
            if begun.fetch_add(1, Ordering::SeqCst) == 4 {
                stopper.send_replace(true);
            }
            async { panic!("its turn goes wrong") }
        };
        again_after_panics(SWEEP, begin, || (), stop).await;
        assert_eq!(begun.load(Ordering::SeqCst), 5);
    }
}
