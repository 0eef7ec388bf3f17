//! Sign-in: verifies a password and, if the account has one, a second factor, and creates a session.
//!
//! `passwords/verifier.rs` verifies the password. `second_step` continues with a second factor. `completion`
//! creates the session; `devices` records the device and notifies the owner.

pub(crate) mod completion;
mod second_step;

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::factors::challenge::Challenges;
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::{AuditKind, AuthMethod, FactorSet};
use crate::passwords::account::own_identifier;
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::verifier::{PasswordVerifier, VerifiedUser};
use crate::sessions::SignedIn;
use crate::sign_up::CompletedSignUp;
use crate::store::{Batch, ReadStore};
use crate::values::Password;
use crate::writer::Writer;

pub use crate::factors::challenge::{NextFactor, NextStep};
pub use crate::reauthentication::Proof;
pub use crate::values::Identifier;
pub(crate) use completion::SignInCompletion;

pub use second_step::SecondStep;

/// The step after a verified factor.
#[derive(Debug)]
pub enum Outcome {
    /// All required factors are verified: the session.
    Session(Box<SignedIn>),
    /// Another factor is required.
    NextFactor(NextFactor),
}

/// Verifies passwords, and creates sessions.
pub struct SignIn {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) completion: Arc<SignInCompletion>,
    pub(crate) writer: Arc<Writer>,
}

impl SignIn {
    /// Verifies the password. Creates a session if it is correct, the account is active and will not be deleted, the address
    /// is confirmed, and no second factor is required.
    #[tracing::instrument(name = "sign_in", level = "trace", skip_all)]
    pub async fn start(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<Outcome, Error> {
        let outcome = self.verify_first_factor(ctx, identifier, password).await;
        self.record_first_step(&outcome);
        outcome
    }

    /// Signs in the user of a sign-up that was completed in this request, with the password that they entered for it.
    /// The outcome is that of [`Self::start`].
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn after_sign_up(
        &self,
        ctx: &Ctx,
        sign_up: &CompletedSignUp,
    ) -> Result<Outcome, Error> {
        let outcome = self.continue_sign_up(ctx, sign_up).await;
        self.record_first_step(&outcome);
        outcome
    }

    async fn continue_sign_up(
        &self,
        ctx: &Ctx,
        sign_up: &CompletedSignUp,
    ) -> Result<Outcome, Error> {
        let (user, entered_at) = (&sign_up.user, sign_up.password_entered_at);
        let identifier = own_identifier(user)?;
        self.password_verifier
            .ensure_can_sign_in(ctx, &identifier, user, AuditKind::SignIn)
            .await?;
        let set = FactorSet::of_user(&*self.store, user.id).await?;
        if let Some(next) = self
            .challenges
            .next_factor(ctx, user, &set, Some(entered_at))
            .await?
        {
            return Ok(Outcome::NextFactor(next));
        }
        let verified = VerifiedUser {
            attempt: Some(self.password_attempts.earlier(ctx, user)?),
            user: user.clone(),
        };
        let history = self.completion.history(ctx, &verified).await?;
        let proved = (vec![AuthMethod::Password], entered_at);
        let session = self
            .completion
            .complete(ctx, (&verified, history), proved, Batch::new());
        Ok(Outcome::Session(Box::new(session.await?)))
    }

    fn record_first_step(&self, outcome: &Result<Outcome, Error>) {
        self.writer.record(MetricEvent::SignIn(match outcome {
            Ok(Outcome::Session(_)) => SignInOutcome::Success,
            Ok(Outcome::NextFactor(_)) => SignInOutcome::FactorRequired,
            Err(error) => SignInOutcome::from_error(error),
        }));
    }

    async fn verify_first_factor(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<Outcome, Error> {
        let lookup = self.password_verifier.find_account(identifier).await?;
        let found = self
            .password_verifier
            .verify_sign_in(ctx, identifier, lookup, password, AuditKind::SignIn)
            .await?;
        let (user, set, history) = tokio::join!(
            self.password_verifier.load_data(&found.user),
            FactorSet::of_user(&*self.store, found.user.id),
            self.completion.history(ctx, &found),
        );
        let verified = VerifiedUser {
            user: user?,
            ..found
        };
        if let Some(next) = self
            .challenges
            .next_factor(ctx, &verified.user, &set?, None)
            .await?
        {
            self.password_attempts.release_backoff(ctx, &verified).await;
            return Ok(Outcome::NextFactor(next));
        }
        let session = async {
            let proved = (vec![AuthMethod::Password], ctx.now);
            self.completion
                .complete(ctx, (&verified, history?), proved, Batch::new())
                .await
        };
        let session = session.await;
        if session.is_err() {
            // The password was not wrong.
            self.password_attempts.release_backoff(ctx, &verified).await;
        }
        Ok(Outcome::Session(Box::new(session?)))
    }
}
