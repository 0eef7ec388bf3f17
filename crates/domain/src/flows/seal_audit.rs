//! Seal the audit log, let go what has been kept long enough, and erase whose account is gone: what the
//! worker does, turn by turn. How and why: [`crate::audit`].

use crate::accounts::Accounts;
use crate::audit::sealer::{SealedTurn, Sealer};
use crate::ctx::Ctx;
use crate::error::Error;

impl Accounts {
    /// Seals what waits.
    pub async fn seal_audit(&self, ctx: &Ctx) -> Result<SealedTurn, Error> {
        Ok(self.sealer(ctx).seal().await?)
    }

    /// Seals what is there, however young: for whoever stops, and may be the last.
    pub async fn seal_rest_of_audit(&self, ctx: &Ctx) -> Result<SealedTurn, Error> {
        Ok(self.sealer(ctx).seal_rest().await?)
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

    fn sealer(&self, ctx: &Ctx) -> Sealer<'_> {
        Sealer {
            store: &*self.ports.store,
            signer: self.keyring.audit_signer(),
            secrets: &*self.ports.secrets,
            now: ctx.now,
        }
    }
}
