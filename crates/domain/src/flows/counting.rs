//! Which budgets an attempt is counted under, and whose.
//!
//! At a door a stranger takes from the budgets of their address, of its network and of all strangers
//! together, in one question. Whoever shows that they have signed in before, by a session or by the
//! cookie of a known device, takes from their own instead: no flood shuts them out. A password that
//! is shown is counted once more under the account it is aimed at, before anybody looks at it,
//! and a known device of that account has its own count there as well.
//!
//! A client whose address is not known has no budget at a door, rather than one with all others.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::flows::sign_in::Identifier;
use crate::happening::Happening;
use crate::model::{Event, MailKind, User};
use crate::ports::{Allowance, Budget, Charge, Counted};
use crate::throttle::{
    Door, GUESS, KNOWN_FOR, LONGEST_WAIT, Ladder, Limits, MemoryThrottle, Rate, address_key,
    network_key,
};
use crate::tokens::{Acquaintance, SessionClaims, Verified};
use crate::values::{Digest, EmailAddress, Secret, UserId};

/// How many kinds of refusal are remembered, so that each is written down once.
const REFUSALS: usize = 10_000;
/// Of how many refusals a minute this node writes a line, whoever is refused: a flood shall not fill
/// the audit log.
const WRITTEN: Rate = Rate {
    burst: 60,
    window: Duration::from_secs(60),
};
/// How many lines of one kind somebody who is signed in causes, where their doing is not bounded
/// otherwise.
const LINES: Rate = Rate {
    burst: 60,
    window: Duration::from_secs(3600),
};
/// Of an account that had no password but its first; an address without an account is counted alike.
const FIRST_EPOCH: i64 = 1;
/// Changes of one account's address.
const EMAIL_CHANGES: Rate = Rate {
    burst: 5,
    window: Duration::from_secs(3600),
};
/// How many tries a network has at a door where the budget of all strangers together is used up.
const FIRST_TRIES: Rate = Rate {
    burst: 3,
    window: Duration::from_secs(3600),
};
/// How long a session that is over still shows that this client was here, at the most.
const RECENT_SECONDS: i64 = 30 * 24 * 3600;

/// What counting needs beside the counters themselves.
pub(crate) struct Counting {
    stopping: Arc<Ladder>,
    slowing: Arc<Ladder>,
    hourly: Arc<Ladder>,
    device: Arc<Ladder>,
    /// What was refused lately and has been written down.
    written: MemoryThrottle,
}

impl Counting {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            stopping: Arc::new(limits.stopping()),
            slowing: Arc::new(limits.slowing()),
            hourly: Arc::new(Ladder::hourly()),
            device: Arc::new(limits.device()),
            written: MemoryThrottle::new(REFUSALS),
        }
    }
}

/// A try at a password, counted before it is known whether it is right.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// What was taken.
    taken: Vec<Charge>,
    /// The account's own count of strangers, where it was a known device that tried: a right password
    /// clears both.
    beside: Vec<Charge>,
}

/// Who refused, and for how long.
type Refused = (Charge, Duration);

