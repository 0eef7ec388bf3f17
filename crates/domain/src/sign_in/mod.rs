//! Sign-in: verifies a password and, if the account has one, a second factor, and creates a session. Reauthentication
//! verifies a signed-in user's proof again.
//!
//! `password/verifier.rs` verifies the password. `second_step` continues with a second factor. `device` records the
//! device and notifies the owner.

mod device;
mod second_step;

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::Action;
use crate::core::Core;
use crate::ctx::{Actor, Ctx};
use crate::deletion::ensure_no_pending_deletion;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::{AuditKind, AuthMethod, Device, FactorSet};
use crate::password::account::own_identifier;
use crate::password::verifier::VerifiedPassword;
use crate::sessions::SignedIn;
use crate::sign_up::CompletedSignUp;
use crate::store::Batch;
use crate::values::Password;

pub use crate::reauthentication::Proof;
pub use crate::values::Identifier;
pub use device::HISTORY_WINDOW;
pub use second_step::{NextFactor, NextStep};

/// The step after a verified factor.
#[derive(Debug)]
pub enum Outcome {
    /// All required factors are verified: the session.
    Session(Box<SignedIn>),
    /// Another factor is required.
    NextFactor(NextFactor),
}

/// What a sign-in is compared with.
struct History {
    /// The devices of earlier sign-ins that are not forgotten.
    devices: Vec<Device>,
    /// Number of wrong passwords and codes before it.
    failures: u32,
}

/// Signs users in, and verifies the proof of a signed-in user again.
pub struct SignIn {
    pub(crate) core: Arc<Core>,
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
        self.core
            .password_verifier
            .ensure_can_sign_in(ctx, &identifier, user, AuditKind::SignIn)
            .await?;
        let set = FactorSet::of_user(&*self.core.ports.store, user.id).await?;
        if let Some(next) = self.next_factor(ctx, user, &set, Some(entered_at)).await? {
            return Ok(Outcome::NextFactor(next));
        }
        let verified = VerifiedPassword {
            attempt: Some(self.core.password_attempts.earlier(ctx, user)?),
            user: user.clone(),
        };
        let history = self.history(ctx, &verified).await?;
        let proved = (vec![AuthMethod::Password], entered_at);
        let session = self.complete(ctx, (&verified, history), proved, Batch::new());
        Ok(Outcome::Session(Box::new(session.await?)))
    }

    fn record_first_step(&self, outcome: &Result<Outcome, Error>) {
        self.core.writer.record(MetricEvent::SignIn(match outcome {
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
        let lookup = self.core.password_verifier.find_account(identifier).await?;
        let found = self
            .core
            .password_verifier
            .verify_sign_in(ctx, identifier, lookup, password, AuditKind::SignIn)
            .await?;
        let (user, set, history) = tokio::join!(
            self.core.password_verifier.load_data(&found.user),
            FactorSet::of_user(&*self.core.ports.store, found.user.id),
            self.history(ctx, &found),
        );
        let verified = VerifiedPassword {
            user: user?,
            ..found
        };
        if let Some(next) = self.next_factor(ctx, &verified.user, &set?, None).await? {
            self.core
                .password_attempts
                .release_backoff(ctx, &verified)
                .await?;
            return Ok(Outcome::NextFactor(next));
        }
        let session = async {
            let proved = (vec![AuthMethod::Password], ctx.now);
            self.complete(ctx, (&verified, history?), proved, Batch::new())
                .await
        };
        let session = session.await;
        if session.is_err() {
            // The password was not wrong.
            self.core
                .password_attempts
                .release_backoff(ctx, &verified)
                .await?;
        }
        Ok(Outcome::Session(Box::new(session?)))
    }

    /// Reads the history of a user.
    async fn history(&self, ctx: &Ctx, verified: &VerifiedPassword) -> Result<History, Error> {
        let (devices, wrong_passwords) = tokio::join!(
            self.devices(ctx, &verified.user),
            self.core
                .password_attempts
                .wrong_passwords_before(ctx, verified),
        );
        Ok(History {
            devices: devices?,
            failures: wrong_passwords?,
        })
    }

    /// Creates the session once all factors are verified, with these methods at this time, and with the writes of the last
    /// one. Clears the wrong passwords once it is stored.
    async fn complete(
        &self,
        ctx: &Ctx,
        (verified, history): (&VerifiedPassword, History),
        proved: (Vec<AuthMethod>, Timestamp),
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        ensure_no_pending_deletion(&self.core.writer, ctx, &verified.user).await?;
        let user = &verified.user;
        let (device, unusual) = self.record_device(ctx, user, &history).await?;
        batch.extend(device);
        let signed_in = Event::SignedIn {
            user,
            unusual: unusual.as_ref(),
        };
        self.core.writer.emit(ctx, signed_in, &mut batch);
        let issuer = &self.core.session_issuer;
        let signed_in = issuer.issue_session(ctx, user, proved, batch).await?;
        let ((), cleared) = tokio::join!(
            issuer.evict_oldest_sessions(ctx, user.id),
            self.core.password_attempts.clear(verified),
        );
        if let Err(error) = cleared {
            tracing::warn!(error = %chain(&error), "failed to clear the wrong passwords after a sign-in");
        }
        Ok(signed_in)
    }

    /// Returns `true` if the signed-in user has proved recently who they are, so that no action needs the password. A second
    /// factor can still be missing: see [`Factors::needs_code`](crate::factors::Factors::needs_code).
    pub fn has_recent_proof(&self, ctx: &Ctx) -> bool {
        match &ctx.actor {
            Actor::User { auth_time, .. } => self.core.access.is_recent(ctx, *auth_time),
            _ => false,
        }
    }

    /// Verifies the actor's own proof if the request contains one, and returns the context that records this. A wrong
    /// password counts as a failed sign-in. Authorization is checked first.
    pub async fn reauthenticate(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
        proof: Option<&Proof>,
    ) -> Result<Ctx, Error> {
        let Some(proof) = proof else {
            return Ok(ctx.clone());
        };
        self.core
            .access
            .authorize_by_name(ctx, action, named)
            .await?;
        self.core
            .reauthentication
            .reauthenticate_with(ctx, proof, action.rule().audited_as)
            .await
    }
}
