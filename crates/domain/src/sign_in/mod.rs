//! Sign-in: verifies a password and creates a session. Reauthentication verifies a signed-in user's password again.
//!
//! `core::verify_password` verifies the password, `device` records the device and notifies the owner.

mod device;

use std::sync::Arc;

use crate::access::Action;
use crate::core::Core;
use crate::core::sessions::SignedIn;
use crate::core::step_up::event_of;
use crate::core::verify_password::VerifiedPassword;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metric_event::{MetricEvent, SignInOutcome};
use crate::model::Event;
use crate::values::Password;

pub use crate::core::verify_password::Identifier;

/// Signs users in, and verifies the password of a signed-in user again.
pub struct SignIn {
    pub(crate) core: Arc<Core>,
}

impl SignIn {
    /// Creates a session if the password is correct, the account is active and the address is confirmed.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<SignedIn, Error> {
        let outcome = self.try_sign_in(ctx, identifier, password).await;
        self.core.record(MetricEvent::SignIn(match &outcome {
            Ok(_) => SignInOutcome::Success,
            Err(error) => SignInOutcome::of_refusal(error),
        }));
        outcome
    }

    async fn try_sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<SignedIn, Error> {
        let lookup = self.core.find_account(identifier).await?;
        let VerifiedPassword {
            user,
            failed_before,
        } = self
            .core
            .verify_password(ctx, identifier, lookup, password, Event::SignIn)
            .await?;
        self.core
            .ensure_can_sign_in(ctx, identifier, &user, Event::SignIn)
            .await?;
        let mut batch = self.device_writes(ctx, &user, failed_before).await?;
        batch.push(self.core.audit(ctx, Event::SignIn, Some(user.id)));
        self.core.issue_session(ctx, user, batch).await
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
        self.core.authorize_named(ctx, action, named).await?;
        self.core
            .reauthenticate_with(ctx, password, event_of(action))
            .await
    }
}
