//! Adds an authenticator, and renews the recovery codes.
//!
//! An enrolment creates the authenticator with its secret, which is shown once. It counts as a factor only after its first
//! code, so that a user who could not scan the QR code is not locked out. The first factor comes with recovery codes.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::challenge::Step;
use super::kinds::{Method, NewSecret};
use super::stored::StoredFactor;
use super::{Factor, MAX_FACTORS, recovery_codes};
use crate::access::{Access, Action, Begun};
use crate::clock::RandomSource;
use crate::ctx::{Actor, Ctx, KnownDevice};
use crate::error::{Error, WriteError};
use crate::events::Event;
use crate::factors::challenge::Challenges;
use crate::factors::changes::FactorChanges;
use crate::factors::store::FactorStore;
use crate::keys::MasterKey;
use crate::model::{FactorProof, FactorSet, FirstAdded, Status, User};
use crate::policy::Policy;
use crate::store::{Condition, ReadStore, Write};
use crate::values::{
    CredentialId, EmailAddress, FactorCode, FactorName, Invalid, Secret, Username,
};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Maximum number of pending enrolments of a user: unfinished and not expired.
const MAX_PENDING: usize = 5;

/// An authenticator that waits for its first code.
#[derive(Debug)]
pub struct Enrolment {
    /// The authenticator.
    pub factor: Factor,
    /// The secret in base 32, to type in. It is not shown again.
    pub secret: Secret<String>,
    /// The same as an `otpauth` URI, for a QR code.
    pub uri: Secret<String>,
}

/// An authenticator that was added.
#[derive(Debug)]
pub struct Enrolled {
    /// The authenticator.
    pub factor: Factor,
    /// The recovery codes, with the first factor. They are not shown again.
    pub recovery_codes: Option<Vec<Secret<String>>>,
}

/// Adds second factors, and renews recovery codes.
pub struct FactorEnrolment {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) access: Arc<Access>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) factor_changes: Arc<FactorChanges>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) writer: Arc<Writer>,
}

impl FactorEnrolment {
    /// Begins to add an authenticator to the actor's own account. Replaces an enrolment that this session or challenge has
    /// not finished. Requires a recent sign-in or a reauthentication.
    #[tracing::instrument(name = "begin_enrolment", level = "trace", skip_all)]
    pub async fn begin(
        &self,
        ctx: &Ctx,
        named: &str,
        name: &FactorName,
    ) -> Result<Enrolment, Error> {
        let new = NewSecret::generate(&*self.random);
        let (user, factor) = self
            .write_enrolment(ctx, named, (name, new.bytes()))
            .await?;
        let (secret, uri) = new.for_app(&account_name(&user), &self.issuer())?;
        Ok(Enrolment {
            factor: factor.view(),
            secret,
            uri,
        })
    }

