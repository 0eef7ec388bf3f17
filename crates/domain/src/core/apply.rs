//! Applies batches; then counts their metrics, updates the session cache and wakes the mail worker.

use crate::core::Core;
use crate::error::{Error, WriteError};
use crate::events::metrics::metrics_of;
use crate::metric_event::MetricEvent;
use crate::model::{AuditEvent, AuditRecord, MailJob, User};
use crate::store::{ApplyError, Batch, Condition, Record, Records, Value, Write};
use crate::values::UserId;

impl Core {
    /// Applies a batch, and invalidates this node's cached sessions of the changed users.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), WriteError> {
        let effects = Effects::of(&batch);
        let outcome = self.ports.store.apply(batch).await;
        self.finish(effects, outcome).await
    }

    /// Like [`Self::apply`]. Returns `false` if the batch is stale.
    pub(crate) async fn apply_unless_stale(&self, batch: Batch) -> Result<bool, Error> {
        match self.apply(batch).await {
            Ok(()) => Ok(true),
            Err(WriteError::Stale) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Handles the result of a batch: counts its metrics, updates the session cache, wakes the mail worker. If the check of
    /// the actor failed, returns the reason.
    pub(crate) async fn finish<T>(
        &self,
        effects: Effects,
        outcome: Result<T, ApplyError>,
    ) -> Result<T, WriteError> {
        // A failed write may have been applied: its response can be lost.
        for user_id in effects.users {
            self.cache.user_changed(user_id);
        }
        if outcome.is_ok() {
            for metric in effects.metrics {
                self.record(metric);
            }
        }
        let may_be_applied = matches!(outcome, Ok(_) | Err(ApplyError::OutcomeUnknown(_)));
        if may_be_applied && effects.mails > 0 {
            self.outbox_limit.add(effects.mails);
            self.mail_enqueued.notify_one();
        }
        match (outcome, effects.actor) {
            (Err(ApplyError::Stale), Some(check)) => {
                self.ensure_actor(&check)
                    .await
                    .map_err(WriteError::Failed)?;
                Err(WriteError::Stale)
            }
            (outcome, _) => Ok(outcome?),
        }
    }

    /// Fails if the actor of a privileged write is not active, has signed out or lacks the role.
    pub(crate) async fn ensure_actor(&self, (actor, when): &ActorCheck) -> Result<(), Error> {
        let stored: Option<User> = self.ports.store.get(*actor).await?;
        let row = stored.map(|user| user.to_row());
        let broken = when
            .iter()
            .find(|condition| row.as_ref().is_none_or(|row| !condition.holds(row)));
        let Some(broken) = broken else {
            return Ok(());
        };
        self.cache.user_changed(*actor);
        match (row, broken.column) {
            (Some(_), "role") => Err(Error::Forbidden),
            _ => Err(Error::InvalidToken),
        }
    }
}

/// The actor of a privileged write, and the conditions that the write checks.
type ActorCheck = (UserId, Vec<Condition>);

/// What follows a batch once it is applied.
#[derive(Default)]
pub(crate) struct Effects {
    /// The users that it changes.
    users: Vec<UserId>,
    /// Number of mails in it.
    mails: usize,
    /// The metrics of its audit events.
    metrics: Vec<MetricEvent>,
    /// The actor that it checks.
    pub(crate) actor: Option<ActorCheck>,
}

impl Effects {
    pub(crate) fn of(batch: &Batch) -> Self {
        let mut effects = Self::default();
        for write in batch {
            match write {
                Write::Insert(row) if row.table == MailJob::TABLE => {
                    effects.mails += usize::from(MailJob::is_mail().holds(row));
                }
                Write::Insert(row) if row.table == AuditRecord::TABLE => {
                    effects
                        .metrics
                        .extend(row.read::<AuditEvent>().iter().flat_map(metrics_of));
                }
                Write::Check { table, key, when } if *table == User::TABLE => {
                    effects.actor = user_id(key).map(|id| (id, when.clone()));
                }
                Write::Replace { .. } | Write::Delete { .. } if write.table() == User::TABLE => {
                    effects.users.extend(user_id(write.key()));
                }
                _ => {}
            }
        }
        effects
    }
}

fn user_id(key: &Value) -> Option<UserId> {
    match key {
        Value::Bytes(bytes) => Some(UserId::from_bytes(bytes.as_slice().try_into().ok()?)),
        _ => None,
    }
}
