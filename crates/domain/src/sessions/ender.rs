//! Ends sessions, for all services.

use std::sync::Arc;

use super::{SessionStore, SessionUpdate};
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::metric_event::{MetricEvent, SessionEnd};
use crate::model::{EndedSession, Session};
use crate::policy::Policy;
use crate::store::Batch;
use crate::user_versions::UserVersions;
use crate::values::{SessionId, UserId};
use crate::writer::{Effects, Writer};

/// Ends sessions, and marks their users as changed.
pub(crate) struct SessionEnder {
    pub(crate) session_store: SessionStore,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl SessionEnder {
    /// Ends one session permanently and applies the batch. Returns `false`, and applies nothing, if there was none.
    pub(crate) async fn end_session(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        id: SessionId,
        reason: SessionEnd,
        batch: Batch,
    ) -> Result<bool, Error> {
        let session = EndedSession {
            id,
            user_id,
            ends_at: ctx.now + self.policy.session_absolute_lifetime,
        };
        let effects = Effects::of(&batch);
        let outcome = self.session_store.end(&session, batch).await;
        self.user_versions.mark_changed(user_id);
        if let Ok(false) = outcome {
            if let Some(check) = &effects.actor {
                self.writer.ensure_actor(check).await?;
            }
            return Ok(false);
        }
        self.writer.finish(effects, outcome).await?;
        self.writer.record(MetricEvent::SessionEnded(reason));
        Ok(true)
    }

    /// Deletes the sessions that a change has just ended by raising the user's epoch to `epoch`. The session
    /// `keep` gets the new epoch. A session created since, such as one with the new password, has the new epoch
    /// already and stays. If the session store is unavailable, this is logged and `keep` may end too, but the
    /// change is made and does not fail. Returns the number of deleted sessions.
    pub(crate) async fn end_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        epoch: i64,
        reason: SessionEnd,
        keep: Option<SessionId>,
    ) -> usize {
        let mut ended = 0;
        let clearing = self.clear_sessions(ctx, user_id, epoch, keep, || {
            ended += 1;
            self.writer.record(MetricEvent::SessionEnded(reason));
        });
        if let Err(error) = clearing.await {
            tracing::error!(user.id = %user_id, error = %chain(&error), "failed to delete ended sessions");
        }
        self.user_versions.mark_changed(user_id);
        ended
    }

    async fn clear_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        epoch: i64,
        keep: Option<SessionId>,
        mut cleared: impl FnMut(),
    ) -> Result<(), Error> {
        let open = self.session_store.list(user_id, ctx.now).await?;
        if let Some(kept) = open.iter().find(|session| Some(session.id) == keep) {
            // The stored epoch decides, not that of the request, which a cache may have read before the last event: a
            // session of an older epoch has ended.
            let update = SessionUpdate::Epoch {
                expected: epoch - 1,
            };
            let kept = Session {
                epoch,
                ..kept.clone()
            };
            self.session_store.update(&kept, update).await?;
        }
        for session in open {
            let is_over = session.epoch < epoch && Some(session.id) != keep;
            if is_over && self.session_store.delete(user_id, session.id).await? {
                cleared();
            }
        }
        Ok(())
    }
}