    /// Writes a new authenticator. Replaces the pending one of this session or challenge, and deletes expired ones. The
    /// enrolment list is a condition of the write, so that parallel requests do not exceed the limits.
    async fn write_enrolment(
        &self,
        ctx: &Ctx,
        named: &str,
        (name, secret): (&FactorName, &[u8]),
    ) -> Result<(User, StoredFactor), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let begun = self.access.begin(ctx, Action::AddFactor, named).await?;
            let Begun { user, proof, .. } = begun;
            let set = FactorSet::of_user(&*self.store, user.id).await?;
            ensure_covers(ctx, proof, &set)?;
            ensure_room(&set)?;
            let origin = enrolment_origin(ctx);
            let list = self.factor_store.enrolment_list(user.id, ctx.now).await?;
            let is_replaced = |other: &&StoredFactor| other.is_begun_in(origin.as_deref());
            let (replaced, others): (Vec<_>, Vec<_>) = list.pending.iter().partition(is_replaced);
            if others.len() >= MAX_PENDING {
                return Err(too_many(format!(
                    "{MAX_PENDING} authenticator apps of this account wait for their first code. Enter one, remove one, or try again in an hour."
                )));
            }
            let random = &*self.random;
            let id = CredentialId::generate(ctx.now, random);
            let method = Method::new_app(&self.master_key, random, id, secret);
            let factor = StoredFactor::new((id, user.id), name.as_str(), method, ctx.now);
            let factor = factor.proved_by(proof).begun_in(origin);
            let mut ids: Vec<_> = others.iter().map(|other| other.id).collect();
            ids.push(id);
            let mut batch = vec![
                still_active(ctx, &user),
                list.write(&ids, ctx.now),
                factor.write(ctx.now),
            ];
            batch.extend(set.unchanged());
            batch.extend(replaced.iter().map(|other| other.delete()));
            let expired = self.factor_store.delete_expired(&user, &set, ctx.now);
            batch.extend(expired.await?);
            match self.writer.apply(batch).await {
                Ok(()) => return Ok((user, factor)),
                // Another enrolment has begun, or the factors, the user's status or the epoch have changed.
                Err(WriteError::Stale | WriteError::Taken(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Adds the authenticator with its first code. Fails with [`Error::InvalidCode`] if the code is wrong, and with
    /// [`Error::NotFound`] if the enrolment does not exist, has expired or is finished. If it began with the password only
    /// and another factor was added since, fails with [`Error::ReauthenticationRequired`].
    #[tracing::instrument(name = "finish_enrolment", level = "trace", skip_all)]
    pub async fn finish(
        &self,
        ctx: &Ctx,
        named: &str,
        id: &str,
        code: &FactorCode,
    ) -> Result<Enrolled, Error> {
        let id: CredentialId = id.parse().map_err(|()| Error::NotFound)?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let user = self.access.resolve(ctx, Action::AddFactor, named).await?;
            let mut set = FactorSet::of_user(&*self.store, user.id).await?;
            let pending = self.pending(ctx, &user, id).await?;
            let proof = pending.proof();
            ensure_covers(ctx, proof, &set)?;
            ensure_room(&set)?;
            let accepted = pending.accept(&self.master_key, code, ctx.now)?;
            let accepted = accepted.ok_or(Error::InvalidCode)?.passed_by(ctx, &user);
            let codes = set
                .is_empty()
                .then(|| recovery_codes::generate(&*self.random));
            let kind = accepted.kind();
            set.add(id, kind);
            if let Some(codes) = &codes {
                set.set_recovery_codes(codes, ctx.now);
                let device = ctx.client.known_to(&user).next();
                let device = device.map(KnownDevice::key);
                set.set_first_added(FirstAdded::new(ctx.now, device));
            }
            let mut batch = vec![
                still_active(ctx, &user),
                accepted.write(ctx.now),
                set.write(proof, ctx.now)?,
            ];
            let expired = self.factor_store.delete_expired(&user, &set, ctx.now);
            batch.extend(expired.await?);
            if let Actor::Enrolling { challenge, .. } = &ctx.actor {
                let (challenge, _) = self.challenges.find_challenge(ctx, challenge).await?;
                batch.push(challenge.advance(Step::Enrolled));
            }
            let added = match codes {
                Some(_) => Event::FirstFactorAdded { user: &user, kind },
                None => Event::FactorAdded { user: &user, kind },
            };
            self.writer.emit(ctx, added, &mut batch);
            if self.factor_changes.apply(ctx, user.id, batch).await? {
                return Ok(Enrolled {
                    factor: accepted.view(),
                    recovery_codes: codes,
                });
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns ten new recovery codes; the old ones are void. Requires a recent sign-in or a reauthentication. Fails with
    /// [`Error::NotFound`] if the user has no second factor.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn renew_recovery_codes(
        &self,
        ctx: &Ctx,
        named: &str,
    ) -> Result<Vec<Secret<String>>, Error> {
        let action = Action::RenewRecoveryCodes;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let Begun { user, proof, .. } = self.access.begin(ctx, action, named).await?;
            let mut set = FactorSet::of_user(&*self.store, user.id).await?;
            if set.is_empty() {
                return Err(Error::NotFound);
            }
            let codes = recovery_codes::generate(&*self.random);
            set.set_recovery_codes(&codes, ctx.now);
            let mut batch = vec![still_active(ctx, &user), set.write(proof, ctx.now)?];
            let expired = self.factor_store.delete_expired(&user, &set, ctx.now);
            batch.extend(expired.await?);
            let renewed = Event::RecoveryCodesRenewed { user: &user };
            self.writer.emit(ctx, renewed, &mut batch);
            if self.factor_changes.apply(ctx, user.id, batch).await? {
                return Ok(codes);
            }
        }
        Err(Error::Overloaded)
    }

    /// Finds an enrolment of this user that can still be finished.
    async fn pending(
        &self,
        ctx: &Ctx,
        user: &User,
        id: CredentialId,
    ) -> Result<StoredFactor, Error> {
        let factor = self.factor_store.own_factor(user, id).await?;
        factor
            .filter(|factor| factor.is_pending(ctx.now))
            .ok_or(Error::NotFound)
    }

    /// The name that authenticator apps show for this server.
    fn issuer(&self) -> String {
        let policy = &self.policy;
        if !policy.factors_issuer.is_empty() {
            return policy.factors_issuer.clone();
        }
        let url = &policy.public_url;
        let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let host = authority.split(['/', ':']).next();
        host.unwrap_or_default().to_owned()
    }
}

/// Fails if the proof does not cover the set. A challenge ends if another factor was added since: a further one needs the
/// proof of that one.
fn ensure_covers(ctx: &Ctx, proof: FactorProof, set: &FactorSet) -> Result<(), Error> {
    proof.ensure_covers(set).map_err(|error| match ctx.actor {
        Actor::Enrolling { .. } => Error::ChallengeExpired,
        _ => error,
    })
}

/// Fails if the set is full. The set is written only as it was read, so that parallel enrolments do not exceed the limit.
fn ensure_room(set: &FactorSet) -> Result<(), Error> {
    match set.ids().len() < MAX_FACTORS {
        true => Ok(()),
        false => Err(too_many(format!(
            "An account can have at most {MAX_FACTORS} second factors."
        ))),
    }
}

fn too_many(message: String) -> Error {
    Error::invalid("kind", Invalid::new("too-many", message))
}

/// The session or challenge of the request. Each has at most one unfinished enrolment.
fn enrolment_origin(ctx: &Ctx) -> Option<String> {
    match &ctx.actor {
        Actor::User { session_id, .. } => Some(session_id.to_string()),
        Actor::Enrolling { challenge, .. } => Some(URL_SAFE_NO_PAD.encode(challenge.prefix())),
        _ => None,
    }
}

/// Fails the batch if the user is disabled, or if a security event has ended the session of the request.
fn still_active(ctx: &Ctx, user: &User) -> Write {
    let epoch = match &ctx.actor {
        Actor::User { security_epoch, .. } => *security_epoch,
        _ => user.security_epoch,
    };
    let when = vec![
        Condition::is("status", Status::Active.as_str()),
        Condition::at_most("security_epoch", epoch),
    ];
    Write::check::<User>(user.id, when)
}

/// The name of the account in an authenticator app.
fn account_name(user: &User) -> String {
    let email = user.email.as_ref().map(EmailAddress::as_str);
    let name = email.or(user.username.as_ref().map(Username::as_str));
    name.unwrap_or_default().to_owned()
}
