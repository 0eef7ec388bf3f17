//! Take an e-mail change back, by the link that was mailed to the old address.
//!
//! Whoever knows somebody's password can move the account to a mailbox of their own. The old mailbox
//! is told, and its link works for days, whatever the thief does meanwhile: another change of address
//! or of the password leaves it alone, and so does the link that the thief's own mailbox got for a
//! later change. It gives the old address back, ends every session, voids the links of this change, of
//! all later ones and of every other purpose, locks the password that the thief knows, and mails a
//! recovery: from there on, only whoever reads the old mailbox gets in. What an admin has moved has no
//! such link. Looking at the link changes nothing.

use jiff::Timestamp;

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes, Unique};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::SessionEnd;
use crate::model::{
    AuditEvent, AuditFilter, Credential, Event, Link, MailJob, MailKind, Outcome, Purpose, Status,
    User,
};
use crate::passwords::Asker;
use crate::values::{Password, Secret, Token};

/// How many links that take a change back live at once for one user: the first of them, which a thief's
/// later changes must not void, and the last.
const MOST_UNDO_LINKS: usize = 10;
/// How many lines of the audit log are looked at with one question.
const AT_ONCE: usize = 50;
/// What stands before a change's moment in the audit log.
const UNDONE: &str = "change of ";
/// What it says of a confirmation by which an admin's change took over.
const MOVED: &str = "moved by an admin";

