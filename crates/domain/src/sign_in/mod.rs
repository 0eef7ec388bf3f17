//! Sign-in: verifies a password and, if the account has one, a second factor, and creates a session. Reauthentication
//! verifies a signed-in user's proof again.
//!
//! `core::verify_password` verifies the password. `second_step` continues with a second factor. `device` records the
//! device and notifies the owner.

mod device;
mod second_step;

use std::sync::Arc;

use crate::access::Action;
use crate::core::Core;
use crate::core::sessions::SignedIn;
use crate::core::step_up::audit_kind_of;
use crate::core::verify_password::VerifiedPassword;
use crate::ctx::Ctx;
use crate::error::{Error, chain};
use crate::events::Event;
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::{AuditKind, AuthMethod};
use crate::store::Batch;
use crate::values::Password;

pub use crate::core::step_up::Proof;
pub use crate::values::Identifier;
pub use second_step::{NextFactor, NextStep};

/// The step after a verified factor.
#[derive(Debug)]
pub enum Outcome {
    /// All required factors are verified: the session.
    Session(Box<SignedIn>),
    /// Another factor is required.
    NextFactor(NextFactor),
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
        self.core.record(MetricEvent::SignIn(match &outcome {
            Ok(Outcome::Session(_)) => SignInOutcome::Success,
            Ok(Outcome::NextFactor(_)) => SignInOutcome::FactorRequired,
            Err(error) => SignInOutcome::from_error(error),
        }));
        outcome
    }

    async fn verify_first_factor(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<Outcome, Error> {
        let lookup = self.core.find_account(identifier).await?;
        let verified = self
            .core
            .verify_sign_in(ctx, identifier, lookup, password, AuditKind::SignIn)
            .await?;
        if let Some(next) = self.next_factor(ctx, &verified.user).await? {
            self.core.release_password_backoff(ctx, &verified).await?;
            return Ok(Outcome::NextFactor(next));
        }
        let amr = vec![AuthMethod::Password];
        let session = self.complete(ctx, (&verified, 0), amr, Batch::new()).await;
        if session.is_err() {
            // The password was not wrong.
            self.core.release_password_backoff(ctx, &verified).await?;
        }
        Ok(Outcome::Session(Box::new(session?)))
    }

    /// Creates the session once all factors are verified, with the writes of the last one, after this number of wrong codes.
    /// Clears the wrong passwords once the session is stored.
    async fn complete(
        &self,
        ctx: &Ctx,
        (verified, wrong_codes): (&VerifiedPassword, u32),
        amr: Vec<AuthMethod>,
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        self.core
            .ensure_no_pending_deletion(ctx, &verified.user)
            .await?;
        let wrong_passwords = self.core.wrong_passwords_before(ctx, verified).await?;
        let failed_before = wrong_passwords.saturating_add(wrong_codes);
        let user = verified.user.clone();
        let (device, unusual) = self.record_device(ctx, &user, failed_before).await?;
        batch.extend(device);
        let signed_in = Event::SignedIn {
            user: &user,
            unusual: unusual.as_ref(),
        };
        self.core.emit(ctx, signed_in, &mut batch);
        let signed_in = self.core.issue_session(ctx, user, amr, batch).await?;
        if let Err(error) = self.core.clear_password_attempts(verified).await {
            tracing::warn!(error = %chain(&error), "failed to clear the wrong passwords after a sign-in");
        }
        Ok(signed_in)
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
        self.core.authorize_by_name(ctx, action, named).await?;
        self.core
            .reauthenticate_with(ctx, proof, audit_kind_of(action))
            .await
    }
}
