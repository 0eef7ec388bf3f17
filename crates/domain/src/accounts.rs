//! The service itself: the ports it was given, and the few steps that every story shares.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::access::{self, Action, Target};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::{Actor, Ctx};
use crate::error::{Error, FieldError};
use crate::flows::deliver_mail::MailLeases;
use crate::flows::keys::KeyLook;
use crate::flows::suppressed::Suppressed;
use crate::happening::Happening;
use crate::limits::{AuditThrottle, DeviceCookies};
use crate::model::{AuditEvent, Event, MailJob, MailKind, Outcome, Role, User};
use crate::outbox_room::OutboxRoom;
use crate::passwords::Hasher;
use crate::policy::Policy;
use crate::ports::{Clock, Mailer, Meter, Outbox, RateLimits, Secrets, Seen, Sessions, Store};
use crate::readiness::Readiness;
use crate::session_cache::SessionCache;
use crate::tokens::Keyring;
use crate::values::{
    AuditEventIds, EmailAddress, Locale, MailJobId, NewPassword, SessionId, UserId, Username,
};

/// How often a story reads again and retries when somebody else wrote in between; then the server
/// is [`Error::Overloaded`].
pub(crate) const ATTEMPTS: usize = 64;
/// How much the cache of sessions of this node holds: some 20,000 of them, of users who carry little (H-05).
const CACHED_SESSION_BYTES: u64 = 48 * 1024 * 1024;

/// Everything the rules need from outside.
pub struct Ports {
    /// Users and what belongs to them.
    pub store: Arc<dyn Store>,
    /// Open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Counters of rate limits.
    pub rate_limits: Arc<dyn RateLimits>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub secrets: Arc<dyn Secrets>,
    /// Told of what happens.
    pub meter: Arc<dyn Meter>,
}

/// The service that web, worker and command line call. Stories are its methods, in [`crate::flows`].
pub struct Accounts {
    pub(crate) ports: Ports,
    pub(crate) policy: Policy,
    pub(crate) hasher: Hasher,
    pub(crate) keyring: Keyring,
    pub(crate) cache: SessionCache,
    pub(crate) seen: Mutex<HashMap<SessionId, Seen>>,
    /// Held while the keys are loaded.
    pub(crate) key_look: tokio::sync::Mutex<KeyLook>,
    pub(crate) readiness: Readiness,
    pub(crate) device_cookies: DeviceCookies,
    pub(crate) audit_throttle: AuditThrottle,
    /// The audit events that were counted instead of written.
    pub(crate) suppressed: Suppressed,
    pub(crate) outbox_room: OutboxRoom,
    pub(crate) mail_leases: MailLeases,
    mail_waiting: Notify,
    audit_ids: AuditEventIds,
}

