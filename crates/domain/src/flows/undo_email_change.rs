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
use crate::flows::recover::void_links;
use crate::happening::SessionEnd;
use crate::model::{
    AskedBy, Credential, EmailChange, Event, Link, MailJob, MailKind, Purpose, Status, User,
};
use crate::passwords::Asker;
use crate::values::{Password, Secret, Token};

/// How many links that take a change back live at once for one user: the first of them, which a thief's
/// later changes must not void, and the last.
const MOST_UNDO_LINKS: usize = 10;
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
                    email_change: None,
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
        ];
        changes.extend(void_links(user));
        // An older link is of somebody who had the account before, and takes this back as well.
        changes.extend(forget_undo_mails(user, link.created_at));
        changes.extend([
            Change::RevokeLinksSince(user.id, Purpose::EmailUndo, link.created_at),
            Change::PutCredential(Credential {
                user_id: user.id,
                password_hash: locked,
                updated_at: ctx.now,
            }),
            self.audit_detail(ctx, Event::EmailChangeUndone, Some(user.id), &undone(link)),
            self.mail(ctx, MailKind::Recovery, None, &link.email, user.locale),
        ]);
        let left = user.mail_address();
        if let Some(left) = left.filter(|left| left.key() != link.email.key()) {
            let kind = MailKind::EmailTakenBack;
            changes.push(self.mail(ctx, kind, Some(user.id), left, user.locale));
        }
        changes
    }

    /// What stores the link of that mail. It voids the one of the mail's earlier try, which may have arrived
    /// nowhere, and where too many live it takes the place of others.
    pub(crate) async fn put_undo_link(&self, job: &MailJob, link: Link) -> Result<Changes, Error> {
        let now = link.created_at;
        let link = Link {
            created_at: job.created_at,
            ..link
        };
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
        let voids = own.into_iter().chain(spare(others, &link));
        let voids = voids.map(|kept| Change::UseLink {
            digest: kept.digest,
            at: now,
        });
        Ok(voids.chain([Change::PutLink(link.clone())]).collect())
    }

    /// What the confirmation of an account's move brings with it. Where an admin has asked for it, no older
    /// mailbox takes it back; until then each does: the account may be in a thief's. Where its owner has,
    /// or a thief who knew the password, the mailbox that is left is told, and its way back begins now:
    /// whoever waits with the confirmation gains nothing.
    pub(crate) fn of_a_move(&self, ctx: &Ctx, user: &User) -> Changes {
        let event = Event::EmailConfirmed;
        let line = || self.audit(ctx, event, Some(user.id));
        let Some(left) = user.mail_address() else {
            return vec![line()];
        };
        let is_admins = |change: EmailChange| change.asked_by == AskedBy::Admin;
        if !user.email_change.is_some_and(is_admins) {
            let (kind, id) = (MailKind::EmailChanged, Some(user.id));
            return vec![line(), self.mail(ctx, kind, id, left, user.locale)];
        }
        let mut changes = forget_undo_mails(user, user.created_at);
        changes.extend([
            Change::RevokeLinks(user.id, vec![Purpose::EmailUndo]),
            self.audit_detail(ctx, event, Some(user.id), MOVED),
        ]);
        changes
    }
}

/// Those on their way, from one moment on. Before the links, so that one that is just being made is found as
/// a link where it is not found as a mail.
fn forget_undo_mails(user: &User, since: Timestamp) -> Changes {
    let kinds = [MailKind::EmailChangeUndo, MailKind::EmailChanged];
    let forget = |kind| Change::ForgetMailsSince(user.id, kind, since);
    kinds.map(forget).into()
}

/// What the audit log says of a change that was taken back: when it was asked for.
fn undone(link: &Link) -> String {
    format!("change of {}", link.created_at)
}

/// Which of the living links, oldest first, go for one more. The first of a mailbox takes most back, and the
/// last lives longest: those between go first. Then the newest do, so that a thief's many mailboxes, which
/// can only come later, never crowd out the owner's.
fn spare(mut living: Vec<Link>, new: &Link) -> Vec<Link> {
    let mut spare = Vec::new();
    while living.len() >= MOST_UNDO_LINKS {
        let is_between = |at: &usize| {
            let is_of = |other: &Link| other.email.key() == living[*at].email.key();
            living[..*at].iter().any(is_of) && (is_of(new) || living[at + 1..].iter().any(is_of))
        };
        let newest = living.len() - 1;
        let at = (0..living.len()).rev().find(is_between).unwrap_or(newest);
        spare.push(living.remove(at));
    }
    spare
}
