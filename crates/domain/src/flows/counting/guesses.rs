//! How often an account's password is guessed at (A-04 to A-08, P-12).

use std::sync::Arc;
use std::time::Duration;

use super::Refused;
use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::flows::sign_in::Identifier;
use crate::model::User;
use crate::passwords::Asker;
use crate::ports::{Allowance, Charge, Counted};
use crate::throttle::{Door, LONGEST_WAIT, Rate, address_key, network_key};
use crate::values::{EmailAddress, UserId};

/// How many tries all networks together have at an account that has stopped and cannot be recovered by mail.
const NETWORKS: Rate = Rate {
    burst: 20,
    window: Duration::from_secs(3600),
};

/// A try at a password, counted before it is known whether it is right.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    by: By,
    /// What was taken.
    taken: Vec<Charge>,
    /// The account's own count of strangers, where it was a known device that tried: a right password
    /// clears both.
    beside: Vec<Charge>,
    /// Whether it was the last that strangers have.
    is_last: bool,
}

/// Whose try it was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Nothing is counted.
    #[default]
    Anybody,
    /// A known device of the account's, or a session of it.
    Known,
    Stranger,
}

impl Accounts {
    /// Counts a try at the password of the account that is named, and of whoever is at the door. Who
    /// merely claims an address is no such account.
    pub(crate) async fn reserve(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        account: Option<&User>,
    ) -> Result<Attempt, Error> {
        if !self.policy.throttle {
            return Ok(Attempt::default());
        }
        let user_id = account.map(|user| user.id);
        let guess = self.guess_of_stranger(identifier, account);
        if let Some(key) = self.known_as(ctx, account).await? {
            let own = Charge::guess(&self.counting.device, key);
            match self.try_take(std::slice::from_ref(&own), ctx.now).await? {
                Ok(_) => return Ok(Attempt::of_known(own, guess)),
                Err((charge, wait)) if wait <= LONGEST_WAIT => {
                    return Err(self.refuse(ctx, &charge, wait, user_id).await);
                }
                // It has had its guesses, and is no longer known.
                Err(_) => {}
            }
        }
        let mut taken = vec![guess.clone()];
        taken.extend(self.failures(ctx));
        let (charge, wait) = match self.try_guess(ctx, &taken).await? {
            Err(refused) => refused,
            Ok(answers) => {
                let is_last = self.is_last(&guess, &answers);
                return Ok(Attempt::of_stranger(taken, Vec::new(), is_last));
            }
        };
        if charge == guess {
            if let Some(own) = self.try_of_network(ctx, &guess, wait) {
                taken.splice(..1, own);
                if self.try_guess(ctx, &taken).await?.is_ok() {
                    return Ok(Attempt::of_stranger(taken, vec![guess], false));
                }
            }
            let refusal = Allowance::Denied { retry_after: wait };
            self.tell_guessing_stopped(ctx, identifier, account, &guess.key, refusal)
                .await?;
        }
        Err(self.refuse(ctx, &charge, wait, user_id).await)
    }

    /// Takes from these, and from what a stranger has at the door where that was not done there: what was
    /// shown at the door may be about another account.
    async fn try_guess(
        &self,
        ctx: &Ctx,
        charges: &[Charge],
    ) -> Result<Result<Vec<Allowance>, Refused>, Error> {
        match ctx.client.ledger.has_passed(Door::SignIn) {
            true => self.try_take(charges, ctx.now).await,
            false => self.try_as_stranger(ctx, Door::SignIn, charges).await,
        }
    }

    /// The password was right: what strangers guessed at it is forgotten, on every node.
    pub(crate) async fn settle(
        &self,
        ctx: &Ctx,
        attempt: &Attempt,
        user: &User,
    ) -> Result<(), Error> {
        if attempt.by != By::Anybody && user.stopped_epoch.is_some() {
            let (user_id, epoch) = (user.id, None);
            self.apply(vec![Change::StopGuesses { user_id, epoch }])
                .await?;
        }
        let all = [attempt.taken.as_slice(), &attempt.beside].concat();
        if !all.is_empty() {
            self.ports.throttle.clear(&all, ctx.now).await?;
        }
        Ok(())
    }

    /// The password was wrong: a known device's guess counts with those of strangers as well (P-12), which
    /// refuse it nothing. The last one that strangers have is to be written into the account, so that no lost
    /// counter gives them more: with an account or without, by the same statement, and beside the
    /// line of the audit log, so that there is one commit either way (A-02).
    pub(crate) async fn count_wrong(
        &self,
        ctx: &Ctx,
        attempt: &Attempt,
        (user_id, epoch): (UserId, i64),
    ) -> Result<Option<Change>, Error> {
        let mut is_last = attempt.is_last;
        if let Some(guess) = attempt.beside.first() {
            let answers = self.ports.throttle.take(&attempt.beside, ctx.now).await?;
            is_last |= self.is_last(guess, &answers);
        }
        let epoch = Some(epoch);
        Ok(is_last.then_some(Change::StopGuesses { user_id, epoch }))
    }

    /// Whether this guess of strangers', the first of what was asked for, was the last they have.
    fn is_last(&self, guess: &Charge, answers: &[Allowance]) -> bool {
        let stopping = &self.counting.stopping;
        matches!(&guess.counted, Counted::Guess(ladder) if Arc::ptr_eq(ladder, stopping))
            && matches!(answers.first(), Some(Allowance::Allowed { remaining: 0 }))
    }

