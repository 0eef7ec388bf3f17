//! Verifies the code of a second factor.
//!
//! Wrong codes have a count of their own: a user who knows the password must not guess codes at the speed of
//! correct passwords. A code is counted before it is checked. A wrong one stays counted, also if something fails
//! afterwards; one that was not compared, or was correct and not used up, is released. Only a completed sign-in clears
//! the count; a new first factor has another one.
//!
//! A recovery code cannot be guessed. It counts only toward the sign-in limit (of the account on a known device, else of
//! the network), so that its owner can sign in while another person guesses codes.

use std::sync::Arc;

use super::attempts::{CodeAttempt, CodeAttempts};
use super::store::FactorStore;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::keys::MasterKey;
use crate::model::{AuditKind, FactorProof, FactorSet, User};
use crate::store::Batch;
use crate::values::{FactorCode, FactorKind, Refusal};
use crate::writer::Writer;

/// A verified code, and the writes that use it up. Apply them: a code works once, and of two concurrent uses one is
/// stale.
pub(crate) struct VerifiedCode {
    pub(crate) writes: Batch,
    pub(crate) kind: FactorKind,
}

/// Why a code was not accepted.
pub(crate) enum CodeFailure {
    /// It was compared and is wrong, or was used before. It stays counted.
    Wrong(Error),
    /// It was not compared, or it is correct and was not used up. Its count is released.
    NotUsed(Error),
}

impl From<Error> for CodeFailure {
    fn from(error: Error) -> Self {
        Self::NotUsed(error)
    }
}

/// Verifies codes.
pub(crate) struct CodeVerifier {
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) code_attempts: Arc<CodeAttempts>,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) writer: Arc<Writer>,
}

impl CodeVerifier {
    /// Verifies a code of a user who has just proved the password. The caller has counted the attempt. Fails with
    /// [`Error::InvalidCode`] if it is wrong or was used. The last wrong one that the count of all clients allows is
    /// reported to the owner.
    pub(crate) async fn verify_code(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
        (user, set): (&User, FactorSet),
        kind: FactorKind,
        code: &FactorCode,
        event: AuditKind,
    ) -> Result<VerifiedCode, CodeFailure> {
        let writes = match kind {
            FactorKind::RecoveryCode => self.use_recovery_code(ctx, user, set, code)?,
            kind => self.use_code(ctx, (user, &set), kind, code).await?,
        };
        if let Some(writes) = writes {
            return Ok(VerifiedCode { writes, kind });
        }
        let refused = Event::Refused {
            kind: event,
            user_id: Some(user.id),
            reason: Refusal::WrongCode,
        };
        let mut batch = Batch::new();
        self.writer.emit(ctx, refused, &mut batch);
        if attempt.locks_out_if_wrong {
            self.writer
                .emit(ctx, Event::CodesLockedOut { user }, &mut batch);
        }
        let written = self.writer.apply(batch).await;
        let error = written.map_or_else(Error::from, |()| Error::InvalidCode);
        Err(CodeFailure::Wrong(error))
    }

    /// Returns the result of a counted code. Releases the count of a code that was not used; the caller releases or clears
    /// that of a correct one.
    pub(crate) async fn finish<T>(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
        result: Result<T, CodeFailure>,
    ) -> Result<T, Error> {
        match result {
            Ok(done) => Ok(done),
            Err(CodeFailure::Wrong(error)) => Err(error),
            Err(CodeFailure::NotUsed(error)) => {
                self.code_attempts.release_unused(ctx, attempt).await;
                Err(error)
            }
        }
    }

    async fn use_code(
        &self,
        ctx: &Ctx,
        (user, set): (&User, &FactorSet),
        kind: FactorKind,
        code: &FactorCode,
    ) -> Result<Option<Batch>, Error> {
        let mut accepted = None;
        let factors = self.factor_store.active_factors(set).await?.into_iter();
        for factor in factors.filter(|factor| factor.kind() == kind) {
            match factor.accept(&self.master_key, code, ctx.now) {
                Ok(used) => accepted = accepted.or(used),
                // Another factor, or a recovery code, can still be accepted.
                Err(error) => {
                    tracing::error!(factor.id = %factor.id, %error, "a second factor cannot be used; remove it with `doorward user remove-factor`");
                }
            }
        }
        Ok(accepted.map(|factor| vec![factor.passed_by(ctx, user).write(ctx.now)]))
    }

    fn use_recovery_code(
        &self,
        ctx: &Ctx,
        user: &User,
        mut set: FactorSet,
        code: &FactorCode,
    ) -> Result<Option<Batch>, Error> {
        if !set.use_recovery_code(code) {
            return Ok(None);
        }
        let remaining = set.recovery_codes();
        let mut batch = vec![set.write(FactorProof::Factor, ctx.now)?];
        self.writer
            .emit(ctx, Event::RecoveryCodeUsed { user, remaining }, &mut batch);
        Ok(Some(batch))
    }
}
