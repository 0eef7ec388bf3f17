//! Seal, prune, verify and export the audit log. How it works: [`crate::audit`].

use std::sync::Arc;

use crate::access::ensure_operator;
use crate::audit::sealer::{Sealed, Sealer};
use crate::audit::{
    AuditLog, AuditPublicKey, AuditReport, AuditSigner, CheckpointId, ExportHeader, Segment,
    Unsealed, verifier,
};
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::model::AuditVerification;
use crate::policy::Policy;
use crate::store::{Store, Write};
use crate::writer::Writer;

/// Seals, prunes, verifies and exports the audit log.
pub struct AuditChain {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) audit_signer: Arc<AuditSigner>,
    pub(crate) writer: Arc<Writer>,
}

impl AuditChain {
    /// Seals the events that are old enough, and erases the personal data of deleted accounts (L-05).
    pub async fn seal(&self, ctx: &Ctx) -> Result<Sealed, Error> {
        let sealed = self.sealer(ctx).seal().await?;
        self.report_break(ctx, sealed).await
    }

    /// Seals all events, for a process that stops.
    pub async fn seal_all(&self, ctx: &Ctx) -> Result<Sealed, Error> {
        let sealed = self.sealer(ctx).seal_all().await?;
        self.report_break(ctx, sealed).await
    }

    /// Deletes events that are older than the retention time. Returns `true` if there were any.
    pub async fn prune(&self, ctx: &Ctx) -> Result<bool, Error> {
        match self.policy.audit_retention {
            Some(retention) => Ok(self.sealer(ctx).prune(retention).await?),
            None => Ok(false),
        }
    }

    async fn report_break(&self, ctx: &Ctx, sealed: Sealed) -> Result<Sealed, Error> {
        if let Some(position) = sealed.broken_seal {
            let broken = Event::SealBroken { position };
            self.writer.emit_now(ctx, broken).await?;
        }
        Ok(sealed)
    }

    /// The number and the age of events that are not sealed, for metrics.
    pub async fn unsealed(&self) -> Result<Unsealed, Error> {
        Ok(AuditLog(&*self.store).unsealed().await?)
    }

    /// The public key of the signer.
    pub fn public_key(&self) -> AuditPublicKey {
        self.audit_signer.public_key()
    }

    /// Verifies the log, and records when and with what result. Trusts `keys` and the key of this node.
    pub async fn verify(
        &self,
        ctx: &Ctx,
        keys: &[AuditPublicKey],
        recorded: &[CheckpointId],
    ) -> Result<(AuditReport, Unsealed), Error> {
        ensure_operator(ctx)?;
        let keys = [keys, &[self.public_key()]].concat();
        let verified = verifier::verify(&*self.store, keys, recorded).await?;
        let (report, _) = &verified;
        let record = AuditVerification {
            at: ctx.now,
            events: i64::try_from(report.events).unwrap_or(i64::MAX),
            finding: report
                .violation
                .as_ref()
                .map(|found| found.code().to_owned()),
        };
        // The result is reported also if the database accepts no writes.
        let recorded = self.writer.apply(vec![Write::put(&record)]).await;
        if let Err(error) = recorded.map_err(Error::from) {
            tracing::warn!(error = %chain(&error), "the verification of the audit log was not recorded");
        }
        Ok(verified)
    }

    /// Writes an event about an export. Call this before the export.
    pub async fn record_export(&self, ctx: &Ctx, detail: &str) -> Result<(), Error> {
        ensure_operator(ctx)?;
        let exported = Event::AuditExported { detail };
        Ok(self.writer.emit_now(ctx, exported).await?)
    }

    /// The signed first line of an export that ends with the last checkpoint.
    pub async fn export_header(&self, ctx: &Ctx, complete: bool) -> Result<ExportHeader, Error> {
        ensure_operator(ctx)?;
        let last = AuditLog(&*self.store).last_checkpoint().await?;
        let end = last.as_ref().map(CheckpointId::of);
        Ok(self.audit_signer.export_header(ctx.now, complete, end))
    }

    /// The sealed events after `position` up to the next checkpoint.
    pub async fn read_segment(&self, ctx: &Ctx, position: i64) -> Result<Option<Segment>, Error> {
        ensure_operator(ctx)?;
        Ok(Segment::read(&*self.store, position).await?)
    }

    fn sealer<'a>(&'a self, ctx: &Ctx) -> Sealer<'a> {
        Sealer {
            store: &*self.store,
            signer: self.audit_signer.clone(),
            now: ctx.now,
        }
    }
}
