//! Sign in: show a password, get a session.
//!
//! Unknown account and wrong password cost the same work and get the same answer: one
//! hash by a username, two by an address: it may have an owner, and a user who has it as a pending address.
//! The account's state is told only to whoever knows the password. A try is counted before it is
//! known whether it was right, under the account it is aimed at.

use crate::accounts::Accounts;
use crate::changes::{Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::sessions::SignedIn;
use crate::happening::{Happening, SignInOutcome};
use crate::model::{Credential, Event, Status, User};
use crate::passwords::{Asker, Verdict};
use crate::values::{EmailAddress, Password, Secret, UserId, Username};

/// An id that nobody has.
fn nobody() -> UserId {
    UserId::from_bytes([0; 16])
}

/// Which account a password is shown for. Two name spaces, each looked up by its own column.
#[derive(Debug, Clone)]
pub enum Identifier {
    /// By user name.
    Username(Username),
    /// By confirmed address. A pending one is found too, to report that it is not confirmed.
    Email(EmailAddress),
}

/// Whom an identifier names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Whose it is.
    pub(crate) owner: Option<User>,
    /// The newest user who has the address as a pending one.
    pub(crate) pending: Option<User>,
    /// Whether there can be such a user. A wrong password then costs two hashes, with a pending user or without,
    /// so that the time does not reveal that a sign-up waits.
    pub(crate) by_email: bool,
}

impl Named {
    /// By a session, which leaves no doubt.
    pub(crate) fn surely(user: User) -> Self {
        Self {
            owner: Some(user),
            ..Self::default()
        }
    }
}

