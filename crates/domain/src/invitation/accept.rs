//! Accepts an invitation by its link: sets the first password.
//!
//! A mailed link confirms the address that it was mailed to. Viewing a link changes nothing. It is used once. The user
//! has just chosen the password, so a browser is signed in, as after a sign-up.

use std::sync::Arc;

use super::open_invitation;
use crate::access::roster;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::links::find_unexpired_link;
use crate::model::{Credential, Invitation, Link, PendingEmail, Purpose, Status, User};
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::hashing::{HashClient, Hasher};
use crate::policy::Policy;
use crate::sign_up::CompletedSignUp;
use crate::store::{ReadStore, Write};
use crate::users::removal::UserRemoval;
use crate::values::{Name, Secret, Token};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// What a user enters to accept an invitation.
#[derive(Debug)]
pub struct Acceptance {
    /// The password; it must fulfil the password rules.
    pub password: Secret<String>,
    /// The display name. `None` keeps the one that the admin has chosen.
    pub name: Option<Name>,
}

/// Accepts invitations.
pub struct InvitationAcceptance {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) writer: Arc<Writer>,
}

impl InvitationAcceptance {
    /// Returns the user of a valid link, for the page that asks for the password. Fails with [`Error::LinkExpired`]
    /// otherwise.
    #[tracing::instrument(name = "view_invitation", level = "trace", skip_all)]
    pub async fn view(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        Ok(self.find(ctx, token).await?.1)
    }

    async fn find(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let purpose = Purpose::Invitation;
        let (link, user) = find_unexpired_link(&*self.store, ctx, token, purpose).await?;
        match can_be_accepted(&user, &link) {
            true => Ok((link, user)),
            false => Err(Error::LinkExpired),
        }
    }

    /// Sets the password and uses the link: the user is active. If the password is rejected, the link stays valid. Fails with
    /// [`Error::LinkExpired`] if another user has confirmed the address first.
    #[tracing::instrument(name = "accept_invitation", level = "trace", skip_all)]
    pub async fn accept(
        &self,
        ctx: &Ctx,
        token: &Token,
        acceptance: &Acceptance,
    ) -> Result<CompletedSignUp, Error> {
        let (link, user) = self.find(ctx, token).await?;
        let text = acceptance.password.expose();
        let named = accepted(ctx, &user, &link, acceptance.name.as_ref());
        let password = self
            .policy
            .check_new_password("password", text, &named.personal_words())?;
        // The link was given to the user, so a flood of unknown clients must not reject them.
        let hash_client = HashClient::known_device();
        let password_hash = self
            .hasher
            .hash(&hash_client, password.as_password())
            .await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) = self.find(ctx, token).await?;
            let accepted = accepted(ctx, &user, &link, acceptance.name.as_ref());
            let credential = Credential::password(user.id, password_hash.clone(), ctx.now);
            let mut batch = accepted.replace(&user);
            batch.extend([Write::put(&credential), link.mark_used(ctx.now)]);
            batch.extend(roster::roster_change(&*self.store, Some(&user), Some(&accepted)).await?);
            let event = Event::InvitationAccepted { user: &accepted };
            self.writer.emit(ctx, event, &mut batch);
            match self.writer.apply(batch).await {
                Ok(()) => {
                    self.password_attempts.clear_email_failures(&accepted).await;
                    self.user_removal.clear_superseded(ctx, &accepted).await;
                    return Ok(CompletedSignUp {
                        user: accepted,
                        password_entered_at: ctx.now,
                    });
                }
                // The link was used, or the user or the roster changed in between: read them again.
                Err(WriteError::Stale) => {}
                // Another user has confirmed the address first.
                Err(WriteError::Taken(User::EMAIL_KEY)) => return Err(Error::LinkExpired),
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

/// Returns `true` if the link is unused and is the last one of the user's open invitation. A mailed one also needs the address
/// that it was mailed to: an admin may have changed it.
fn can_be_accepted(user: &User, link: &Link) -> bool {
    let is_theirs = link.email.is_none() || link.was_mailed_to(user.pending_address());
    link.used_at.is_none()
        && link.epoch == user.security_epoch
        && is_theirs
        && open_invitation(user).is_some()
}

/// The user once the invitation is accepted. A new epoch starts a new count of wrong passwords: someone may have tried
/// some before.
fn accepted(ctx: &Ctx, user: &User, link: &Link, name: Option<&Name>) -> User {
    let is_confirmed = link.email.is_some();
    let pending = user.pending_email.as_ref();
    let (email, pending_email) = match is_confirmed {
        true => (pending.map(|pending| pending.address.clone()), None),
        // The time to confirm it begins now.
        false => (
            None,
            pending.map(|pending| PendingEmail {
                requested_at: ctx.now,
                ..pending.clone()
            }),
        ),
    };
    User {
        email,
        pending_email,
        name: name.or(user.name.as_ref()).cloned(),
        status: Status::Active,
        locale: ctx.client.locale,
        invitation: user.invitation.map(Invitation::accepted),
        security_epoch: user.security_epoch + 1,
        ..user.next_version(ctx.now)
    }
}
