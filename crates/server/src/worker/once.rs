//! One run of all tasks, for a process that is not always running.

use std::time::Duration;

use anyhow::{anyhow, ensure};
use doorward_domain::Error;
use doorward_domain::ctx::Actor;
use doorward_domain::error::chain;
use doorward_domain::outbox::MAIL_TIMEOUT;
use tokio::time::{Instant, timeout_at};

use super::tasks::{AUDIT, KEYS, MAIL, SWEEP, TOTALS};
use super::{MAILS_AT_ONCE, SEND_GRACE, log_checkpoint, record_failure, return_mail_leases};
use crate::wiring::Components;

/// Time that must remain before mails are claimed: for sending them, and for the writes after that.
const CLAIM_MARGIN: Duration = Duration::from_secs(MAIL_TIMEOUT.as_secs() + 15);
/// Time before the deadline at which tasks are aborted: for returning the leases on mails.
const END_MARGIN: Duration = Duration::from_secs(SEND_GRACE.as_secs() + 1);

/// The name of these processes in the totals. There are many, for a short time each.
const NODE: &str = "worker";

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Sends the mails that are due.
    Mail,
    /// All tasks.
    All,
}

/// Runs the tasks, each even if another one fails, and claims mails as long as they can be sent before the deadline. Fails
/// if a task fails or is aborted.
pub async fn run_once(
    components: &Components,
    extent: Extent,
    deadline: Instant,
) -> anyhow::Result<()> {
    ensure!(
        can_claim(deadline),
        "too little time for a mail: set the timeout of the function to at least {} s",
        2 * CLAIM_MARGIN.as_secs()
    );
    let tasks = async {
        let (mail, others) = tokio::join!(send_mails(components, deadline), async {
            match extent {
                Extent::Mail => Vec::new(),
                Extent::All => run_others(components).await,
            }
        });
        let totals = components.doorward.totals.write(NODE).await;
        others
            .into_iter()
            .chain(mail.err().map(|error| (MAIL, error)))
            .chain(totals.err().map(|error| (TOTALS, error)))
    };
    let outcome = timeout_at(deadline - END_MARGIN, tasks).await;
    return_mail_leases(components).await;
    let failed = outcome.map_err(|_| anyhow!("the time of the function is over"))?;
    let mut last = Ok(());
    for (task, error) in failed {
        record_failure(components, task);
        tracing::error!(task, error = chain(&error), "a task of the worker failed");
        last = Err(anyhow!("the task {task} failed; the log has the reason"));
    }
    last
}

fn can_claim(deadline: Instant) -> bool {
    Instant::now() + CLAIM_MARGIN < deadline
}

async fn send_mails(components: &Components, deadline: Instant) -> Result<(), Error> {
    while can_claim(deadline) {
        let ctx = components.ctx(Actor::Worker);
        let outbox = &components.doorward.outbox;
        if outbox.deliver(&ctx, MAILS_AT_ONCE).await?.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Returns the tasks that failed.
async fn run_others(components: &Components) -> Vec<(&'static str, Error)> {
    let doorward = &components.doorward;
    let ctx = components.ctx(Actor::Worker);
    let mut failed = Vec::new();
    let ensured = doorward.keys.ensure(&ctx).await;
    failed.extend(ensured.err().map(|error| (KEYS, error.logged())));
    match doorward.audit_chain.seal(&ctx).await {
        Ok(sealed) => sealed.newest.iter().for_each(log_checkpoint),
        Err(error) => failed.push((AUDIT, error)),
    }
    let pruned = doorward.audit_chain.prune(&ctx).await;
    failed.extend(pruned.err().map(|error| (AUDIT, error)));
    let swept = doorward.housekeeping.sweep(&ctx).await;
    failed.extend(swept.err().map(|error| (SWEEP, error)));
    let suppressed = doorward.housekeeping.write_suppressed(&ctx).await;
    failed.extend(suppressed.err().map(|error| (AUDIT, error)));
    failed
}