impl Accounts {
    /// Opens a session where the password is right and the account is active.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        password: &Password,
    ) -> Result<SignedIn, Error> {
        let outcome = self.try_sign_in(ctx, identifier, password).await;
        self.note(Happening::SignIn(match &outcome {
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
        let named = self.find_account(identifier).await?;
        let user = self
            .verify_password(ctx, identifier, named, password, Event::SignIn)
            .await?;
        self.ensure_open(ctx, identifier, &user, Event::SignIn)
            .await?;
        // Before there is a session: a look-up that fails leaves none without its line (L-01).
        let notice = self.sign_in_notice(ctx, &user).await?;
        let signed_in = self.issue_session(ctx, user).await?;
        let line = self.audit(ctx, Event::SignIn, Some(signed_in.user.id));
        self.apply([line].into_iter().chain(notice).collect())
            .await?;
        Ok(signed_in)
    }

    /// The account an identifier names. As many questions are asked of the store whether it is
    /// there or not.
    pub(crate) async fn find_account(&self, identifier: &Identifier) -> Result<Named, Error> {
        let store = &self.ports.store;
        match identifier {
            Identifier::Username(username) => {
                let owner = store.find_user_by_username(username.key()).await?;
                Ok(Named {
                    owner,
                    ..Named::default()
                })
            }
            Identifier::Email(email) => {
                let owner = store.find_user_by_email(email.key()).await?;
                let pending = store.list_users_by_pending_email(email.key(), 1);
                let pending = pending.await?.into_iter().next();
                Ok(Named {
                    owner,
                    pending,
                    by_email: true,
                })
            }
        }
    }

    /// The user, where this is their password. Every verification of a password goes through here.
    ///
    /// By an address, the password is compared with the owner's hash (or a decoy) and then with that of the newest
    /// user who has it as a pending address (or a decoy), so that neither the response nor its time reveals whether
    /// the address has an owner.
    pub(crate) async fn verify_password(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        named: Named,
        password: &Password,
        event: Event,
    ) -> Result<User, Error> {
        let Named {
            owner,
            pending,
            by_email,
        } = named;
        let meant = owner.as_ref().or(pending.as_ref()).cloned();
        let attempt = self
            .acquire_password_attempt(ctx, identifier, owner.as_ref())
            .await?;
        let aimed_at = owner.as_ref().map_or_else(
            || (nobody(), User::FIRST_EPOCH),
            |user| (user.id, user.session_epoch),
        );
        let account = owner.clone();
        // A lockout outlives its counters. Such an account answers like an unknown one, after the same work: a
        // different answer would reveal that it exists.
        let owner = owner.filter(|user| !attempt.is_locked_out(user));
        let asker = attempt.asker(ctx, aimed_at.0);
        match self.try_password(ctx, &asker, owner, password).await {
            Ok(None) => {}
            Ok(Some(user)) => {
                self.clear_password_attempts(&attempt, &user).await?;
                return self.with_data(user).await;
            }
            Err(error) => {
                self.release_password_attempt(ctx, &attempt).await?;
                return Err(error);
            }
        }
        // The guess at the owner's password stays counted from here on. Otherwise an attacker could clear it by
        // signing up with the owner's address and a password of their own.
        let mut lockout = self
            .count_wrong_password(ctx, &attempt, identifier, account.as_ref(), aimed_at)
            .await?;
        let unconfirmed = match by_email {
            true => self.try_password(ctx, &asker, pending, password).await,
            false => Ok(None),
        };
        if !matches!(unconfirmed, Ok(None)) && !lockout.is_empty() {
            self.apply(std::mem::take(&mut lockout)).await?;
        }
        match unconfirmed? {
            Some(user) => self.with_data(user).await,
            None => Err(self.refuse_password(ctx, meant, event, lockout).await?),
        }
    }

    /// Whoever has shown the password, with what the look-up by a name leaves in the store. All else stays as
    /// it was when the password was held against it: whoever is written by then is written by nobody else.
    async fn with_data(&self, user: User) -> Result<User, Error> {
        if user.data.read().is_some() {
            return Ok(user);
        }
        let whole = self.ports.store.find_user(user.id).await?;
        let data = whole.ok_or(Error::InvalidCredentials)?.data;
        Ok(User { data, ..user })
    }

    /// The candidate, where this is their password; the same work where there is no candidate.
    async fn try_password(
        &self,
        ctx: &Ctx,
        asker: &Asker,
        candidate: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, Error> {
        // A credential of nobody is asked for under an id that nobody has.
        let user_id = candidate.as_ref().map_or_else(nobody, |user| user.id);
        let kept = self.ports.store.find_credential(user_id).await?;
        let hash = kept.as_ref().map(|credential| &credential.password_hash);
        let verdict = self.hasher.verify(asker, password, hash).await?;
        let Some(user) = candidate.filter(|_| verdict.is_right()) else {
            return Ok(None);
        };
        if let (Verdict::RightButOutdated(newer), Some(old)) = (verdict, kept) {
            self.rehash(ctx, &user, newer, old.password_hash).await?;
        }
        Ok(Some(user))
    }

    /// Writes down a wrong password, and says what the client is told of it.
    async fn refuse_password(
        &self,
        ctx: &Ctx,
        account: Option<User>,
        event: Event,
        mut changes: Changes,
    ) -> Result<Error, Error> {
        let user_id = account.as_ref().map(|user| user.id);
        let detail = if account.is_some() {
            "wrong password"
        } else {
            "unknown account"
        };
        changes.push(self.audit_failure(ctx, event, user_id, detail));
        self.apply(changes).await?;
        Ok(match account {
            _ if self.policy.enumeration_protection => Error::InvalidCredentials,
            Some(_) => Error::WrongPassword,
            None => Error::UnknownAccount,
        })
    }

    /// Fails if the account cannot sign in by this identifier. Only a caller who sent the correct password gets here.
    pub(crate) async fn ensure_open(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        user: &User,
        event: Event,
    ) -> Result<(), Error> {
        let is_confirmed = match identifier {
            Identifier::Username(_) => true,
            Identifier::Email(email) => {
                user.email.as_ref().map(EmailAddress::key) == Some(email.key())
            }
        };
        let (refusal, detail) = match user.status {
            Status::Active if is_confirmed => return Ok(()),
            Status::Active | Status::Pending => (Error::EmailUnconfirmed, "email not confirmed"),
            Status::Disabled => (Error::AccountDisabled, "account disabled"),
        };
        self.apply(vec![self.audit_failure(ctx, event, Some(user.id), detail)])
            .await?;
        Err(refusal)
    }

    async fn rehash(
        &self,
        ctx: &Ctx,
        user: &User,
        newer: Secret<String>,
        old: Secret<String>,
    ) -> Result<(), Error> {
        let changes: Changes = vec![Change::RehashCredential {
            credential: Credential {
                user_id: user.id,
                password_hash: newer,
                updated_at: ctx.now,
            },
            old,
        }];
        Ok(self.apply(changes).await?)
    }
}
