//! Reauthentication: actions that are most harmful in the hands of a thief require the password again, and a
//! second factor if the account has one.
//!
//! A session only proves who signed in at its start. To change a role, to disable, enable or delete an account, to
//! change its address or its factors, to invite an admin, to delete a queued mail or to rotate the signing keys, the user
//! must have signed in recently, or send the proof with the request. A browser's proof is also recorded in the session
//! ([`Renewal::record_proof`](crate::sessions::Renewal::record_proof)), so that the next action needs none.
//!
//! Each of these methods begins with `Access::begin`, or calls `Access::ensure_reauthenticated`, so that no caller can skip
//! it. [`Reauthentication::reauthenticate`] verifies a proof that is sent with the request. To add an action: call `begin`
//! in its method, and name the audit event of a missing proof in `Action::rule`.

use std::sync::Arc;

use crate::access::{Access, Action};
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::factors::attempts::{CodeAttempt, CodeAttempts};
use crate::factors::verifier::{CodeFailure, CodeVerifier};
use crate::model::{AuditKind, AuthMethod, FactorSet, User};
use crate::passwords::account::{AccountLookup, own_identifier};
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::verifier::{PasswordVerifier, VerifiedUser};
use crate::store::{ReadStore, Records};
use crate::values::{FactorCode, FactorKind, Password};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

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

/// A request whose proof was verified, if it contains one.
#[derive(Debug)]
pub struct Reauthenticated {
    /// The context of the request, with the time of the proof.
    pub ctx: Ctx,
    /// `true` if the request contains a proof.
    pub has_proof: bool,
    /// The methods of the proof, for the session to record. `None` if there is nothing to record: without a proof, and with the
    /// password alone if the account has a second factor, whose time it does not extend.
    pub recordable: Option<Vec<AuthMethod>>,
}

impl Reauthenticated {
    fn without_proof(ctx: &Ctx) -> Self {
        Self {
            ctx: ctx.clone(),
            has_proof: false,
            recordable: None,
        }
    }

    fn proved(ctx: &Ctx, factor: &SecondFactor) -> Self {
        let mut ctx = ctx.clone();
        let now = ctx.now;
        if let Actor::User {
            auth_time,
            is_multi_factor,
            ..
        } = &mut ctx.actor
        {
            *auth_time = now;
            *is_multi_factor = !matches!(factor, SecondFactor::NotEnrolled);
        }
        let recordable = match factor {
            SecondFactor::NotEnrolled => Some(vec![AuthMethod::Password]),
            SecondFactor::ProvedBefore => None,
            SecondFactor::Proved(kind) => Some(AuthMethod::with_factor(*kind)),
        };
        Self {
            ctx,
            has_proof: true,
            recordable,
        }
    }
}

/// The second factor in a proof.
pub(crate) enum SecondFactor {
    /// The account has none.
    NotEnrolled,
    /// The session was opened with it, or has recorded a proof with it, recently enough.
    ProvedBefore,
    /// A code of this kind was used.
    Proved(FactorKind),
}

/// Verifies the proof of a signed-in user again.
pub struct Reauthentication {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) code_verifier: Arc<CodeVerifier>,
    pub(crate) code_attempts: Arc<CodeAttempts>,
    pub(crate) writer: Arc<Writer>,
}

impl Reauthentication {
    /// Returns `true` if the signed-in user has proved recently who they are, so that no action needs the password. A second
    /// factor can still be missing: see [`Factors::needs_code`](crate::factors::Factors::needs_code).
    pub fn has_recent_proof(&self, ctx: &Ctx) -> bool {
        match &ctx.actor {
            Actor::User { auth_time, .. } => self.access.is_recent(ctx, *auth_time),
            _ => false,
        }
    }

    /// Verifies the actor's own proof if the request contains one. A wrong password counts as a failed sign-in.
    /// Authorization is checked first.
    pub async fn reauthenticate(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
        proof: Option<&Proof>,
    ) -> Result<Reauthenticated, Error> {
        let Some(proof) = proof else {
            return Ok(Reauthenticated::without_proof(ctx));
        };
        self.access.authorize_by_name(ctx, action, named).await?;
        self.reauthenticate_with(ctx, proof, action.rule().audited_as())
            .await
    }

    /// Verifies the actor's own password and second factor.
    async fn reauthenticate_with(
        &self,
        ctx: &Ctx,
        proof: &Proof,
        event: AuditKind,
    ) -> Result<Reauthenticated, Error> {
        let Actor::User { id, .. } = &ctx.actor else {
            return Ok(Reauthenticated::without_proof(ctx));
        };
        let own: Option<User> = self.store.get(*id).await?;
        let own = own.ok_or(Error::InvalidToken)?;
        let identifier = own_identifier(&own)?;
        let lookup = AccountLookup::from_user(own);
        let verified = self
            .password_verifier
            .verify_password(ctx, &identifier, lookup, &proof.password, event)
            .await?;
        let factor = self
            .finish_proof(ctx, &verified, proof.code.as_ref(), event)
            .await?;
        Ok(Reauthenticated::proved(ctx, &factor))
    }

    /// Verifies the second factor of a user whose password was verified, if the account has one, and clears the wrong
    /// passwords. A recent sign-in with the factor is enough; otherwise the request must contain a code. If the factor is
    /// not proved, the correct password is not counted.
    pub(crate) async fn finish_proof(
        &self,
        ctx: &Ctx,
        verified: &VerifiedUser,
        code: Option<&FactorCode>,
        event: AuditKind,
    ) -> Result<SecondFactor, Error> {
        let factor = self
            .ensure_second_factor(ctx, &verified.user, code, event)
            .await;
        match factor {
            Ok(_) => self.password_attempts.clear(verified).await?,
            Err(_) => {
                self.password_attempts.release_backoff(ctx, verified).await;
            }
        }
        factor
    }

    async fn ensure_second_factor(
        &self,
        ctx: &Ctx,
        user: &User,
        code: Option<&FactorCode>,
        event: AuditKind,
    ) -> Result<SecondFactor, Error> {
        let set = FactorSet::of_user(&*self.store, user.id).await?;
        if set.is_empty() {
            return Ok(SecondFactor::NotEnrolled);
        }
        if self.access.has_recent_factor(ctx) {
            return Ok(SecondFactor::ProvedBefore);
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
            .code_attempts
            .begin(ctx, (user, &set), code.kind(), None)
            .await?;
        let used = self.use_code(ctx, &attempt, (user, set), code, event).await;
        self.code_verifier.finish(ctx, &attempt, used).await?;
        self.code_attempts.release_correct(ctx, &attempt).await;
        Ok(SecondFactor::Proved(code.kind()))
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
            let verified =
                self.code_verifier
                    .verify_code(ctx, attempt, (user, set), code.kind(), code, event);
            match self.writer.apply(verified.await?.writes).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Stale) => {
                    set = FactorSet::of_user(&*self.store, user.id).await?;
                }
                Err(other) => return Err(CodeFailure::NotUsed(other.into())),
            }
        }
        Err(CodeFailure::NotUsed(Error::Overloaded))
    }
}