impl Accounts {
    /// Whose account a living link takes back, and to which address.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_email_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        Ok(self.find_undo(ctx, token).await?.0)
    }

    /// Gives the old address back, once. Where somebody else has confirmed that address since, there
    /// is nothing to give: the link opens nothing, and nothing is changed.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn undo_email_change(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        self.find_undo(ctx, token).await?;
        let locked = self.locked_password(ctx).await?;
        for _ in 0..ATTEMPTS {
            let (link, user) = self.find_undo(ctx, token).await?;
            let changes = self.undoing(ctx, &link, &user, locked.clone());
            match self.apply(changes).await {
                Ok(()) => {
                    let (epoch, why) = (user.session_epoch + 1, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, why, None).await;
                    return Ok(());
                }
                // Used, or the user changed, in between: look again.
                Err(ApplyError::Stale) => {}
                Err(ApplyError::Taken(Unique::Email)) => {
                    let (event, why) = (Event::EmailChangeUndone, "address taken since");
                    let audit = self.audit_failure(ctx, event, Some(user.id), why);
                    self.apply(vec![audit]).await?;
                    return Err(Error::LinkExpired);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn find_undo(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let found = self
            .find_living_link(ctx, token, Purpose::EmailUndo)
            .await?;
        let (link, user) = &found;
        // A switched-off account stays as it is: its links were revoked, and a late one opens nothing.
        match link.used_at.is_none() && user.status == Status::Active {
            true => Ok(found),
            false => Err(Error::LinkExpired),
        }
    }

    /// The hash of a password that nobody knows.
    async fn locked_password(&self, ctx: &Ctx) -> Result<Secret<String>, Error> {
        let nobodys = Token::generate(&*self.ports.secrets).expose();
        let nobodys = Password::parse(&nobodys)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        self.hasher.hash(&Asker::of(ctx), &nobodys).await
    }

    fn undoing(&self, ctx: &Ctx, link: &Link, user: &User, locked: Secret<String>) -> Changes {
        let mut changes = vec![
            Change::UpdateUser {
                user: Box::new(User {
                    email: Some(link.email.clone()),
                    pending_email: None,
                    session_epoch: user.session_epoch + 1,
                    version: user.version.next(),
                    updated_at: ctx.now,
                    ..user.clone()
                }),
                expected: user.version,
            },
            Change::UseLink {
                digest: link.digest,
                at: ctx.now,
            },
            Change::RevokeLinks(user.id, vec![Purpose::Confirmation, Purpose::Recovery]),
            // An older link is of somebody who had the account before, and takes this back as well.
            Change::RevokeLinksSince(user.id, Purpose::EmailUndo, link.created_at),
            Change::PutCredential(Credential {
                user_id: user.id,
                password_hash: locked,
                updated_at: ctx.now,
            }),
            self.audit_detail(ctx, Event::EmailChangeUndone, Some(user.id), &undone(link)),
            self.mail(ctx, MailKind::Recovery, None, &link.email, user.locale),
        ];
        let left = user.mail_address();
        if let Some(left) = left.filter(|left| left.key() != link.email.key()) {
            let kind = MailKind::EmailChangeNotice;
            changes.push(self.mail(ctx, kind, Some(user.id), left, user.locale));
        }
        changes
    }

    /// Stores the link of that mail. It voids the one of the mail's earlier try, which may have arrived
    /// nowhere, and where too many live it takes the place of the one before it: the first stay.
    pub(crate) async fn put_undo_link(&self, job: &MailJob, link: Link) -> Result<(), Error> {
        let now = link.created_at;
        let link = Link {
            created_at: job.created_at,
            ..link
        };
        for _ in 0..ATTEMPTS {
            let mut living = self.ports.store.list_links(link.user_id).await?;
            living.retain(|kept| {
                let is_open = kept.used_at.is_none() && kept.expires_at > now;
                is_open && kept.purpose == Purpose::EmailUndo
            });
            living.sort_by_key(|kept| kept.created_at);
            let is_same_mail = |kept: &Link| {
                let is_same =
                    kept.created_at == link.created_at && kept.email.key() == link.email.key();
                is_same && job.attempts > 1
            };
            let (own, others): (Vec<_>, Vec<_>) = living.into_iter().partition(is_same_mail);
            let spare = others.into_iter().skip(MOST_UNDO_LINKS - 1);
            let voids = own.into_iter().chain(spare).map(|kept| Change::UseLink {
                digest: kept.digest,
                at: now,
            });
            let changes = voids.chain([Change::PutLink(link.clone())]).collect();
            match self.apply(changes).await {
                Ok(()) => return Ok(()),
                // One of them was used in between: look again.
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Whether the link of a mail was voided before it was made: the mail's change or an earlier one was
    /// taken back, or an admin has moved the account since. Asked once the link is stored: either that
    /// story has found and voided it, or it is found here.
    pub(crate) async fn was_voided_since(&self, job: &MailJob) -> Result<bool, Error> {
        let Some(user_id) = job.user_id else {
            return Ok(false);
        };
        let since = |event| AuditFilter {
            user_id: Some(user_id),
            event: Some(event),
            since: Some(job.created_at),
            ..AuditFilter::default()
        };
        let taken_back = self
            .newest_line(since(Event::EmailChangeUndone), |line| {
                takes_back(line, job)
            })
            .await?;
        let is_move = |line: &AuditEvent| line.detail.as_deref() == Some(MOVED);
        Ok(taken_back.is_some()
            || self
                .newest_line(since(Event::EmailConfirmed), is_move)
                .await?
                .is_some())
    }

    /// What the confirmation of an account's move brings with it: where an admin has asked for it, no older
    /// mailbox takes it back. Until then each does: the account may be in a thief's.
    pub(crate) async fn voided_by_move(&self, ctx: &Ctx, user: &User) -> Result<Changes, Error> {
        let line = self.audit(ctx, Event::EmailConfirmed, Some(user.id));
        if user.status != Status::Active || user.email.is_none() {
            return Ok(vec![line]);
        }
        let asked = AuditFilter {
            user_id: Some(user.id),
            event: Some(Event::EmailChangeRequested),
            ..AuditFilter::default()
        };
        // A wrong password leaves a line as well.
        let is_taken = |line: &AuditEvent| line.outcome == Outcome::Success;
        let asked = self.newest_line(asked, is_taken).await?;
        let own = format!("user:{}", user.id);
        Ok(match asked.is_some_and(|line| line.actor != own) {
            true => vec![
                Change::RevokeLinks(user.id, vec![Purpose::EmailUndo]),
                self.audit_detail(ctx, Event::EmailConfirmed, Some(user.id), MOVED),
            ],
            false => vec![line],
        })
    }

    /// The newest line that is one, however many others there are.
    async fn newest_line(
        &self,
        mut filter: AuditFilter,
        is_one: impl Fn(&AuditEvent) -> bool + Send,
    ) -> Result<Option<AuditEvent>, Error> {
        filter.limit = AT_ONCE;
        loop {
            let found = self.ports.store.list_audit_events(&filter).await?;
            let next = found.get(AT_ONCE - 1).map(|oldest| oldest.id);
            if let Some(line) = found.into_iter().find(&is_one) {
                return Ok(Some(line));
            }
            if next.is_none() {
                return Ok(None);
            }
            filter.before = next;
        }
    }
}

/// What the audit log says of a change that was taken back: when it was asked for.
fn undone(link: &Link) -> String {
    format!("{UNDONE}{}", link.created_at)
}

/// Whether that line tells of an undoing that takes this mail's change back too. A try that failed does
/// not; one that does not say of which change it was does, to be safe.
fn takes_back(event: &AuditEvent, job: &MailJob) -> bool {
    let detail = event.detail.as_deref().unwrap_or_default();
    let change: Option<Timestamp> = detail.strip_prefix(UNDONE).and_then(|at| at.parse().ok());
    event.outcome == Outcome::Success && change.is_none_or(|change| change <= job.created_at)
}