impl Accounts {
    /// Puts the parts together. Nothing is read or written yet.
    pub fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        Self {
            hasher: hasher.metered_by(ports.meter.clone()),
            audit_throttle: AuditThrottle::default(),
            suppressed: Suppressed::default(),
            ports,
            policy,
            device_cookies: DeviceCookies::new(keyring.mac_key("device")),
            keyring,
            cache: SessionCache::new(CACHED_SESSION_BYTES),
            seen: Mutex::new(HashMap::new()),
            key_look: tokio::sync::Mutex::default(),
            readiness: Readiness::default(),
            outbox_room: OutboxRoom::default(),
            mail_leases: MailLeases::default(),
            mail_waiting: Notify::new(),
            audit_ids: AuditEventIds::default(),
        }
    }

    /// The operator's choices.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The clock of this node was set: how old a look-up is can no longer be told, so all are
    /// forgotten.
    pub fn time_was_moved(&self) {
        self.cache.clear();
    }

    /// How many passwords wait to be hashed, or are being hashed.
    pub fn hashing_queue_depth(&self) -> usize {
        self.hasher.queued()
    }

    /// How many may wait or be hashed at once; one more is refused.
    pub fn hashing_queue_capacity(&self) -> usize {
        self.hasher.capacity()
    }

    /// What waits to be sent.
    pub async fn outbox(&self) -> Result<Outbox, Error> {
        Ok(self.ports.store.outbox().await?)
    }

    pub(crate) fn note(&self, happening: Happening) {
        self.ports.meter.note(happening);
    }

    /// Waits until this node has written a mail, for the worker.
    pub async fn mail_waiting(&self) {
        self.mail_waiting.notified().await;
    }

    /// Judges a new password by the one set of rules; `personal` are the person's own names.
    pub fn judge_password(
        &self,
        text: &str,
        personal: &[&str],
    ) -> Result<NewPassword, crate::values::Invalid> {
        NewPassword::parse(text, &self.policy.password_rules, personal)
    }

    pub(crate) fn judge_password_field(
        &self,
        field: &str,
        text: &str,
        user: &User,
    ) -> Result<NewPassword, Error> {
        self.judge_password(text, &user.personal_words())
            .map_err(|invalid| Error::Invalid(vec![FieldError::new(field, invalid)]))
    }

    /// Writes, and makes sure that this node forgets what it knew of the users written.
    pub(crate) async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        let actor = changes.iter().find_map(checked_actor);
        let touched: Vec<UserId> = changes.iter().filter_map(touched_user).collect();
        let is_mail = |change: &&Change| matches!(change, Change::EnqueueMail(_));
        let mails = changes.iter().filter(is_mail).count();
        let audited: Vec<Happening> = changes.iter().filter_map(audited).collect();
        let outcome = self.ports.store.apply(changes).await;
        // Even a failed write may have happened: its answer can be lost.
        for user_id in touched {
            self.cache.user_changed(user_id);
        }
        if let Err(ApplyError::ActorSignedOut | ApplyError::ActorNotAllowed) = outcome
            && let Some(actor) = actor
        {
            self.cache.user_changed(actor);
        }
        if outcome.is_ok() {
            audited.into_iter().for_each(|line| self.note(line));
            self.outbox_room.note(mails);
            if mails > 0 {
                self.mail_waiting.notify_one();
            }
        }
        outcome
    }

    pub(crate) fn audit_line(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
    ) -> AuditEvent {
        let id = self.audit_ids.next(ctx.now, &*self.ports.secrets);
        ctx.audit(id, event, user_id)
    }

    pub(crate) fn audit(&self, ctx: &Ctx, event: Event, user_id: Option<UserId>) -> Change {
        Change::Audit(Box::new(self.audit_line(ctx, event, user_id)))
    }

    pub(crate) fn audit_detail(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Change {
        Change::Audit(Box::new(AuditEvent {
            detail: Some(detail.to_owned()),
            ..self.audit_line(ctx, event, user_id)
        }))
    }

    pub(crate) fn audit_failure(
        &self,
        ctx: &Ctx,
        event: Event,
        user_id: Option<UserId>,
        detail: &str,
    ) -> Change {
        Change::Audit(Box::new(AuditEvent {
            outcome: Outcome::Failure,
            detail: Some(detail.to_owned()),
            ..self.audit_line(ctx, event, user_id)
        }))
    }

    pub(crate) fn mail(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        user_id: Option<UserId>,
        email: &EmailAddress,
        locale: Locale,
    ) -> Change {
        Change::EnqueueMail(MailJob {
            id: MailJobId::generate(ctx.now, &*self.ports.secrets),
            kind,
            user_id,
            email: email.clone(),
            locale,
            created_at: ctx.now,
            attempts: 0,
            due_at: ctx.now,
            failed_at: None,
        })
    }

    /// What a write to another user's account, or one that takes the admin role, begins with: this node may have
    /// checked the actor's session up to a second ago (Z-04). Nothing for a write to the actor's own account.
    pub(crate) fn check_actor(&self, ctx: &Ctx, action: Action, target: UserId) -> Option<Change> {
        let Actor::User {
            id, session_epoch, ..
        } = &ctx.actor
        else {
            return None;
        };
        let needs_admin = *id != target || access::needs_admin(action);
        needs_admin.then_some(Change::CheckActor {
            user_id: *id,
            role: Role::Admin,
            session_epoch: *session_epoch,
        })
    }

    /// Says whether the actor may, and writes down where they reached for what is not theirs.
    /// Stories ask by themselves; a handler asks first where it would judge input before.
    pub async fn authorize(&self, ctx: &Ctx, action: Action, target: Target) -> Result<(), Error> {
        let answer = access::authorize(&ctx.actor, action, target);
        if matches!(answer, Err(Error::Forbidden)) {
            self.write_forbidden(ctx, action, None).await?;
        }
        answer
    }

    /// Whoever reaches for what is not theirs, again and again, does not fill the log (L-01).
    async fn write_forbidden(
        &self,
        ctx: &Ctx,
        action: Action,
        whom: Option<UserId>,
    ) -> Result<(), Error> {
        if self.may_fill_the_log(ctx, Event::Forbidden) {
            let detail = format!("{action:?}");
            let audit = self.audit_failure(ctx, Event::Forbidden, whom, &detail);
            self.apply(vec![audit]).await?;
        }
        Ok(())
    }

    /// Writes down that somebody looked at what is another's, once it is known that they may (Z-05,
    /// L-01).
    pub(crate) async fn write_look(
        &self,
        ctx: &Ctx,
        event: Event,
        whom: Option<UserId>,
    ) -> Result<(), Error> {
        let is_own = whom.is_some() && whom == ctx.actor.user_id();
        if is_own || ctx.actor == Actor::Worker {
            return Ok(());
        }
        Ok(self.apply(vec![self.audit(ctx, event, whom)]).await?)
    }

    /// The same for whom a path's `{user}` names. Nobody looks whose a name is (Z-02), and no name
    /// goes into the log: an id says whom.
    pub(crate) async fn authorize_named(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        let is_own = names_actor(&ctx.actor, named);
        let target = if is_own { Target::Own } else { Target::Others };
        let answer = access::authorize(&ctx.actor, action, target);
        if matches!(answer, Err(Error::Forbidden)) {
            let whom = named.parse().ok();
            self.write_forbidden(ctx, action, whom).await?;
        }
        answer
    }

    /// Finds whom a path's `{user}` names, once the actor may do that to them. Whoever may not is
    /// told so before anybody looks.
    pub(crate) async fn resolve(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<User, Error> {
        self.authorize_named(ctx, action, named).await?;
        let is_own = names_actor(&ctx.actor, named);
        let store = &self.ports.store;
        let found = match (ctx.actor.user_id().filter(|_| is_own), named.parse()) {
            (Some(own), _) => store.find_user(own).await?,
            (None, Ok(id)) => store.find_user(id).await?,
            (None, Err(())) => match Username::parse(named).ok() {
                Some(username) => {
                    let found = store.find_user_by_username(username.key()).await?;
                    self.read_whole(found).await?
                }
                None => None,
            },
        };
        found.ok_or(Error::NotFound)
    }

    /// Reads whoever was found by a name once more, with all that is theirs.
    pub(crate) async fn read_whole(&self, found: Option<User>) -> Result<Option<User>, Error> {
        match found {
            Some(user) => Ok(self.ports.store.find_user(user.id).await?),
            None => Ok(None),
        }
    }

    pub(crate) fn note_seen(&self, used: Seen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(used.id, used);
    }
}

/// Whether a path's `{user}` names the actor: `me`, their id, or their user name in any spelling.
pub(crate) fn names_actor(actor: &Actor, named: &str) -> bool {
    let Actor::User {
        id, username_key, ..
    } = actor
    else {
        return false;
    };
    if named == "me" || named.parse() == Ok(*id) {
        return true;
    }
    match (Username::parse(named), username_key) {
        (Ok(username), Some(own)) => username.key() == own,
        _ => false,
    }
}

fn checked_actor(change: &Change) -> Option<UserId> {
    match change {
        Change::CheckActor { user_id, .. } => Some(*user_id),
        _ => None,
    }
}

fn audited(change: &Change) -> Option<Happening> {
    match change {
        Change::Audit(line) => Some(Happening::Audited(line.event, line.outcome)),
        _ => None,
    }
}

fn touched_user(change: &Change) -> Option<UserId> {
    match change {
        Change::UpdateUser { user, .. } => Some(user.id),
        Change::DeleteUser(id) => Some(*id),
        _ => None,
    }
}
