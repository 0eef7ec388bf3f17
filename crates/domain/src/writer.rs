//! Applies batches, with what follows from their events.
//!
//! A service emits an event once, with [`Writer::emit`]. Each subscriber adds its writes to the same batch: the audit event,
//! the mails. When the batch is applied, its metrics are counted, the changed users are marked, and the mail worker wakes.

use std::sync::Arc;

use crate::ctx::{Actor, Ctx};
use crate::error::{Error, WriteError};
use crate::events::metrics::metrics_of;
use crate::events::{Event, Subscriber};
use crate::metric_event::{MetricEvent, MetricsRecorder};
use crate::model::{AuditEvent, AuditRecord, MailJob, User};
use crate::outbox::QueuedMails;
use crate::store::{ApplyError, Batch, Condition, Record, Records, Store, Value, Write};
use crate::user_versions::UserVersions;
use crate::values::UserId;

/// Maximum number of attempts of an operation whose write is stale because of a concurrent write. After that it returns
/// [`Error::Overloaded`].
pub(crate) const MAX_WRITE_ATTEMPTS: usize = 64;

/// Writes to the main store. Every change by a service passes it; the sealer of the audit log, which changes no user, and a
/// purge write by themselves.
pub(crate) struct Writer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) queued_mails: Arc<QueuedMails>,
    pub(crate) recorder: Arc<dyn MetricsRecorder>,
    /// In the order of their writes.
    pub(crate) subscribers: Vec<Box<dyn Subscriber>>,
}

impl Writer {
    /// Adds what follows from an event to the batch of the change.
    pub(crate) fn emit(&self, ctx: &Ctx, event: Event<'_>, batch: &mut Batch) {
        for subscriber in &self.subscribers {
            subscriber.on_event(ctx, &event, batch);
        }
    }

    /// Writes what follows from an event that belongs to no change.
    pub(crate) async fn emit_now(&self, ctx: &Ctx, event: Event<'_>) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        self.emit(ctx, event, &mut batch);
        match batch.is_empty() {
            true => Ok(()),
            false => self.apply(batch).await,
        }
    }

    /// Emits that the actor viewed data, unless it is about themselves (Z-05, L-01).
    pub(crate) async fn emit_view(&self, ctx: &Ctx, event: Event<'_>) -> Result<(), WriteError> {
        let is_own = match event {
            Event::UserViewed { user_id } | Event::SessionsListed { user_id } => {
                ctx.actor.user_id() == Some(user_id)
            }
            _ => false,
        };
        match is_own || ctx.actor == Actor::Worker {
            true => Ok(()),
            false => self.emit_now(ctx, event).await,
        }
    }

    /// Records a metric event.
    pub(crate) fn record(&self, event: MetricEvent) {
        self.recorder.record(event);
    }

    /// Applies a batch, and marks the changed users.
    pub(crate) async fn apply(&self, batch: Batch) -> Result<(), WriteError> {
        let effects = Effects::of(&batch);
        let outcome = self.store.apply(batch).await;
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

    /// Handles the result of a batch: counts its metrics, marks the changed users, wakes the mail worker. If the check of
    /// the actor failed, returns the reason.
    pub(crate) async fn finish<T>(
        &self,
        effects: Effects,
        outcome: Result<T, ApplyError>,
    ) -> Result<T, WriteError> {
        // A failed write may have been applied: its response can be lost.
        for user_id in effects.users {
            self.user_versions.mark_changed(user_id);
        }
        if outcome.is_ok() {
            for metric in effects.metrics {
                self.record(metric);
            }
        }
        let may_be_applied = matches!(outcome, Ok(_) | Err(ApplyError::OutcomeUnknown(_)));
        if may_be_applied && effects.mails > 0 {
            self.queued_mails.add(effects.mails);
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
        let stored: Option<User> = self.store.get(*actor).await?;
        let row = stored.map(|user| user.to_row());
        let broken = when
            .iter()
            .find(|condition| row.as_ref().is_none_or(|row| !condition.holds(row)));
        let Some(broken) = broken else {
            return Ok(());
        };
        self.user_versions.mark_changed(*actor);
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