    /// The password was never looked at.
    pub(crate) async fn release(&self, ctx: &Ctx, attempt: &Attempt) -> Result<(), Error> {
        if !attempt.taken.is_empty() {
            let throttle = &self.ports.throttle;
            throttle.give_back(&attempt.taken, ctx.now).await?;
        }
        Ok(())
    }

    /// Wrong passwords from one address, whoever they are aimed at.
    fn failures(&self, ctx: &Ctx) -> Option<Charge> {
        let budget = self.policy.limits.failures.named("sign-in-failures");
        let address = ctx.client.address?;
        Some(Charge::budget(budget, address_key(address)))
    }

    /// All names of an account share one count of guesses, and it is that of its confirmed
    /// address; an unknown name has its own. So an address is counted alike whether it has an owner, is
    /// claimed by a sign-up or is nobody's. That guesses at a user name move the count of an address tells
    /// whose it is (decision 0011). A claim
    /// is counted by itself, under its user name. A new password begins a new count, on every node: the
    /// guesses before it were at another one.
    ///
    /// An account without a confirmed address cannot be recovered by mail, so it is never shut for good: a
    /// stop would let whoever guesses take it from its owner. Whoever has twenty networks can take its few
    /// tries all the same; its known devices have their own. By user name the stop therefore differs with
    /// an address and without one, which tells that there is one and not which. A name nobody has is
    /// counted like one with an address; whoever signs up is told that a name is free, so nothing of a user
    /// name's is hidden.
    fn guess_of_stranger(&self, identifier: &Identifier, account: Option<&User>) -> Charge {
        let (stopping, slowing) = (&self.counting.stopping, &self.counting.slowing);
        let (ladder, key) = match (account, identifier) {
            (Some(user), named) => match (&user.email, named) {
                (Some(email), _) => (stopping, of_address(email, user.session_epoch)),
                // By the link that was mailed: no stranger uses up what its holder has.
                (None, Identifier::Email(_)) => (slowing, format!("confirmation/{}", user.id)),
                (None, Identifier::Username(_)) => {
                    (slowing, format!("user/{}/{}", user.id, user.session_epoch))
                }
            },
            (None, Identifier::Username(username)) => {
                (stopping, format!("username/{}", username.key()))
            }
            (None, Identifier::Email(email)) => (stopping, of_address(email, User::FIRST_EPOCH)),
        };
        Charge::guess(ladder, key)
    }

    /// The try that a network has of its own where an account that cannot be recovered by mail has stopped,
    /// and all of them together: not as many as somebody has networks.
    fn try_of_network(&self, ctx: &Ctx, guess: &Charge, wait: Duration) -> Option<[Charge; 2]> {
        let slowing = &self.counting.slowing;
        let is_slowed =
            matches!(&guess.counted, Counted::Guess(ladder) if Arc::ptr_eq(ladder, slowing));
        if !is_slowed || !slowing.is_stop(wait) {
            return None;
        }
        let key = format!("{}/{}", guess.key, network_key(ctx.client.address?));
        let all = Charge::budget(NETWORKS.named("guess-networks"), guess.key.clone());
        Some([Charge::guess(&self.counting.hourly, key), all])
    }

    /// What shows that whoever is at the door has signed in to that account before: one sign-in is one
    /// client, whichever of its session, its token and its cookie is shown.
    async fn known_as(&self, ctx: &Ctx, account: Option<&User>) -> Result<Option<String>, Error> {
        let Some(user) = account else { return Ok(None) };
        for known in &ctx.client.known {
            if self.still_holds(known, user).await? {
                return Ok(Some(known.key.clone()));
            }
        }
        Ok(match &ctx.actor {
            Actor::User { id, session_id, .. } if *id == user.id => {
                Some(format!("session/{session_id}"))
            }
            _ => None,
        })
    }

    /// Forgets the guesses at an address from before it had an owner: they were at nobody's password. Where
    /// that fails they are held against the owner, who can recover the account.
    pub(crate) async fn forget_guesses(&self, ctx: &Ctx, owner: &User) {
        let Some(email) = owner.email.as_ref().filter(|_| self.policy.throttle) else {
            return;
        };
        let key = of_address(email, owner.session_epoch);
        let guess = Charge::guess(&self.counting.stopping, key);
        if let Err(error) = self.ports.throttle.clear(&[guess], ctx.now).await {
            tracing::warn!(%error, "guesses at an address without an owner could not be forgotten");
        }
    }
}

impl Attempt {
    fn of_known(own: Charge, guess: Charge) -> Self {
        Self {
            by: By::Known,
            taken: vec![own],
            beside: vec![guess],
            is_last: false,
        }
    }

    fn of_stranger(taken: Vec<Charge>, beside: Vec<Charge>, is_last: bool) -> Self {
        Self {
            by: By::Stranger,
            taken,
            beside,
            is_last,
        }
    }

    /// In whose line it waits to be hashed: a known device's before strangers.
    pub(crate) fn asker(&self, ctx: &Ctx, user_id: UserId) -> Asker {
        match self.by {
            By::Known => Asker::known(user_id),
            By::Anybody | By::Stranger => Asker::of(ctx),
        }
    }

    /// Whether it is a stranger's at an account that strangers have had their guesses at.
    pub(crate) fn comes_too_late(&self, user: &User) -> bool {
        self.by == By::Stranger && user.is_stopped()
    }
}

/// The key of the guesses at the password that an address signs in with.
fn of_address(email: &EmailAddress, epoch: i64) -> String {
    format!("email/{}/{epoch}", email.key())
}
