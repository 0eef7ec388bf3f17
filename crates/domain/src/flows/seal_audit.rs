//! Seal the audit log, let go what has been kept long enough, and erase whose account is gone: what the
//! worker does, turn by turn. How and why: [`crate::audit`].

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::accounts::Accounts;
use crate::audit::sealer::{BreakTold, SealedTurn, Sealer};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::Happening;
use crate::model::{Event, Outcome};
use crate::values::AuditEventId;

impl Accounts {
    /// Seals what waits.
    pub async fn seal_audit(&self, ctx: &Ctx) -> Result<SealedTurn, Error> {
        let turn = self.sealer(ctx).seal().await?;
        Ok(self.noted(ctx, turn))
    }

    /// Seals what is there, however young: for whoever stops, and may be the last.
    pub async fn seal_rest_of_audit(&self, ctx: &Ctx) -> Result<SealedTurn, Error> {
        let turn = self.sealer(ctx).seal_rest().await?;
        Ok(self.noted(ctx, turn))
    }

    /// Lets go what is older than the operator keeps. Answers how many seals went.
    pub async fn let_audit_go(&self, ctx: &Ctx) -> Result<usize, Error> {
        match self.policy.audit_lifetime {
            Some(kept_for) => Ok(self.sealer(ctx).let_go(kept_for).await?),
            None => Ok(0),
        }
    }

    /// Erases addresses and user agents of those whose accounts are gone (L-05). Answers how many
    /// accounts are done.
    pub async fn erase_from_audit(&self, ctx: &Ctx) -> Result<usize, Error> {
        Ok(self.sealer(ctx).erase().await?)
    }

    /// For the operator's figures, since what the sealer writes passes no story; and of lines about seals of
    /// another key there is one an hour, the rest is counted.
    fn noted(&self, ctx: &Ctx, turn: SealedTurn) -> SealedTurn {
        if turn.broken.is_some() {
            self.note(Happening::Audited(Event::SealBroken, Outcome::Failure));
        }
        match turn.break_told {
            BreakTold::Nothing => {}
            BreakTold::ByALine => *self.break_told_at() = Some(ctx.now),
            BreakTold::LeftOut => self.left_out.count(Event::SealBroken, &ctx.actor, ctx.now),
        }
        turn
    }

    fn break_told_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        let told_at = self.break_told_at.lock();
        told_at.unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody has put on the log's tables in the database, by name (L-01).
    pub async fn audit_triggers(&self) -> Result<Vec<String>, Error> {
        Ok(self.ports.store.audit_log().list_triggers().await?)
    }

    /// When the oldest line was written that waits for its seal, for an operator's figures.
    pub async fn oldest_unsealed(&self) -> Result<Option<Timestamp>, Error> {
        let end = AuditEventId::from_bytes([255; 16]);
        let oldest = self.ports.store.audit_log().list_unsealed(None, end, 1);
        Ok(oldest.await?.first().map(|record| record.id.moment()))
    }

    fn sealer<'a>(&'a self, ctx: &'a Ctx) -> Sealer<'a> {
        Sealer {
            store: &*self.ports.store,
            signer: self.keyring.audit_signer(),
            secrets: &*self.ports.secrets,
            request_id: &ctx.request_id,
            now: ctx.now,
            break_told_at: *self.break_told_at(),
        }
    }
}