impl Accounts {
    /// Takes one from the budgets of a door, for whoever stands there.
    pub async fn admit(&self, ctx: &Ctx, door: Door) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let own = own_key(ctx, door).map(|key| self.of_known(ctx, door, key));
        if own.is_none() {
            ctx.client.ledger.pass(door);
        }
        if let Some(charges) = own {
            return self.take(ctx, &charges, None).await;
        }
        let mut charges = self.of_strangers(ctx, door);
        if charges.is_empty() {
            return Ok(());
        }
        match self.try_take(&charges, ctx.now).await? {
            Ok(answers) => {
                Self::tell_first(ctx, &charges, &answers);
                return Ok(());
            }
            // A flood from elsewhere shuts nobody out who comes new: a quiet network has a few tries of
            // its own, whatever all others do.
            Err((refused, _)) if charges.get(2) == Some(&refused) => {
                charges.truncate(2);
                charges.extend(self.first_tries(ctx, door));
            }
            Err((refused, wait)) => return Err(self.refuse(ctx, &refused, wait, None).await),
        }
        self.take(ctx, &charges, None).await
    }

    /// What a network has beside the ceiling.
    fn first_tries(&self, ctx: &Ctx, door: Door) -> Option<Charge> {
        let [_, _, everybody] = self.policy.limits.budgets(door);
        let first = Budget {
            burst: FIRST_TRIES.burst,
            window: FIRST_TRIES.window.max(everybody.window),
            ..everybody
        };
        Some(Charge::budget(first, network_key(ctx.client.address?)))
    }

    /// Takes one from each budget of a mailbox, known or not, for mails of one kind: whoever asks for
    /// others, or signs up with the address, keeps nobody from their recovery. What is asked for by a
    /// stranger goes to the mailbox all the same, and its link is as good.
    pub(crate) async fn throttle_mailbox(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let mut key = mailbox_key(kind, email);
        if kind == MailKind::Recovery
            && let Some(user_id) = self.known_owner(ctx, email).await?
        {
            key = format!("{key}/{user_id}");
        }
        let charges = self.of_mailbox(&key);
        self.take(ctx, &charges, None).await
    }

    /// Takes one from what an account has of changes of its address, each of which mails the old one a link
    /// that lives for days, and from what the new one has of such mails.
    pub(crate) async fn throttle_email_change(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let own = Charge::budget(
            EMAIL_CHANGES.named("email-change"),
            format!("user/{}", user.id),
        );
        let of_new = self.of_mailbox(&mailbox_key(MailKind::EmailChange, email));
        let charges = [vec![own], of_new.to_vec()].concat();
        self.take(ctx, &charges, Some(user.id)).await
    }

    fn of_mailbox(&self, key: &str) -> [Charge; 2] {
        let limits = &self.policy.limits;
        [
            limits.mailbox_pause.named("mailbox-pause"),
            limits.mailbox.named("mailbox"),
        ]
        .map(|budget| Charge::budget(budget, key.to_owned()))
    }

    /// The account with that address, where the client shows that it was signed in to before. Only the
    /// accounts that it shows are looked at, never the address, so nobody learns whose it is.
    async fn known_owner(&self, ctx: &Ctx, email: &EmailAddress) -> Result<Option<UserId>, Error> {
        let known = ctx.client.known.iter().map(|known| known.user_id);
        for user_id in ctx.actor.user_id().into_iter().chain(known) {
            let user = self.ports.store.find_user(user_id).await?;
            let own = user.and_then(|user| user.email);
            if own.is_some_and(|own| own.key() == email.key()) {
                return Ok(Some(user_id));
            }
        }
        Ok(None)
    }

    /// Takes one from what a mailbox gets of that kind in the long run; whether it has had enough.
    pub(crate) async fn has_mail_enough(
        &self,
        kind: MailKind,
        email: &EmailAddress,
    ) -> Result<bool, Error> {
        let budget = self.policy.limits.mailbox.named("mailbox");
        let charge = Charge::budget(budget, mailbox_key(kind, email));
        let now = self.now();
        let refused = self.try_take(std::slice::from_ref(&charge), now).await?;
        if refused.is_err() {
            self.note(Happening::Throttled(budget.name));
        }
        Ok(refused.is_err())
    }

    /// The same for the further letters of one request: they show in no answer.
    pub(crate) async fn has_letters_enough(&self, email: &EmailAddress) -> Result<bool, Error> {
        let budget = self.policy.limits.mailbox.named("mailbox");
        let charge = Charge::budget(budget, format!("further/{}", email.key()));
        Ok(self.try_take(&[charge], self.now()).await?.is_err())
    }

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
        if let Some(key) = known_as(ctx, account) {
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
        let mut charges = vec![guess.clone()];
        charges.extend(self.failures(ctx));
        let taken = charges.clone();
        if !ctx.client.ledger.has_passed(Door::SignIn) {
            // What was shown at the door is not about this account.
            charges.extend(self.of_strangers(ctx, Door::SignIn));
        }
        let Err((charge, wait)) = self.try_take(&charges, ctx.now).await? else {
            return Ok(Attempt {
                taken,
                beside: Vec::new(),
            });
        };
        if charge == guess {
            if let Some(own) = self.try_of_network(ctx, &guess, wait) {
                charges[0] = own;
                if self.try_take(&charges, ctx.now).await?.is_ok() {
                    charges.truncate(taken.len());
                    return Ok(Attempt {
                        taken: charges,
                        beside: vec![guess],
                    });
                }
            }
            let refusal = Allowance::Denied { retry_after: wait };
            self.tell_guessing_stopped(ctx, identifier, account, &guess.key, refusal)
                .await?;
        }
        Err(self.refuse(ctx, &charge, wait, user_id).await)
    }

    /// The password was right.
    pub(crate) async fn settle(&self, ctx: &Ctx, attempt: &Attempt) -> Result<(), Error> {
        let all = [attempt.taken.as_slice(), &attempt.beside].concat();
        if !all.is_empty() {
            self.ports.throttle.clear(&all, ctx.now).await?;
        }
        Ok(())
    }

    /// The password was wrong: a known device's guess counts with those of strangers as well (P-12), which
    /// refuse it nothing.
    pub(crate) async fn count_beside(&self, ctx: &Ctx, attempt: &Attempt) -> Result<(), Error> {
        if !attempt.beside.is_empty() {
            self.ports.throttle.take(&attempt.beside, ctx.now).await?;
        }
        Ok(())
    }

    /// The password was never looked at.
    pub(crate) async fn release(&self, ctx: &Ctx, attempt: &Attempt) -> Result<(), Error> {
        if !attempt.taken.is_empty() {
            let throttle = &self.ports.throttle;
            throttle.give_back(&attempt.taken, ctx.now).await?;
        }
        Ok(())
    }

    /// Which accounts a client has signed in to before, by what its browser keeps: the cookie of a known
    /// device, and a session, which may be over.
    pub fn recognise(
        &self,
        ctx: &Ctx,
        device: Option<&str>,
        session: Option<&str>,
    ) -> Vec<Acquaintance> {
        let mut known = self.devices.read(device.unwrap_or_default(), ctx.now);
        known.extend(session.and_then(|token| self.recent_session(ctx, token)));
        known
    }

    /// What a browser keeps from now on to be known again, after a sign-in to that account.
    pub fn device_after(&self, ctx: &Ctx, before: Option<&str>, user: &User) -> Secret<String> {
        let secrets = &*self.ports.secrets;
        let of = (user.id, user.session_epoch);
        self.devices.write(before, of, ctx.now, secrets)
    }

    /// For how many seconds it keeps that.
    pub fn device_seconds(&self) -> u64 {
        KNOWN_FOR.as_secs()
    }

    fn recent_session(&self, ctx: &Ctx, token: &str) -> Option<Acquaintance> {
        let Verified::Claims(claims) = self.keyring.verify::<SessionClaims>(token) else {
            return None;
        };
        let is_recent = ctx.now.as_second() < claims.exp.saturating_add(RECENT_SECONDS);
        (is_recent && claims.iss == self.policy.public_url).then_some(())?;
        let digest = Digest::of(claims.sid.as_bytes());
        let shown = URL_SAFE_NO_PAD.encode(digest.as_bytes());
        Some(Acquaintance {
            user_id: claims.sub.parse().ok()?,
            key: format!("token/{shown}"),
            epoch: None,
        })
    }

    /// The budgets of whoever is known, at a door. A mail to anybody's mailbox, and a link, are not about
    /// the account that makes them known, so that with many accounts they stay in what their network has.
    fn of_known(&self, ctx: &Ctx, door: Door, key: String) -> Vec<Charge> {
        let [own, network, _] = self.policy.limits.budgets(door);
        let mut charges = vec![Charge::budget(own, key)];
        if let (Door::MailRequest | Door::Link, Some(address)) = (door, ctx.client.address) {
            charges.push(Charge::budget(network, network_key(address)));
        }
        charges
    }

    /// The budgets of a stranger at a door.
    fn of_strangers(&self, ctx: &Ctx, door: Door) -> Vec<Charge> {
        let Some(address) = ctx.client.address else {
            return Vec::new();
        };
        let [own, network, everybody] = self.policy.limits.budgets(door);
        vec![
            Charge::budget(own, address_key(address)),
            Charge::budget(network, network_key(address)),
            Charge::budget(everybody, String::new()),
        ]
    }

    /// Wrong passwords from one address, whoever they are aimed at.
    fn failures(&self, ctx: &Ctx) -> Option<Charge> {
        let budget = self.policy.limits.failures.named("sign-in-failures");
        let address = ctx.client.address?;
        Some(Charge::budget(budget, address_key(address)))
    }

    /// All names of an account share one count of guesses, and it is that of its confirmed
    /// address; an unknown name has its own. So an address is counted alike whether it has an owner, is
    /// claimed by a sign-up or is nobody's: nothing that strangers do elsewhere moves its count. A claim
    /// is counted by itself, under its user name. A new password begins a new count, on every node: the
    /// guesses before it were at another one.
    ///
    /// An account without a confirmed address cannot be recovered by mail, so it is never shut for good.
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
            (None, Identifier::Email(email)) => (stopping, of_address(email, FIRST_EPOCH)),
        };
        Charge::guess(ladder, key)
    }

    /// The try that a network has of its own where an account that cannot be recovered by mail has stopped.
    fn try_of_network(&self, ctx: &Ctx, guess: &Charge, wait: Duration) -> Option<Charge> {
        let slowing = &self.counting.slowing;
        let is_slowed =
            matches!(&guess.counted, Counted::Guess(ladder) if Arc::ptr_eq(ladder, slowing));
        if !is_slowed || !slowing.is_stop(wait) {
            return None;
        }
        let key = format!("{}/{}", guess.key, network_key(ctx.client.address?));
        Some(Charge::guess(&self.counting.hourly, key))
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

    async fn take(
        &self,
        ctx: &Ctx,
        charges: &[Charge],
        user_id: Option<UserId>,
    ) -> Result<(), Error> {
        if charges.is_empty() {
            return Ok(());
        }
        match self.try_take(charges, ctx.now).await? {
            Ok(answers) => {
                Self::tell_first(ctx, charges, &answers);
                Ok(())
            }
            Err((charge, wait)) => Err(self.refuse(ctx, &charge, wait, user_id).await),
        }
    }

    /// Tells the client what it has left: of the first, which is its own. A mailbox's is not.
    fn tell_first(ctx: &Ctx, charges: &[Charge], answers: &[Allowance]) {
        if let (Some(charge), Some(answer)) = (charges.first(), answers.first())
            && let Counted::Budget(budget) = &charge.counted
            && !budget.name.starts_with("mailbox")
        {
            ctx.client.ledger.tell(*budget, *answer);
        }
    }

    /// Takes all or none; of several that refuse, the one that is longest in doing so.
    async fn try_take(
        &self,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Result<Vec<Allowance>, Refused>, Error> {
        let answers = self.ports.throttle.take(charges, now).await?;
        let refused = charges.iter().zip(&answers).filter_map(|(charge, answer)| {
            let Allowance::Denied { retry_after } = answer else {
                return None;
            };
            Some((charge.clone(), *retry_after))
        });
        let longest = refused.max_by_key(|(_, wait)| *wait);
        Ok(longest.map_or(Ok(answers), Err))
    }

    /// Tells of a refusal whoever is to know: the client, the operator, and the audit log once in a
    /// while (L-01).
    async fn refuse(
        &self,
        ctx: &Ctx,
        charge: &Charge,
        wait: Duration,
        user_id: Option<UserId>,
    ) -> Error {
        let retry_after = wait.min(LONGEST_WAIT);
        let budget = match &charge.counted {
            Counted::Budget(budget) => *budget,
            Counted::Guess(_) => Budget {
                name: GUESS,
                burst: 1,
                window: retry_after.max(Duration::from_secs(1)),
            },
        };
        let denied = Allowance::Denied { retry_after };
        ctx.client.ledger.tell(budget, denied);
        self.note(Happening::Throttled(budget.name));
        if self.is_worth_a_line(&budget, &charge.key, ctx.now) {
            let audit = self.audit_failure(ctx, Event::Throttled, user_id, budget.name);
            if let Err(error) = self.apply(vec![audit]).await {
                tracing::warn!(%error, budget = budget.name, "a refusal could not be written down");
            }
        }
        Error::TooManyAttempts { retry_after }
    }

    /// Whether a line may be written about what somebody who is signed in can do again and again: so
    /// many an hour, that nobody fills the audit log (L-01).
    pub(crate) fn may_fill_the_log(&self, ctx: &Ctx, event: Event) -> bool {
        let budget = LINES.named(event.as_str());
        let charge = Charge::budget(budget, ctx.actor.audit_name());
        let answers = self.counting.written.take_now(&[charge], ctx.now);
        !answers
            .iter()
            .any(|answer| matches!(answer, Allowance::Denied { .. }))
    }

    /// Whether this is the first refusal of its kind for a while, and not one of a flood.
    fn is_worth_a_line(&self, budget: &Budget, key: &str, now: Timestamp) -> bool {
        let once = Budget {
            name: "first",
            burst: 1,
            window: match budget.name {
                GUESS => LONGEST_WAIT,
                _ => budget.window.max(WRITTEN.window),
            },
        };
        let charges = [
            Charge::budget(once, format!("{}/{key}", budget.name)),
            Charge::budget(WRITTEN.named("written"), String::new()),
        ];
        let answers = self.counting.written.take_now(&charges, now);
        let is_denied = |answer: &Allowance| matches!(answer, Allowance::Denied { .. });
        !answers.iter().any(is_denied)
    }
}

impl Attempt {
    fn of_known(own: Charge, guess: Charge) -> Self {
        Self {
            taken: vec![own],
            beside: vec![guess],
        }
    }
}

/// The key of the mails of one kind to one mailbox.
fn mailbox_key(kind: MailKind, email: &EmailAddress) -> String {
    format!("{}/{}", kind.as_str(), email.key())
}

/// The key of the guesses at the password that an address signs in with.
fn of_address(email: &EmailAddress, epoch: i64) -> String {
    format!("email/{}/{epoch}", email.key())
}

/// The key of whoever is no stranger at a door: their account, since anybody makes sessions and cookies
/// of their own as they like. Signing up is for strangers.
fn own_key(ctx: &Ctx, door: Door) -> Option<String> {
    let user_id = match (door, &ctx.actor) {
        (Door::SignUp, _) => None,
        (_, Actor::User { id, .. }) => Some(*id),
        (Door::Token, _) => None,
        _ => ctx.client.known.first().map(|known| known.user_id),
    };
    user_id.map(|id| format!("user/{id}"))
}

/// What shows that whoever is at the door has signed in to that account before.
fn known_as(ctx: &Ctx, account: Option<&User>) -> Option<String> {
    let user = account?;
    if let Actor::User { id, session_id, .. } = &ctx.actor
        && *id == user.id
    {
        return Some(format!("session/{session_id}"));
    }
    let mut known = ctx.client.known.iter();
    let own = known.find(|known| known.is_of(user))?;
    Some(own.key.clone())
}
