//! Background tasks: mail, last-seen times of sessions, expired records, signing keys, the certificate,
//! the clock, the audit log, the totals and the list of nodes.
//!
//! Each task repeats a run and a wait. A run that fails is logged, counted and repeated.

#[cfg(feature = "aws")]
pub mod once;
pub mod tasks;

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::Error;
use doorward_domain::audit::CheckpointId;
use doorward_domain::ctx::Actor;
use doorward_domain::error::chain;
use doorward_domain::model::Node;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::system::{SyncResult, host_name};
use crate::tls::certificate_reload::CertificateReloader;
use crate::wiring::Components;

use tasks::{AUDIT, CERTIFICATE, CLOCK, KEY_POLL, KEYS, LAST_SEEN, MAIL, NODES, SWEEP, TOTALS};

/// Interval between checks of the outbox by the tasks together, if no new mail is reported.
const MAIL_INTERVAL: Duration = Duration::from_millis(2800);
/// Wait before a task that panicked begins again.
const RESTART_INTERVAL: Duration = Duration::from_secs(1);
/// Number of mails that are sent at a time, each by a separate task.
const MAILS_AT_ONCE: usize = 4;
/// Time for a mail that is being sent when the server stops.
const SEND_GRACE: Duration = Duration::from_secs(5);
const LAST_SEEN_INTERVAL: Duration = Duration::from_secs(5);
const KEYS_INTERVAL: Duration = Duration::from_secs(60);
/// Interval between checks for keys that another node revoked: a revoked key is rejected everywhere
/// within a second.
const KEY_POLL_INTERVAL: Duration = Duration::from_millis(800);
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
const CLOCK_INTERVAL: Duration = Duration::from_secs(30);
const SEAL_INTERVAL: Duration = Duration::from_secs(5);
/// Number of seals between two prunings of the audit log: ten minutes.
const PRUNE_EVERY: u32 = 120;
/// Interval of logging a checkpoint and writing the counts of suppressed events.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(600);
const TOTALS_INTERVAL: Duration = Duration::from_secs(60);
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
const SUPPRESSED_FAILED: &str = "failed to write the count of suppressed audit events";

/// Starts the tasks of this node. Each ends after its current run when `stop` becomes true.
pub fn start(
    components: &Arc<Components>,
    node: &Arc<Node>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let turn = Arc::new(Mutex::new(()));
    for _ in 0..MAILS_AT_ONCE {
        let turn = turn.clone();
        let task = move |components, stop| mail_task(components, turn.clone(), stop);
        add(&mut tasks, MAIL, components, stop, task);
    }
    add(&mut tasks, LAST_SEEN, components, stop, last_seen_task);
    add(&mut tasks, KEYS, components, stop, keys_task);
    add(&mut tasks, KEY_POLL, components, stop, key_poll_task);
    add(&mut tasks, SWEEP, components, stop, sweep_task);
    add(&mut tasks, CLOCK, components, stop, clock_task);
    add(&mut tasks, AUDIT, components, stop, audit_task);
    add(&mut tasks, TOTALS, components, stop, totals_task);
    let node = node.clone();
    let report = move |components, stop| nodes_task(components, node.clone(), stop);
    add(&mut tasks, NODES, components, stop, report);
    tasks
}

/// Starts the task that reloads the certificate's files.
pub fn start_certificate_task(
    tasks: &mut JoinSet<()>,
    components: &Arc<Components>,
    stop: &watch::Receiver<bool>,
    reloader: CertificateReloader,
) {
    let reloader = Arc::new(Mutex::new(reloader));
    let task = move |_, mut stop: watch::Receiver<bool>| {
        let reloader = reloader.clone();
        async move {
            let mut reloader = reloader.lock().await;
            tokio::select! {
                () = reloader.run() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    };
    add(tasks, CERTIFICATE, components, stop, task);
}

fn add<D, F>(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    components: &Arc<Components>,
    stop: &watch::Receiver<bool>,
    task: D,
) where
    D: Fn(Arc<Components>, watch::Receiver<bool>) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (components, stop) = (components.clone(), stop.clone());
    tasks.spawn(async move {
        let begin = || task(components.clone(), stop.clone());
        restart_after_panics(
            name,
            begin,
            || record_failure(&components, name),
            stop.clone(),
        )
        .await;
    });
}

/// Runs a task and restarts it after a panic (L-04).
async fn restart_after_panics<F>(
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
        if wait(RESTART_INTERVAL, &mut stop).await {
            return;
        }
    }
}

