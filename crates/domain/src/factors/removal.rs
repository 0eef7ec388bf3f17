//! Removes second factors: by their user, by an admin, or by the operator on the command line.
//!
//! A removal is a security event: it ends the user's other sessions. Without the last factor, the recovery codes are void.

use std::sync::Arc;

use crate::access::{Access, Action, Begun, ensure_operator};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::factors::changes::FactorChanges;
use crate::factors::store::FactorStore;
use crate::metric_event::SessionEnd;
use crate::model::{Credential, FactorProof, FactorSet, User};
use crate::sessions::SessionEnder;
use crate::store::{Batch, ReadStore, Write};
use crate::values::CredentialId;
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Removes second factors.
pub struct FactorRemoval {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) access: Arc<Access>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) factor_changes: Arc<FactorChanges>,
    pub(crate) writer: Arc<Writer>,
}

impl FactorRemoval {
    /// Removes a factor, or an enrolment that was not finished. Requires a recent sign-in or a reauthentication of the
    /// actor. Fails with [`Error::NotFound`] if the user has no such factor.
    #[tracing::instrument(name = "remove_factor", level = "trace", skip_all)]
    pub async fn remove(&self, ctx: &Ctx, named: &str, id: &str) -> Result<(), Error> {
        let action = Action::RemoveFactor;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let Begun { user, proof, batch } = self.access.begin(ctx, action, named).await?;
            let id: CredentialId = id.parse().map_err(|()| Error::NotFound)?;
            let set = FactorSet::of_user(&*self.store, user.id).await?;
            if !set.contains(id) {
                if self
                    .remove_unfinished(ctx, &user, (&set, proof), id, batch)
                    .await?
                {
                    return Ok(());
                }
                continue;
            }
            if self
                .remove_all(ctx, &user, (set, proof), &[id], batch)
                .await?
            {
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// Removes one factor of a user, or all of them, for the operator on the command line. `named` is an id, a username
    /// or an address. Returns the number of removed factors.
    pub async fn remove_by_name(
        &self,
        ctx: &Ctx,
        named: &str,
        id: Option<CredentialId>,
    ) -> Result<usize, Error> {
        ensure_operator(ctx)?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let user = self.access.find_by_name(named).await?;
            let set = FactorSet::of_user(&*self.store, user.id).await?;
            let mut ids = set.ids();
            ids.retain(|stored| id.is_none_or(|id| id == *stored));
            if ids.is_empty() {
                return Err(Error::NotFound);
            }
            let proof = FactorProof::NotRequired;
            if self
                .remove_all(ctx, &user, (set, proof), &ids, Batch::new())
                .await?
            {
                return Ok(ids.len());
            }
        }
        Err(Error::Overloaded)
    }

    /// Removes these factors. `batch` has the condition on the actor. Returns `false` if the user or the set has changed since it was read.
    async fn remove_all(
        &self,
        ctx: &Ctx,
        user: &User,
        (mut set, proof): (FactorSet, FactorProof),
        ids: &[CredentialId],
        mut batch: Batch,
    ) -> Result<bool, Error> {
        let changed = User {
            security_epoch: user.security_epoch + 1,
            ..user.next_version(ctx.now)
        };
        batch.extend(changed.replace(user));
        let removed = set.factors().iter().find(|(id, _)| ids.contains(id));
        let kind = removed.ok_or(Error::NotFound)?.1;
        for id in ids {
            set.remove(*id);
            batch.push(Write::delete::<Credential>(*id));
        }
        batch.push(set.write(proof, ctx.now)?);
        let expired = self.factor_store.delete_expired(user, &set, ctx.now);
        batch.extend(expired.await?);
        self.writer
            .emit(ctx, Event::FactorRemoved { user, kind }, &mut batch);
        if !self.factor_changes.apply(ctx, user.id, batch).await? {
            return Ok(false);
        }
        let is_own = ctx.actor.user_id() == Some(user.id);
        let keep = ctx.actor.session_id().filter(|_| is_own);
        let (epoch, reason) = (changed.security_epoch, SessionEnd::AccountChanged);
        self.session_ender
            .end_sessions(ctx, user.id, epoch, reason, keep)
            .await;
        Ok(true)
    }

    /// Removes an enrolment. `batch` has the condition on the actor. Returns `false` if it or the set has changed since it was read.
    async fn remove_unfinished(
        &self,
        ctx: &Ctx,
        user: &User,
        (set, proof): (&FactorSet, FactorProof),
        id: CredentialId,
        mut batch: Batch,
    ) -> Result<bool, Error> {
        proof.ensure_covers(set)?;
        let unfinished = self
            .factor_store
            .own_factor(user, id)
            .await?
            .ok_or(Error::NotFound)?;
        if unfinished.is_active() {
            // It was finished after the set was read.
            return Ok(false);
        }
        batch.extend(set.unchanged());
        batch.push(unfinished.delete());
        // `delete_expired` would delete an expired one a second time.
        if unfinished.is_pending(ctx.now) {
            batch.extend(self.factor_store.delete_expired(user, set, ctx.now).await?);
        }
        self.writer.apply_unless_stale(batch).await
    }
}
