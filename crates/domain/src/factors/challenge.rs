//! The challenge of a sign-in: its state between the password and the second factor.
//!
//! The client holds a secret of which the digest is stored, like that of a mailed link, in the same table. A challenge is
//! void when it is used or expired, after five wrong codes, when the user's security epoch has risen, and for another
//! program than the one that entered the password.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::devices::program_of;
use crate::error::Error;
use crate::events::Event;
use crate::factors::recovery_grant::RecoveryGrants;
use crate::model::{FactorSet, Link, Status, User};
use crate::policy::Policy;
use crate::store::{
    BadRow, Condition, ReadStore, Record, Records, Row, RowReader, Table, Value, Write,
};
use crate::values::{Digest, FactorKind, Secret, Token, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Lifetime of a challenge that asks for a code.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// Lifetime of a challenge in which the user adds a factor.
pub(crate) const ENROLMENT_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// Number of codes that one challenge accepts.
const MAX_ATTEMPTS: u32 = 5;
/// The purpose in the table of links.
const PURPOSE: &str = "challenge";

/// What a sign-in needs after the password.
#[derive(Debug)]
pub struct NextFactor {
    /// What the client does next.
    pub step: NextStep,
    /// The secret of the challenge, which the client sends with the next step.
    pub challenge: Secret<String>,
    /// Time until the challenge expires.
    pub expires_in: SignedDuration,
}

/// The next step of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// Send a code of one of these kinds.
    Factor(Vec<FactorKind>),
    /// Add a second factor: the policy requires one, and the user has none.
    Enrol,
}

/// A challenge.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    /// Digest of the secret that the client holds.
    pub(crate) digest: Digest,
    pub(crate) user_id: UserId,
    pub(crate) state: State,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
}

/// What a challenge is bound to, and how far the sign-in is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// The user's security epoch when the password was verified.
    pub(crate) epoch: i64,
    /// The program that entered the password, such as `Firefox, Linux`.
    pub(crate) program: Option<String>,
    /// Number of codes that were sent.
    pub(crate) attempts: u32,
    pub(crate) step: Step,
    /// The recovery that has set the password and granted codes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recovery: Option<String>,
    /// When the password was entered, if that was before the challenge was created: at a sign-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_entered_at: Option<Timestamp>,
}

/// What a sign-in needs next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// A code.
    Factor,
    /// A second factor must be added.
    Enrol,
    /// It was added, and proved with its first code. The session can be opened.
    Enrolled,
}

impl Challenge {
    /// Counts a code before it is checked. The write is stale if another request has used the challenge.
    fn count_attempt(&self) -> (Self, Write) {
        let mut counted = self.clone();
        counted.state.attempts += 1;
        let write = self.update_state(&counted.state);
        (counted, write)
    }

    /// Fails with [`Error::ChallengeExpired`] if the sign-in is at another step.
    pub(crate) fn ensure_step_is(&self, step: &Step) -> Result<(), Error> {
        match self.state.step == *step {
            true => Ok(()),
            false => Err(Error::ChallengeExpired),
        }
    }

    /// Moves on to a step. The write is stale if another request has used the challenge.
    pub(crate) fn advance(&self, step: Step) -> Write {
        let state = State {
            step,
            ..self.state.clone()
        };
        self.update_state(&state)
    }

    /// Marks the challenge as used. The write is stale if it is used already.
    pub(crate) fn mark_used(&self, at: Timestamp) -> Write {
        Write::update::<Self, 1>(
            key(&self.digest),
            [("used_at", at.into())],
            self.is_unused(),
        )
    }

    fn update_state(&self, state: &State) -> Write {
        let mut when = self.is_unused();
        when.push(Condition::is("data", self.state.to_text()));
        Write::update::<Self, 1>(key(&self.digest), [("data", state.to_text().into())], when)
    }

    fn is_unused(&self) -> Vec<Condition> {
        vec![
            Condition::is("digest", &self.digest),
            Condition::is_null("used_at"),
        ]
    }

    fn is_valid(&self, user: &User, program: Option<&str>, now: Timestamp) -> bool {
        self.used_at.is_none()
            && self.expires_at > now
            && self.state.attempts < MAX_ATTEMPTS
            && user.status == Status::Active
            && user.security_epoch == self.state.epoch
            && self.state.program.as_deref() == program
    }
}

impl State {
    fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }
}

fn key(digest: &Digest) -> Value {
    digest.prefix().as_slice().into()
}