/// The tasks take turns in checking the outbox.
async fn mail_task(
    components: Arc<Components>,
    turn: Arc<Mutex<()>>,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let ctx = components.ctx(Actor::Worker);
        let run = tokio::select! {
            run = components.doorward.outbox.deliver(&ctx, 1) => run,
            () = grace_after_stop(stop.clone()) => return,
        };
        match run {
            Ok(delivered) if !delivered.is_empty() => continue,
            Ok(_) => {}
            Err(error) => {
                record_failure(&components, MAIL);
                tracing::error!(error = chain(&error), "mail task failed");
            }
        }
        tokio::select! {
            () = components.doorward.outbox.mail_enqueued() => {}
            () = next_turn(&turn) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Waits until it is this task's turn, one after another at the interval. A task that sends a mail does not delay the turns
/// of the others.
async fn next_turn(turn: &Mutex<()>) {
    let _turn = turn.lock().await;
    sleep(MAIL_INTERVAL).await;
}

async fn grace_after_stop(mut stop: watch::Receiver<bool>) {
    // An error means that the sender was dropped, so the server has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
    sleep(SEND_GRACE).await;
}

/// Returns the leases on mails whose sending was cut off, so that they need not wait for their end.
pub async fn return_mail_leases(components: &Components) {
    match timeout(SEND_GRACE, components.doorward.outbox.release_leases()).await {
        Ok(Ok(0)) => {}
        Ok(Ok(_)) => tracing::warn!("stopped while sending a mail; it will be retried"),
        Ok(Err(error)) => tracing::warn!(error = chain(&error), "failed to return mail leases"),
        Err(_) => tracing::warn!("failed to return mail leases in time"),
    }
}

async fn last_seen_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    loop {
        let is_last = wait(LAST_SEEN_INTERVAL, &mut stop).await;
        if let Err(error) = components.doorward.last_seen.write().await {
            record_failure(&components, LAST_SEEN);
            tracing::warn!(
                error = chain(&error),
                "failed to write last-seen times of sessions"
            );
        }
        if is_last {
            return;
        }
    }
}

async fn keys_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    while !wait(KEYS_INTERVAL, &mut stop).await {
        if !components.clock.is_trusted() {
            continue;
        }
        if let Err(error) = components
            .doorward
            .keys
            .ensure(&components.ctx(Actor::Worker))
            .await
        {
            record_failure(&components, KEYS);
            tracing::error!(error = chain(&error), "signing-key task failed");
        }
    }
}

/// Logs at debug level: other tasks report a store that is down, and less often.
async fn key_poll_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    while !wait(KEY_POLL_INTERVAL, &mut stop).await {
        if let Err(error) = components.doorward.keys.poll().await {
            record_failure(&components, KEY_POLL);
            tracing::debug!(error = chain(&error), "failed to poll for revoked keys");
        }
    }
}

async fn sweep_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    loop {
        if !components.clock.is_trusted() {
            tracing::warn!("sweep skipped: the clock was just adjusted by a large step");
        } else if let Err(error) = components
            .doorward
            .housekeeping
            .sweep(&components.ctx(Actor::Worker))
            .await
        {
            record_failure(&components, SWEEP);
            tracing::error!(error = chain(&error), "failed to delete expired records");
        }
        if wait(SWEEP_INTERVAL, &mut stop).await {
            return;
        }
    }
}

/// Seals the audit log and prunes old events. Logs a checkpoint now and then, so that logs which are
/// shipped elsewhere show whether the end of the audit log was removed (L-01, L-03).
async fn audit_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    let mut reported_at: Option<Instant> = None;
    let mut newest = None;
    let mut runs = 0;
    loop {
        let is_last = wait(SEAL_INTERVAL, &mut stop).await;
        let ctx = components.ctx(Actor::Worker);
        match components.doorward.audit_chain.seal(&ctx).await {
            Ok(sealed) => newest = sealed.newest.or(newest),
            Err(error) => audit_failed(&components, error, "failed to seal the audit log"),
        }
        if runs % PRUNE_EVERY == 0
            && components.clock.is_trusted()
            && let Err(error) = components.doorward.audit_chain.prune(&ctx).await
        {
            audit_failed(&components, error, "failed to prune the audit log");
        }
        runs += 1;
        let is_due = reported_at.is_none_or(|at| at.elapsed() >= CHECKPOINT_INTERVAL);
        if is_due || is_last {
            if let Err(error) = components
                .doorward
                .housekeeping
                .write_suppressed(&ctx)
                .await
            {
                audit_failed(&components, error, SUPPRESSED_FAILED);
            }
            if let Some(checkpoint) = newest.take() {
                log_checkpoint(&checkpoint);
                reported_at = Some(Instant::now());
            }
        }
        if is_last {
            return;
        }
    }
}

