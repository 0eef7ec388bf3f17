//! Sign-in: verifies a password and creates a session. Reauthentication verifies a signed-in user's password again.
//!
//! `core::verify_password` verifies the password, `device` records the device and notifies the owner.

mod device;

use std::sync::Arc;

use crate::access::Action;
use crate::core::Core;
use crate::core::sessions::SignedIn;
use crate::core::step_up::audit_kind_of;
use crate::core::verify_password::VerifiedPassword;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::{AuditKind, AuthMethod};
use crate::values::Password;

pub use crate::core::verify_password::Identifier;

/// The step after a verified factor.
#[derive(Debug)]
pub enum Outcome {
    /// All required factors are verified: the session.
    Session(Box<SignedIn>),
    /// Another factor is required.
    NextFactor(NextFactor),
}

/// A factor that is still required. It has no values, since the password is the only factor: a match on it compiles
/// without an arm, and no longer does when a factor is added.
#[derive(Debug)]
pub enum NextFactor {}

/// Signs users in, and verifies the password of a signed-in user again.
pub struct SignIn {
    pub(crate) core: Arc<Core>,
}

impl SignIn {
    /// Creates a session if the password is correct, the account is active and the address is confirmed.
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
            Ok(Outcome::NextFactor(next)) => match *next {},
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
        let VerifiedPassword {
            user,
            failed_before,
        } = self
            .core
            .verify_password(ctx, identifier, lookup, password, AuditKind::SignIn)
            .await?;
        self.core
            .ensure_can_sign_in(ctx, identifier, &user, AuditKind::SignIn)
            .await?;
        let (mut batch, unusual) = self.record_device(ctx, &user, failed_before).await?;
        let signed_in = Event::SignedIn {
            user: &user,
            unusual: unusual.as_ref(),
        };
        self.core.emit(ctx, signed_in, &mut batch);
        let amr = vec![AuthMethod::Password];
        let session = self.core.issue_session(ctx, user, amr, batch).await?;
        Ok(Outcome::Session(Box::new(session)))
    }

    /// Verifies the actor's own password if the request contains one, and returns the context that records this. A
    /// wrong password counts as a failed sign-in. Authorization is checked first.
    pub async fn reauthenticate(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
        password: Option<&Password>,
    ) -> Result<Ctx, Error> {
        let Some(password) = password else {
            return Ok(ctx.clone());
        };
        self.core.authorize_by_name(ctx, action, named).await?;
        self.core
            .reauthenticate_with(ctx, password, audit_kind_of(action))
            .await
    }
}
