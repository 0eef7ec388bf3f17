//! Changes the password. The current one is always required (P-12), with or without a session.
//!
//! A pending address change stays pending: its link is bound to the pending address, not to the password.

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::ApplyError;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sign_in::{AccountLookup, Identifier};
use crate::metric_event::SessionEnd;
use crate::model::{Credential, Event, User};
use crate::passwords::HashClient;
use crate::store::Records;
use crate::values::{Password, Secret};

impl Accounts {
    /// Changes the password of the signed-in user, or, without a session, of the user that `identifier` names.
    /// Ends every other session.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn change_password(
        &self,
        ctx: &Ctx,
        identifier: Option<&Identifier>,
        current: &Password,
        new: &Secret<String>,
    ) -> Result<(), Error> {
        let (identifier, lookup) = match (ctx.actor.user_id(), identifier) {
            (Some(id), _) => {
                let user = self
                    .ports
                    .store
                    .find_user(id)
                    .await?
                    .ok_or(Error::InvalidToken)?;
                (own_identifier(&user)?, AccountLookup::from_user(user))
            }
            (None, Some(identifier)) => (identifier.clone(), self.find_account(identifier).await?),
            (None, None) => return Err(Error::AuthenticationRequired),
        };
        let user = self
            .verify_password(ctx, &identifier, lookup, current, Event::PasswordChanged)
            .await?;
        self.ensure_can_sign_in(ctx, &identifier, &user, Event::PasswordChanged)
            .await?;
        let password = self.check_password_field("new_password", new.expose(), &user)?;
        let hash_client = HashClient::from_ctx(ctx);
        let hash = self
            .hasher
            .hash(&hash_client, password.as_password())
            .await?;
        self.write_password(ctx, user, hash, Proof::Password(&identifier, current))
            .await
    }

    /// Writes a new password hash, and ends every session except the caller's.
    ///
    /// Another write may raise the user's epoch after the current password was verified, for example one that
    /// ends all sessions. The current password is then compared with the stored hash again: if it was replaced,
    /// the result is [`Error::PreconditionFailed`] and nothing is changed.
    pub(crate) async fn write_password(
        &self,
        ctx: &Ctx,
        mut user: User,
        hash: Secret<String>,
        proof: Proof<'_>,
    ) -> Result<(), Error> {
        // A session of an earlier epoch has ended: it must not be kept under the new one.
        let mut kept_session = ctx.actor.session_id_in(user.session_epoch);
        for _ in 0..ATTEMPTS {
            let changes = self.password_changes(ctx, &user, hash.clone(), proof.event());
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, reason) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, reason, kept_session)
                        .await;
                    return Ok(());
                }
                Err(ApplyError::Stale) => {
                    let stored = self.ports.store.find_user(user.id).await?;
                    let stored = stored.ok_or(Error::InvalidToken)?;
                    if stored.session_epoch != user.session_epoch {
                        // The security event has ended the caller's session as well.
                        kept_session = None;
                        self.ensure_still_proven(ctx, &stored, &proof).await?;
                    }
                    user = stored;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn ensure_still_proven(
        &self,
        ctx: &Ctx,
        user: &User,
        proof: &Proof<'_>,
    ) -> Result<(), Error> {
        let Proof::Password(identifier, current) = proof else {
            return Ok(());
        };
        self.ensure_can_sign_in(ctx, identifier, user, proof.event())
            .await?;
        let stored = self.ports.store.get::<Credential>(user.id).await?;
        let hash = stored.as_ref().map(|credential| &credential.password_hash);
        let verification = self
            .hasher
            .verify(&HashClient::known(), current, hash)
            .await?;
        match verification.is_right() {
            true => Ok(()),
            false => Err(Error::PreconditionFailed),
        }
    }
}

/// Proof that a new password may be written.
pub(crate) enum Proof<'a> {
    /// The current password of the account with this identifier was verified.
    Password(&'a Identifier, &'a Password),
    /// The operator sets it on the command line.
    Operator,
}

impl Proof<'_> {
    fn event(&self) -> Event {
        match self {
            Self::Password(..) => Event::PasswordChanged,
            Self::Operator => Event::PasswordSet,
        }
    }
}

/// Returns the identifier to verify a signed-in user's password with: the username if there is one, else the
/// address.
pub(crate) fn own_identifier(user: &User) -> Result<Identifier, Error> {
    let by_username = user.username.clone().map(Identifier::Username);
    let by_email = user.email.clone().map(Identifier::Email);
    by_username.or(by_email).ok_or(Error::Internal(
        "an active user has neither a username nor an email address",
    ))
}