/// Seals all events. For a server that stops, after the last request, and for a command.
pub async fn seal_remaining(components: &Components) {
    let ctx = components.ctx(Actor::Worker);
    if let Err(error) = components
        .doorward
        .housekeeping
        .write_suppressed(&ctx)
        .await
    {
        audit_failed(components, error, SUPPRESSED_FAILED);
    }
    match components.doorward.audit_chain.seal_all(&ctx).await {
        Ok(sealed) => sealed.newest.iter().for_each(log_checkpoint),
        Err(error) => tracing::warn!(
            error = chain(&error),
            "failed to seal the end of the audit log; the next start does it"
        ),
    }
}

fn log_checkpoint(checkpoint: &CheckpointId) {
    tracing::info!(audit.checkpoint = %checkpoint, "audit log sealed");
}

fn audit_failed(components: &Components, error: Error, message: &'static str) {
    record_failure(components, AUDIT);
    let error = chain(&error);
    tracing::error!(error, "{message}");
}

async fn totals_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    while !wait(TOTALS_INTERVAL, &mut stop).await {
        write_totals(&components).await;
    }
}

/// Writes what this node has counted. A server that stops does it after the last request.
pub async fn write_totals(components: &Components) {
    if let Err(error) = components.doorward.totals.write(&host_name()).await {
        record_failure(components, TOTALS);
        tracing::warn!(error = chain(&error), "failed to write the totals");
    }
}

/// This process, in the list of nodes.
pub fn this_node(components: &Components) -> Node {
    let now = components.doorward.now();
    Node {
        name: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: now,
        seen_at: now,
    }
}

async fn nodes_task(components: Arc<Components>, node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = components.doorward.nodes.report(&node).await {
            record_failure(&components, NODES);
            tracing::warn!(
                error = chain(&error),
                "failed to report that this node runs"
            );
        }
        if wait(REPORT_INTERVAL, &mut stop).await {
            return;
        }
    }
}

/// Removes this node from the list, when it stops.
pub async fn remove_node(components: &Components, node: &Node) {
    if let Err(error) = components.doorward.nodes.remove(node).await {
        tracing::warn!(
            error = chain(&error),
            "failed to remove this node from the list"
        );
    }
}

/// The first comparison is done at the start (`wiring`).
async fn clock_task(components: Arc<Components>, mut stop: watch::Receiver<bool>) {
    while !wait(CLOCK_INTERVAL, &mut stop).await {
        match components
            .clock
            .follow(components.doorward.housekeeping.server_time())
            .await
        {
            Ok(SyncResult::InSync) => {}
            Ok(SyncResult::Stepped) => components.doorward.session_check.on_clock_adjusted(),
            Err(error) => {
                record_failure(&components, CLOCK);
                tracing::debug!(error = chain(&error), "failed to read the database's clock");
            }
        }
    }
}

/// Counts a failed run.
fn record_failure(components: &Components, task: &'static str) {
    if let Some(metrics) = &components.metrics {
        metrics.task_failed(task);
    }
}

/// Waits. Returns `true` if the server stops.
async fn wait(time: Duration, stop: &mut watch::Receiver<bool>) -> bool {
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
        let (begun, failures) = (Arc::new(AtomicU32::new(0)), AtomicU32::new(0));
        let (_stopper, stop) = watch::channel(false);
        let begin = || {
            let run = begun.fetch_add(1, Ordering::SeqCst);
            async move { assert!(run >= 2, "it fails") }
        };
        let count = || {
            failures.fetch_add(1, Ordering::SeqCst);
        };
        restart_after_panics(MAIL, begin, count, stop).await;
        let seen = (
            begun.load(Ordering::SeqCst),
            failures.load(Ordering::SeqCst),
        );
        assert_eq!(seen, (3, 2));
    }

    /// Four tasks that wait check the outbox as often as one would.
    #[tokio::test(start_paused = true)]
    async fn the_mail_tasks_take_turns_in_checking_the_outbox() {
        let (turn, checks) = (Mutex::new(()), AtomicU32::new(0));
        let task = async || {
            for _ in 0..100 {
                next_turn(&turn).await;
                checks.fetch_add(1, Ordering::SeqCst);
            }
        };
        let tasks = async { tokio::join!(task(), task(), task(), task()) };
        let most = MAIL_INTERVAL * 10 + MAIL_INTERVAL / 2;
        assert!(timeout(most, tasks).await.is_err());
        assert_eq!(checks.load(Ordering::SeqCst), 10);
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
            async { panic!("it fails") }
        };
        restart_after_panics(SWEEP, begin, || (), stop).await;
        assert_eq!(begun.load(Ordering::SeqCst), 5);
    }
}
