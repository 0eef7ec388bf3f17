//! Confirm an address: a new user's, or the one an account moves to.
//!
//! A link confirms the address it was mailed to and no other: it is compared with what the user
//! has pending now. Looking at a link changes nothing; the POST uses it up, and says the
//! same again as long as the link would have lived.

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes, Unique};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::change_email::ended_since;
use crate::flows::sign_in::{Identifier, Named};
use crate::happening::SessionEnd;
use crate::model::{AuditEvent, Event, Link, MailKind, Purpose, Status, User};
use crate::values::{Data, EmailAddress, Invalid, Password, Token, UserId};

/// How many unconfirmed claims to one address are cleared away, or looked at to be mailed, at a time.
pub(crate) const MAX_CLAIMS: usize = 20;
/// How many times so many are cleared away while whoever confirmed waits for the answer. What is left can
/// confirm nothing any more, and goes when its time has run out.
const MAX_CLEARINGS: usize = 10;

/// Whether a confirmation takes the password of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPassword {
    /// It does.
    Asked,
    /// The link is enough.
    NotAsked,
}

/// How many wait to confirm one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// Nobody else.
    One,
    /// Others as well: an own sign-up may be another one.
    Several,
}

impl Accounts {
    /// Asks for the confirmation mail once more. Whether the address is known shows in nobody's
    /// answer: the worker looks, not we.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn request_confirmation(&self, ctx: &Ctx, email: &EmailAddress) -> Result<(), Error> {
        self.ensure_outbox_room()?;
        self.throttle_mailbox(ctx, MailKind::ConfirmationAgain, email)
            .await?;
        let mail = self.mail(
            ctx,
            MailKind::ConfirmationAgain,
            None,
            email,
            ctx.client.locale,
        );
        Ok(self.apply(vec![mail]).await?)
    }

    /// Whom a living confirmation link belongs to, for the page that asks for the click.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_confirmation(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        let (link, user) = self
            .find_living_link(ctx, token, Purpose::Confirmation)
            .await?;
        if is_confirmed(&user, &link) {
            Ok(as_confirmed(user, &link))
        } else if is_open(&user, &link) {
            Ok(user)
        } else {
            Err(Error::LinkExpired)
        }
    }

    /// Confirms the address.
    pub async fn confirm(&self, ctx: &Ctx, token: &Token) -> Result<User, Error> {
        self.confirm_with_password(ctx, token, None).await
    }

    /// Confirms the address; where it is asked for, only with the password of the account, so that nobody
    /// confirms what a stranger has begun in their name.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn confirm_with_password(
        &self,
        ctx: &Ctx,
        token: &Token,
        password: Option<&Password>,
    ) -> Result<User, Error> {
        let mut is_password_due = true;
        for _ in 0..ATTEMPTS {
            let (link, user) = self
                .find_living_link(ctx, token, Purpose::Confirmation)
                .await?;
            // Asked first: another POST may have used the link between the two reads.
            if is_confirmed(&user, &link) {
                return Ok(as_confirmed(user, &link));
            }
            if !is_open(&user, &link) {
                return Err(Error::LinkExpired);
            }
            if is_password_due && self.asks_password(&user).await? == AccountPassword::Asked {
                self.show_account_password(ctx, &user, &link.email, password)
                    .await?;
                is_password_due = false;
            }
            let confirmed = confirmed(ctx, &user);
            let changes = self
                .confirmation_changes(ctx, &link, &user, &confirmed)
                .await?;
            match self.apply(changes).await {
                Ok(()) => {
                    if confirmed.session_epoch != user.session_epoch {
                        let (epoch, why) = (confirmed.session_epoch, SessionEnd::AccountChanged);
                        self.end_sessions(ctx, user.id, epoch, why, None).await;
                    }
                    self.forget_guesses(ctx, &confirmed).await;
                    self.clear_claims(ctx, &link.email).await;
                    return Ok(confirmed);
                }
                // Used, or the user changed, in between: look again.
                Err(ApplyError::Stale) => {}
                // Somebody else has confirmed the address first.
                Err(ApplyError::Taken(Unique::Email)) => return Err(Error::LinkExpired),
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Whether a confirmation asks for the account's password. Always, where the operator wants it. Of
    /// a sign-up, where more claim the address than it is mailed for: strangers may have crowded out its
    /// owner's, and the link at hand be one of theirs. Of an account that moves here, where anybody else
    /// claims the address: its new owner may take it for their own sign-up, and whoever had it before can
    /// take it back for days, with all that has been put into it.
    pub async fn asks_password(&self, user: &User) -> Result<AccountPassword, Error> {
        let Some(email) = user.pending_email.as_ref() else {
            return Ok(AccountPassword::NotAsked);
        };
        if self.policy.confirmation_requires_password {
            return Ok(AccountPassword::Asked);
        }
        let most = match user.status {
            Status::Pending if !self.policy.throttle => return Ok(AccountPassword::NotAsked),
            Status::Pending => {
                usize::try_from(self.policy.limits.mailbox.burst).unwrap_or(usize::MAX - 1)
            }
            Status::Active | Status::Disabled => 1,
        };
        let others = self.claims_of_others(user, email, most).await?;
        Ok(match others.len() >= most {
            true => AccountPassword::Asked,
            false => AccountPassword::NotAsked,
        })
    }

    /// What the page of a link has to ask and to say.
    pub async fn confirmation_asks(&self, user: &User) -> Result<(AccountPassword, Claims), Error> {
        let password = self.asks_password(user).await?;
        Ok((password, self.claims_beside(user).await?))
    }

    /// Whether others wait to confirm the same address, so that the page says so.
    pub async fn claims_beside(&self, user: &User) -> Result<Claims, Error> {
        let Some(email) = user.pending_email.as_ref() else {
            return Ok(Claims::One);
        };
        let others = self.claims_of_others(user, email, 1).await?;
        Ok(match others.is_empty() {
            true => Claims::One,
            false => Claims::Several,
        })
    }

    /// So many who claim the address beside this one; a change of it that has ended is no claim any more.
    pub(crate) async fn claims_of_others(
        &self,
        user: &User,
        email: &EmailAddress,
        limit: usize,
    ) -> Result<Vec<User>, Error> {
        let (store, since) = (&self.ports.store, ended_since(self.now()));
        let claims = store.list_users_by_pending_email(email.key(), since, limit + 1);
        let mut claims = claims.await?;
        claims.retain(|claim| claim.id != user.id);
        Ok(claims)
    }

    /// Clears away what is left of the claims to an address that has an owner now, where there were more
    /// than one change takes.
    async fn clear_claims(&self, ctx: &Ctx, email: &EmailAddress) {
        let mut after = None;
        for _ in 0..MAX_CLEARINGS {
            let (store, since) = (&self.ports.store, ended_since(ctx.now));
            let claims = store.list_claims(email.key(), since, after, MAX_CLAIMS);
            let claims = match claims.await {
                Ok(claims) => claims,
                Err(error) => {
                    tracing::warn!(%error, "claims to a confirmed address could not be read");
                    return;
                }
            };
            let Some(last) = claims.last() else { return };
            after = Some(last.id);
            let pending = claims.iter().filter(|one| one.status == Status::Pending);
            let changes: Changes = pending
                .flat_map(|claim| {
                    let line = self.superseded(ctx, claim.id);
                    [Change::DeletePendingUser(claim.id), line]
                })
                .collect();
            if changes.is_empty() {
                continue;
            }
            if let Err(error) = self.apply(changes).await {
                tracing::warn!(%error, "claims to a confirmed address wait for their time to run out");
                return;
            }
        }
        tracing::info!(
            "the last of very many claims to a confirmed address wait for their time to run out"
        );
    }

    /// The line about a sign-up that goes since its address has an owner now (L-01): by it the log forgets
    /// from where it came (L-05). From where the address was confirmed is no business of that line.
    fn superseded(&self, ctx: &Ctx, id: UserId) -> Change {
        Change::Audit(Box::new(AuditEvent {
            address: None,
            user_agent: None,
            ..self.audit_line(ctx, Event::SignUpSuperseded, Some(id))
        }))
    }

    /// A wrong one counts like one at sign-in.
    async fn show_account_password(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
        password: Option<&Password>,
    ) -> Result<(), Error> {
        let missing = || {
            let what = "Give the password of the account.";
            Error::invalid("password", Invalid::new("missing", what))
        };
        let password = password.ok_or_else(missing)?;
        let identifier = Identifier::Email(email.clone());
        let named = Named::surely(user.clone());
        self.verify_password(ctx, &identifier, named, password, Event::EmailConfirmed)
            .await?;
        Ok(())
    }

    async fn confirmation_changes(
        &self,
        ctx: &Ctx,
        link: &Link,
        user: &User,
        confirmed: &User,
    ) -> Result<Changes, Error> {
        let claims = self
            .ports
            .store
            .list_users_by_pending_email(link.email.key(), ended_since(ctx.now), MAX_CLAIMS)
            .await?;
        // The others who claimed this address can never confirm it now. Everybody touches the
        // claimants in the order of their ids and before anything else: two who confirm at once then
        // wait for one another, and never each for the other.
        let mut ids: Vec<_> = claims
            .iter()
            .filter(|claim| claim.id != user.id && claim.status == Status::Pending)
            .map(|claim| claim.id)
            .chain([user.id])
            .collect();
        ids.sort_unstable();
        let touch = |id| match id == user.id {
            true => Change::UpdateUser {
                user: Box::new(confirmed.clone()),
                expected: user.version,
            },
            false => Change::DeletePendingUser(id),
        };
        let mut changes: Changes = ids.iter().copied().map(touch).collect();
        let others = ids.into_iter().filter(|id| *id != user.id);
        changes.extend(others.map(|id| self.superseded(ctx, id)));
        changes.extend([
            Change::UseLink {
                digest: link.digest,
                at: ctx.now,
            },
            Change::RevokeLinks(user.id, vec![Purpose::Recovery]),
        ]);
        changes.extend(self.of_a_move(ctx, user));
        Ok(changes)
    }

    /// “This wasn't me”: whoever reads the mailbox takes the claim to it away. A user who was
    /// never confirmed is deleted, an account that wanted to move here stays where it is.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn disown(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let (link, user) = self
                .find_living_link(ctx, token, Purpose::Confirmation)
                .await?;
            if !is_open(&user, &link) {
                return Err(Error::LinkExpired);
            }
            let release = match user.status {
                Status::Pending => Change::DeleteUser(user.id),
                Status::Active | Status::Disabled => Change::UpdateUser {
                    expected: user.version,
                    user: Box::new(User {
                        pending_email: None,
                        email_change: None,
                        version: user.version.next(),
                        updated_at: ctx.now,
                        ..user.clone()
                    }),
                },
            };
            let changes = vec![
                Change::UseLink {
                    digest: link.digest,
                    at: ctx.now,
                },
                release,
                self.audit(ctx, Event::ConfirmationCancelled, Some(user.id)),
            ];
            match self.apply(changes).await {
                Ok(()) => return Ok(()),
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// A link of that purpose that has not run out, used or not, and its user.
    pub(crate) async fn find_living_link(
        &self,
        ctx: &Ctx,
        token: &Token,
        purpose: Purpose,
    ) -> Result<(Link, User), Error> {
        let link = self.ports.store.find_link(&token.digest()).await?;
        let link = link
            .filter(|link| link.purpose == purpose && link.expires_at > ctx.now)
            .ok_or(Error::LinkExpired)?;
        let user = self
            .ports
            .store
            .find_user(link.user_id)
            .await?
            .ok_or(Error::LinkExpired)?;
        Ok((link, user))
    }
}

/// Whether the link is unused and the user still waits for its very address. A disabled user's links
/// were revoked; one that a worker made at that very moment opens nothing.
fn is_open(user: &User, link: &Link) -> bool {
    link.used_at.is_none()
        && user.status != Status::Disabled
        && user.pending_email.as_ref().map(EmailAddress::key) == Some(link.email.key())
}

fn is_confirmed(user: &User, link: &Link) -> bool {
    user.email.as_ref().map(EmailAddress::key) == Some(link.email.key())
}

/// The user, to whoever shows a spent link once more: the same as the first time, or, once they have
/// written something of their own, without that. The mail may be in other hands by then.
fn as_confirmed(user: User, link: &Link) -> User {
    match link.used_at {
        Some(at) if user.updated_at <= at => user,
        _ => User {
            name: None,
            data: Data::default(),
            ..user
        },
    }
}

fn confirmed(ctx: &Ctx, user: &User) -> User {
    let moves = user.status != Status::Pending;
    User {
        email: user.pending_email.clone(),
        pending_email: None,
        email_change: None,
        status: match user.status {
            Status::Pending => Status::Active,
            other => other,
        },
        // An e-mail change is a security event; a first confirmation has no session to end.
        session_epoch: user.session_epoch + i64::from(moves),
        version: user.version.next(),
        updated_at: ctx.now,
        ..user.clone()
    }
}
