//! Verifies the code of a second factor.
//!
//! Wrong codes have a count of their own: a user who knows the password must not guess codes at the speed of
//! correct passwords. A code is counted before it is checked. A wrong one stays counted, also if something fails
//! afterwards; one that was not compared, or was correct and not used up, is released. Only a completed sign-in clears
//! the count; a new first factor has another one.
//!
//! A recovery code cannot be guessed. It counts only toward the sign-in limit (of the account on a known device, else of
//! the network), so that its owner can sign in while another person guesses codes.

use crate::core::{Core, MAX_WRITE_ATTEMPTS};
use crate::ctx::{Actor, Ctx, KnownDevice};
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::limits::CodeAttempt;
use crate::model::FactorProof;
use crate::model::FactorSet;
use crate::model::{AuditKind, User};
use crate::password::verifier::VerifiedPassword;
use crate::store::Batch;
use crate::values::{FactorCode, FactorKind};

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

impl Core {
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
            FactorKind::Totp => self.use_totp_code(ctx, (user, &set), code).await?,
            FactorKind::RecoveryCode => self.use_recovery_code(ctx, user, set, code)?,
        };
        if let Some(writes) = writes {
            return Ok(VerifiedCode { writes, kind });
        }
        let refused = Event::Refused {
            kind: event,
            user_id: Some(user.id),
            reason: "wrong code",
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
    pub(crate) async fn finish_code_attempt<T>(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
        result: Result<T, CodeFailure>,
    ) -> Result<T, Error> {
        match result {
            Ok(done) => Ok(done),
            Err(CodeFailure::Wrong(error)) => Err(error),
            Err(CodeFailure::NotUsed(error)) => {
                self.release_unused_code(ctx, attempt).await;
                Err(error)
            }
        }
    }

    async fn use_totp_code(
        &self,
        ctx: &Ctx,
        (user, set): (&User, &FactorSet),
        code: &FactorCode,
    ) -> Result<Option<Batch>, Error> {
        let mut accepted = None;
        for totp in self.authenticators(set).await? {
            match totp.accept(&self.keyring, code, ctx.now) {
                Ok(used) => accepted = accepted.or(used),
                // Another authenticator, or a recovery code, can still be accepted.
                Err(error) => {
                    tracing::error!(factor.id = %totp.id, %error, "an authenticator cannot be used; remove it with `doorward user remove-factor`");
                }
            }
        }
        Ok(accepted.map(|totp| vec![totp.passed_by(ctx, user).write(ctx.now)]))
    }

    /// Returns the known device of the request, if it has once passed the factor.
    pub(crate) async fn device_with_factor<'a>(
        &self,
        ctx: &'a Ctx,
        (user, set): (&User, &FactorSet),
    ) -> Result<Option<&'a KnownDevice>, Error> {
        let mut known = ctx.client.known_to(user);
        if let Some(device) = known.clone().find(|device| device.passed_factor()) {
            return Ok(Some(device));
        }
        if known.clone().next().is_none() {
            return Ok(None);
        }
        let apps = self.authenticators(set).await?;
        Ok(known.find(|device| apps.iter().any(|app| app.was_passed_by(device))))
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

    /// Verifies the second factor of a user whose password was verified, if the account has one, and clears the wrong
    /// passwords. A recent sign-in with the factor is enough; otherwise the request must contain a code. If the factor is
    /// not proved, the correct password is not counted. Returns `true` if the account has a factor.
    pub(crate) async fn finish_proof(
        &self,
        ctx: &Ctx,
        verified: &VerifiedPassword,
        code: Option<&FactorCode>,
        event: AuditKind,
    ) -> Result<bool, Error> {
        let has_factor = self
            .ensure_second_factor(ctx, &verified.user, code, event)
            .await;
        match has_factor {
            Ok(_) => self.password_attempts.clear(verified).await?,
            Err(_) => {
                self.password_attempts
                    .release_backoff(ctx, verified)
                    .await?;
            }
        }
        has_factor
    }

    async fn ensure_second_factor(
        &self,
        ctx: &Ctx,
        user: &User,
        code: Option<&FactorCode>,
        event: AuditKind,
    ) -> Result<bool, Error> {
        let set = FactorSet::of_user(&*self.ports.store, user.id).await?;
        if set.is_empty() {
            return Ok(false);
        }
        if self.has_recent_factor(ctx) {
            return Ok(true);
        }
        // Without a session, a code is not accepted: sign-in is the place to send one. A sign-in opens no session while a
        // deletion is pending, so the request that cancels the deletion accepts a code.
        let accepts_code =
            matches!(ctx.actor, Actor::User { .. }) || event == AuditKind::DeletionCancelled;
        let code = code.filter(|_| accepts_code);
        let Some(code) = code else {
            let refused = Event::StepUpRefused {
                kind: event,
                user_id: user.id,
                reason: "second factor required",
            };
            self.writer.emit_now(ctx, refused).await?;
            return Err(Error::ReauthenticationRequired);
        };
        let attempt = self
            .acquire_code_attempt(ctx, (user, &set), code.kind(), None)
            .await?;
        let used = self.use_code(ctx, &attempt, (user, set), code, event).await;
        self.finish_code_attempt(ctx, &attempt, used).await?;
        self.release_correct_code(ctx, &attempt).await;
        Ok(true)
    }

    /// Verifies a code and uses it up. If another request has changed the factors, such as with another code, verifies it again.
    async fn use_code(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
        (user, mut set): (&User, FactorSet),
        code: &FactorCode,
        event: AuditKind,
    ) -> Result<(), CodeFailure> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let verified = self.verify_code(ctx, attempt, (user, set), code.kind(), code, event);
            match self.writer.apply(verified.await?.writes).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Stale) => {
                    set = FactorSet::of_user(&*self.ports.store, user.id).await?;
                }
                Err(other) => return Err(CodeFailure::NotUsed(other.into())),
            }
        }
        Err(CodeFailure::NotUsed(Error::Overloaded))
    }

    /// Returns `true` if the session of the request was opened with a second factor, recently enough.
    pub(crate) fn has_recent_factor(&self, ctx: &Ctx) -> bool {
        matches!(
            ctx.actor,
            Actor::User { is_multi_factor: true, auth_time, .. } if self.access.is_recent(ctx, auth_time)
        )
    }
}