impl Record for Challenge {
    const TABLE: &'static Table = Link::TABLE;

    fn to_row(&self) -> Row {
        Self::row([
            ("id", key(&self.digest)),
            ("digest", (&self.digest).into()),
            ("user_id", self.user_id.into()),
            ("purpose", PURPOSE.into()),
            ("data", self.state.to_text().into()),
            ("created_at", self.created_at.into()),
            ("expires_at", self.expires_at.into()),
            ("used_at", self.used_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            digest: Digest::from_bytes(row.array("digest")?),
            user_id: UserId::from_bytes(row.array("user_id")?),
            state: row.parsed("data", |text| serde_json::from_str(text).ok())?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.opt_time("used_at")?,
        })
    }
}

/// Creates and finds challenges, and counts the codes for them.
pub(crate) struct Challenges {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) recovery_grants: Arc<RecoveryGrants>,
    pub(crate) writer: Arc<Writer>,
}

impl Challenges {
    /// Creates a challenge if a user with these factors, who has proved the password, needs one of them. `password_entered_at`
    /// is when they entered it, if that was in an earlier request.
    pub(crate) async fn next_factor(
        &self,
        ctx: &Ctx,
        user: &User,
        set: &FactorSet,
        password_entered_at: Option<Timestamp>,
    ) -> Result<Option<NextFactor>, Error> {
        let (step, stored_step, lifetime) = match set.is_empty() {
            false => (NextStep::Factor(set.kinds()), Step::Factor, LIFETIME),
            true if self.policy.factors_required.includes(user.role) && user.deletion.is_none() => {
                (NextStep::Enrol, Step::Enrol, ENROLMENT_LIFETIME)
            }
            true => return Ok(None),
        };
        let recovery = match stored_step {
            Step::Factor => self.recovery_grants.recovery_of(ctx, user).await?,
            Step::Enrol | Step::Enrolled => None,
        };
        let secret = Token::generate(&*self.random);
        let challenge = Challenge {
            digest: secret.digest(),
            user_id: user.id,
            state: State {
                epoch: user.security_epoch,
                program: program_of(ctx.client.user_agent.as_deref()),
                attempts: 0,
                step: stored_step,
                recovery,
                password_entered_at,
            },
            created_at: ctx.now,
            expires_at: ctx.now + lifetime,
            used_at: None,
        };
        let mut batch = vec![Write::insert(&challenge)];
        let must_enrol = step == NextStep::Enrol;
        let requested = Event::SecondFactorRequested { user, must_enrol };
        self.writer.emit(ctx, requested, &mut batch);
        self.writer.apply(batch).await?;
        Ok(Some(NextFactor {
            step,
            challenge: Secret::new(secret.expose()),
            expires_in: lifetime,
        }))
    }

    /// Returns a valid challenge and its user. Fails with [`Error::ChallengeExpired`] if there is none.
    pub(crate) async fn find_challenge(
        &self,
        ctx: &Ctx,
        digest: &Digest,
    ) -> Result<(Challenge, User), Error> {
        let store = &self.store;
        let row = store
            .find_row(Link::TABLE, Link::DIGEST, digest.into())
            .await?;
        let is_challenge = |row: &Row| *row.get("purpose") == PURPOSE.into();
        let row = row.filter(is_challenge).ok_or(Error::ChallengeExpired)?;
        let challenge: Challenge = row
            .read()
            .map_err(|_| Error::Internal("a challenge cannot be read"))?;
        let user: Option<User> = store.get(challenge.user_id).await?;
        let user = user.ok_or(Error::ChallengeExpired)?;
        let program = program_of(ctx.client.user_agent.as_deref());
        match challenge.is_valid(&user, program.as_deref(), ctx.now) {
            true => Ok((challenge, user)),
            false => Err(Error::ChallengeExpired),
        }
    }

    /// Counts a code for a challenge, and returns it with its user. Of parallel requests, no more than five get one.
    pub(crate) async fn count_attempt(
        &self,
        ctx: &Ctx,
        digest: &Digest,
    ) -> Result<(Challenge, User), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (challenge, user) = self.find_challenge(ctx, digest).await?;
            challenge.ensure_step_is(&Step::Factor)?;
            let (counted, write) = challenge.count_attempt();
            if self.writer.apply_unless_stale(vec![write]).await? {
                return Ok((counted, user));
            }
        }
        Err(Error::Overloaded)
    }
}
