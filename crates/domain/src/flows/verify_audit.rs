//! Check the audit log against its seals, and read it whole, for an auditor: from the command line
//! alone. How: [`crate::audit`].

use crate::accounts::Accounts;
use crate::audit::checker::{Extent, Finding};
use crate::audit::walk::{AuditVerdict, SealedBatch, Walk};
use crate::audit::{AuditPublicKey, Checkpoint, ExportHead};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::export::ensure_operator;
use crate::model::{AuditRecord, Event};
use crate::values::AuditEventId;

impl Accounts {
    /// The public half of the key that seals are signed with.
    pub fn audit_public_key(&self) -> AuditPublicKey {
        self.keyring.audit_signer().public_key()
    }

    /// Writes down that the audit log is being exported, before any of it is given out.
    pub async fn note_audit_export(&self, ctx: &Ctx, detail: &str) -> Result<(), Error> {
        ensure_operator(ctx)?;
        let audit = self.audit_detail(ctx, Event::AuditExported, None, detail);
        Ok(self.apply(vec![audit]).await?)
    }

    /// What an exported log begins with, as of now.
    pub async fn audit_export_head(&self, ctx: &Ctx, extent: Extent) -> Result<ExportHead, Error> {
        ensure_operator(ctx)?;
        let last = self.ports.store.audit_log().last_seal().await?;
        let last = last.as_ref().map(Checkpoint::of);
        let signer = self.keyring.audit_signer();
        Ok(signer.export_head(ctx.now, extent, last))
    }

    /// The next seal after that position, with its events.
    pub async fn read_seal(&self, ctx: &Ctx, after: i64) -> Result<Option<SealedBatch>, Error> {
        ensure_operator(ctx)?;
        Ok(self.walk(ctx).read_seal(after).await?)
    }

    /// Events that wait for their seal, after that one.
    pub async fn read_unsealed(
        &self,
        ctx: &Ctx,
        after: Option<AuditEventId>,
    ) -> Result<Vec<AuditRecord>, Error> {
        ensure_operator(ctx)?;
        Ok(self.walk(ctx).read_unsealed(after).await?)
    }

    /// Walks the log from its start to its end, and tells `found` what is wrong as it goes. Signatures
    /// are trusted by our own key, and by those `keys` beside it.
    pub async fn verify_audit(
        &self,
        ctx: &Ctx,
        keys: &[AuditPublicKey],
        checkpoints: &[Checkpoint],
        found: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<AuditVerdict, Error> {
        ensure_operator(ctx)?;
        let keys = [keys, &[self.audit_public_key()]].concat();
        Ok(self.walk(ctx).verify(&keys, checkpoints, found).await?)
    }

    fn walk(&self, ctx: &Ctx) -> Walk<'_> {
        Walk {
            store: &*self.ports.store,
            now: ctx.now,
        }
    }
}
