//! The second step of a sign-in: a code, or the enrolment of a factor that the policy requires.
//!
//! The first step creates a challenge (`factors::challenge`) in place of a session. It clears no counter and notifies
//! no one: that happens when the sign-in is complete. It is in the audit log, since the password was correct.

use std::sync::Arc;

use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::factors::attempts::{CodeAttempt, CodeAttempts};
use crate::factors::challenge::{Challenge, Challenges, Step};
use crate::factors::undo::voiding_factor_undo;
use crate::factors::verifier::{CodeFailure, CodeVerifier};
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::{AuditKind, AuthMethod, FactorSet, User};
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::verifier::VerifiedUser;
use crate::policy::Policy;
use crate::sessions::SignedIn;
use crate::sign_in::completion::SignInCompletion;
use crate::store::{Batch, ReadStore};
use crate::values::{Digest, FactorCode, FactorKind, Token};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Continues sign-ins that need a second factor.
pub struct SecondStep {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) code_attempts: Arc<CodeAttempts>,
    pub(crate) code_verifier: Arc<CodeVerifier>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) completion: Arc<SignInCompletion>,
    pub(crate) writer: Arc<Writer>,
}

impl SecondStep {
    /// Continues a sign-in with the code of a second factor, and creates the session. Fails with
    /// [`Error::InvalidCode`] if the code is wrong or was used before, and with [`Error::ChallengeExpired`] if the
    /// challenge is not valid.
    #[tracing::instrument(name = "answer_challenge", level = "trace", skip_all)]
    pub async fn answer(
        &self,
        ctx: &Ctx,
        challenge: &Token,
        kind: Option<FactorKind>,
        code: &FactorCode,
    ) -> Result<SignedIn, Error> {
        let outcome = self.verify_second_factor(ctx, challenge, kind, code).await;
        self.record_outcome(&outcome);
        outcome
    }

    async fn verify_second_factor(
        &self,
        ctx: &Ctx,
        challenge: &Token,
        kind: Option<FactorKind>,
        code: &FactorCode,
    ) -> Result<SignedIn, Error> {
        let (digest, kind) = (challenge.digest(), kind.unwrap_or_else(|| code.kind()));
        // A code that would not be compared is not counted.
        let (challenge, user) = self.challenges.find_challenge(ctx, &digest).await?;
        challenge.ensure_step_is(&Step::Factor)?;
        // A throttled code does not use up the challenge.
        let set = FactorSet::of_user(&*self.store, user.id).await?;
        let recovery = challenge.state.recovery.as_deref();
        let attempt = self
            .code_attempts
            .begin(ctx, (&user, &set), kind, recovery)
            .await?;
        let opened = self.open_session_with_code(ctx, &attempt, &digest, kind, code);
        let opened = opened.await;
        let signed_in = self.code_verifier.finish(ctx, &attempt, opened).await?;
        self.code_attempts.clear(&attempt).await;
        Ok(signed_in)
    }

    async fn open_session_with_code(
        &self,
        ctx: &Ctx,
        attempt: &CodeAttempt,
        digest: &Digest,
        kind: FactorKind,
        code: &FactorCode,
    ) -> Result<SignedIn, CodeFailure> {
        let wrong_codes = self.code_attempts.wrong_codes_before(ctx, attempt).await?;
        let (mut challenge, mut user) = self.challenges.count_attempt(ctx, digest).await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let set = FactorSet::of_user(&*self.store, user.id).await?;
            let voiding = voiding_factor_undo(&self.policy, ctx, &user, &set);
            let verified = self
                .code_verifier
                .verify_code(ctx, attempt, (&user, set), kind, code, AuditKind::SignIn)
                .await?;
            let amr = AuthMethod::with_factor(verified.kind);
            let (passed, mut writes) = ((&challenge, wrong_codes), verified.writes);
            if let Some(changed) = voiding {
                writes.extend(changed.replace(&user));
                user = changed;
            }
            match self.open_session(ctx, user, passed, amr, writes).await {
                // Another request has used this code, another one, or the challenge: verify them again.
                Err(Error::PreconditionFailed) => {
                    (challenge, user) = self.challenges.find_challenge(ctx, digest).await?;
                }
                result => return Ok(result?),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Returns the actor for a challenge in which the user adds a factor. Fails with [`Error::InvalidToken`] if it is
    /// not valid.
    pub async fn enrolling(&self, ctx: &Ctx, challenge: &Token) -> Result<Actor, Error> {
        let found = self
            .challenges
            .find_challenge(ctx, &challenge.digest())
            .await;
        let (challenge, user) = match found {
            Ok(found) => found,
            Err(Error::ChallengeExpired) => return Err(Error::InvalidToken),
            Err(other) => return Err(other),
        };
        let may_enrol = match challenge.state.step {
            Step::Factor => false,
            // Void once there is a factor, which a sign-in has to prove.
            Step::Enrol => FactorSet::of_user(&*self.store, user.id).await?.is_empty(),
            Step::Enrolled => true,
        };
        match may_enrol {
            true => Ok(Actor::Enrolling {
                id: user.id,
                username_key: user.username.as_ref().map(|name| name.key().to_owned()),
                challenge: challenge.digest,
            }),
            false => Err(Error::InvalidToken),
        }
    }

    /// Creates the session of a sign-in in which the user has added a factor of this kind.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn finish_enrolling(&self, ctx: &Ctx, kind: FactorKind) -> Result<SignedIn, Error> {
        let Actor::Enrolling { challenge, .. } = &ctx.actor else {
            return Err(Error::AuthenticationRequired);
        };
        let outcome = self.open_enrolled_session(ctx, challenge, kind).await;
        self.record_outcome(&outcome);
        outcome
    }

    async fn open_enrolled_session(
        &self,
        ctx: &Ctx,
        challenge: &Digest,
        kind: FactorKind,
    ) -> Result<SignedIn, Error> {
        let (challenge, user) = self.challenges.find_challenge(ctx, challenge).await?;
        challenge.ensure_step_is(&Step::Enrolled)?;
        let amr = AuthMethod::with_factor(kind);
        let opened = self.open_session(ctx, user, (&challenge, 0), amr, Batch::new());
        match opened.await {
            // Another request has used the challenge.
            Err(Error::PreconditionFailed) => Err(Error::ChallengeExpired),
            result => result,
        }
    }

    /// Creates the session of a challenge, after this number of wrong codes.
    async fn open_session(
        &self,
        ctx: &Ctx,
        user: User,
        (challenge, wrong_codes): (&Challenge, u32),
        amr: Vec<AuthMethod>,
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        batch.push(challenge.mark_used(ctx.now));
        let auth_time = challenge.state.password_entered_at.unwrap_or(ctx.now);
        let verified = VerifiedUser {
            attempt: Some(self.password_attempts.earlier(ctx, &user)?),
            user,
        };
        let mut history = self.completion.history(ctx, &verified).await?;
        history.failures = history.failures.saturating_add(wrong_codes);
        self.completion
            .complete(ctx, (&verified, history), (amr, auth_time), batch)
            .await
    }

    fn record_outcome(&self, outcome: &Result<SignedIn, Error>) {
        self.writer.record(MetricEvent::SignIn(match outcome {
            Ok(_) => SignInOutcome::Success,
            Err(error) => SignInOutcome::from_error(error),
        }));
    }
}
