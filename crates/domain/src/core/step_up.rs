//! Reauthentication: actions that are most harmful in the hands of a thief require the password again, and a
//! second factor if the account has one.
//!
//! A session only proves who signed in at its start. To change a role, to disable, enable or delete an account, to
//! change its address or its factors, to invite an admin, to delete a queued mail or to rotate the signing keys, the user
//! must have signed in recently, or send the proof with the request. Each of these methods begins with `Access::begin`, or
//! calls `Access::ensure_reauthenticated`, so that no caller can skip it. `SignIn::reauthenticate` verifies a proof that is
//! sent with the request. To add an action: call `begin` in its method, and `with_proof` in `Action::rule`.

use crate::core::Core;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::model::{AuditKind, User};
use crate::password::account::{AccountLookup, own_identifier};
use crate::store::Records;
use crate::values::{FactorCode, Password};

/// What a user sends with a request to prove again who they are.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The password.
    pub password: Password,
    /// The code of a second factor, if the account has one.
    pub code: Option<FactorCode>,
}

/// A password alone.
impl From<Password> for Proof {
    fn from(password: Password) -> Self {
        Self {
            password,
            code: None,
        }
    }
}

impl Core {
    /// Verifies the actor's own password and second factor, and returns the context that records this.
    pub(crate) async fn reauthenticate_with(
        &self,
        ctx: &Ctx,
        proof: &Proof,
        event: AuditKind,
    ) -> Result<Ctx, Error> {
        let Actor::User { id, .. } = &ctx.actor else {
            return Ok(ctx.clone());
        };
        let own: Option<User> = self.ports.store.get(*id).await?;
        let own = own.ok_or(Error::InvalidToken)?;
        let identifier = own_identifier(&own)?;
        let lookup = AccountLookup::from_user(own);
        let verified = self
            .password_verifier
            .verify_password(ctx, &identifier, lookup, &proof.password, event)
            .await?;
        let has_factor = self
            .finish_proof(ctx, &verified, proof.code.as_ref(), event)
            .await?;
        let mut proved = ctx.clone();
        if let Actor::User {
            auth_time,
            is_multi_factor,
            ..
        } = &mut proved.actor
        {
            (*auth_time, *is_multi_factor) = (ctx.now, has_factor);
        }
        Ok(proved)
    }
}
