//! Decides, when a mail is sent, to whom it goes and what it says, by the row of its kind.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{
    InvitationDelivery, Link, MailJob, MailKind, MailLink, NewEmail, Purpose, Recipient, User,
};
use crate::outbox::Mail;
use crate::policy::Policy;
use crate::store::{ReadStore, Records, Write};
use crate::values::{EmailAddress, Name, Token, Username};
use crate::writer::Writer;

/// Maximum length of a username in a mail to an unconfirmed address. A longer one could carry a message.
const MAX_SAFE_NAME_LENGTH: usize = 24;

/// In place of the secret in the link of a preview. No secret has this length.
const PREVIEW: &str = "preview";

/// The link of a mail, before its secret is generated.
enum PlannedLink {
    /// The URL of a page.
    Page(String),
    /// A one-time link, and when it expires.
    Secret(Purpose, Timestamp),
}

/// A mail and its recipient, before its link is created.
pub(super) struct Outgoing {
    /// What it says.
    pub(super) kind: MailKind,
    pub(super) user: User,
    to: EmailAddress,
}

/// Resolves the recipient of a mail, and composes it.
pub(crate) struct MailContent {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl MailContent {
    /// Resolves the current recipient and content of a mail; `None` if it has no recipient or is no longer due.
    pub(super) async fn resolve(&self, job: &MailJob) -> Result<Option<Outgoing>, Error> {
        let store = &self.store;
        let user: Option<User> = match job.user_id {
            Some(id) => store.get(id).await?,
            None => None,
        };
        let owner: Option<User> = store.find(User::EMAIL_KEY, job.email.key()).await?;
        let mail = match (job.kind.row().to, user, owner) {
            (Recipient::User | Recipient::Owner, Some(user), _) => Outgoing::new(job.kind, user),
            (Recipient::Owner, None, Some(owner)) if job.user_id.is_none() => {
                Outgoing::new(job.kind, owner)
            }
            (Recipient::Former, Some(user), _) => Some(Outgoing {
                kind: job.kind,
                user,
                to: job.email.clone(),
            }),
            (Recipient::Pending, Some(user), None) => Outgoing::to_pending(user, &job.email),
            (Recipient::Pending, Some(user), Some(owner))
                if owner.id != user.id && job.kind != MailKind::ConfirmationResend =>
            {
                Outgoing::new(MailKind::AlreadyRegistered, owner)
            }
            _ => None,
        };
        Ok(mail.filter(|mail| (mail.kind.row().is_due)(&mail.user, job)))
    }

    /// Composes the mail and generates the secret of its link. Only the digest is stored. Returns `None` if the
    /// mail is no longer in the outbox.
    pub(super) async fn compose(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        mail: &Outgoing,
    ) -> Result<Option<Mail>, Error> {
        let (url, expires_at) = match self.link_of(ctx, mail) {
            None => return Ok(None),
            Some(PlannedLink::Page(url)) => (url, None),
            Some(PlannedLink::Secret(purpose, expires_at)) => {
                let secret = Token::generate(&*self.random);
                let link = Link {
                    digest: secret.digest(),
                    user_id: mail.user.id,
                    purpose,
                    email: Some(mail.to.clone()),
                    epoch: mail.user.security_epoch,
                    requested_at: mail.requested_at(job),
                    created_at: ctx.now,
                    expires_at,
                    used_at: None,
                };
                if !self.store_link(job, link).await? {
                    return Ok(None);
                }
                (self.secret_url(purpose, &secret.expose()), Some(expires_at))
            }
        };
        Ok(Some(mail.with_link(ctx, job, url, expires_at)))
    }

    /// Composes the mail as it would be sent now, with a link that does not work. Returns `None` if it would not be sent.
    pub(super) fn compose_preview(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        mail: &Outgoing,
    ) -> Option<Mail> {
        let (url, expires_at) = match self.link_of(ctx, mail)? {
            PlannedLink::Page(url) => (url, None),
            PlannedLink::Secret(purpose, at) => (self.secret_url(purpose, PREVIEW), Some(at)),
        };
        Some(mail.with_link(ctx, job, url, expires_at))
    }

    /// The link of a mail that is sent now; `None` if it cannot have one.
    fn link_of(&self, ctx: &Ctx, mail: &Outgoing) -> Option<PlannedLink> {
        let policy = &self.policy;
        Some(match mail.kind.row().link {
            MailLink::Page(path) => PlannedLink::Page(format!("{}{path}", policy.public_url)),
            MailLink::Secret(purpose, lifetime) => {
                PlannedLink::Secret(purpose, ctx.now + lifetime(policy))
            }
            MailLink::Until(purpose, end) => {
                let end = end(&mail.user).filter(|end| *end > ctx.now)?;
                PlannedLink::Secret(purpose, end)
            }
        })
    }

    fn secret_url(&self, purpose: Purpose, secret: &str) -> String {
        let (base, page) = (&self.policy.public_url, purpose.as_str());
        format!("{base}/{page}/{secret}")
    }

    /// Stores the link. Returns `false` if the mail is no longer in the outbox. A new recovery link replaces older
    /// ones.
    async fn store_link(&self, job: &MailJob, link: Link) -> Result<bool, Error> {
        let changes = vec![
            Write::check::<MailJob>(job.id, Vec::new()),
            Write::put(&link),
        ];
        self.writer.apply_unless_stale(changes).await
    }
}

impl Outgoing {
    /// A mail to the user's confirmed address; `None` if there is none.
    fn new(kind: MailKind, user: User) -> Option<Self> {
        let to = user.mail_address()?.clone();
        Some(Self { kind, user, to })
    }

    /// A mail to the user's pending address, which confirms it; `None` if the address is no longer that. The link of an
    /// invitation that was shown to an admin is not mailed.
    fn to_pending(user: User, email: &EmailAddress) -> Option<Self> {
        let pending = user.pending_address()?;
        let to = (pending.key() == email.key()).then(|| pending.clone())?;
        let invitation = user.invitation.filter(|_| user.is_invited());
        let kind = match (
            invitation.map(|invitation| invitation.delivery),
            &user.email,
        ) {
            (Some(InvitationDelivery::Mail), _) => MailKind::Invitation,
            (Some(InvitationDelivery::Link), _) => return None,
            (None, None) => MailKind::SignUp,
            (None, Some(_)) => MailKind::EmailChange,
        };
        Some(Self { kind, user, to })
    }

    fn is_to_pending(&self) -> bool {
        matches!(
            self.kind.row().link,
            MailLink::Secret(Purpose::Confirmation, _) | MailLink::Until(Purpose::Invitation, _)
        )
    }

    /// The mail with this link, which expires at `expires_at`, if it does.
    fn with_link(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        url: String,
        expires_at: Option<Timestamp>,
    ) -> Mail {
        let (greeting, username) = self.names();
        Mail {
            kind: self.kind,
            to: self.to.clone(),
            locale: self.user.mail_locale(),
            greeting,
            username,
            url,
            valid_minutes: expires_at.map(|at| at.duration_since(ctx.now).as_mins()),
            at: match self.kind {
                MailKind::SignUp => self.requested_at(job),
                _ => job.created_at,
            },
            new_email: self.new_email().map(EmailAddress::masked),
            deletion_at: self.user.deletion.map(|deletion| deletion.at),
            device: job.device.clone(),
            message_id: self.message_id(job),
        }
    }

    /// Returns the time that the mail's link is bound to: when the pending address was requested, else when the mail
    /// was queued.
    fn requested_at(&self, job: &MailJob) -> Timestamp {
        match &self.user.pending_email {
            Some(pending) if self.is_to_pending() => pending.requested_at,
            _ => job.created_at,
        }
    }

    /// Returns the greeting and the username. A mail to an unconfirmed address contains neither a name nor a
    /// username that could carry a message from an unknown client. The page behind the link shows them.
    fn names(&self) -> (Option<String>, Option<String>) {
        let username = self.user.username.as_ref().map(Username::as_str);
        if self.is_to_pending() {
            let plain = username.filter(|name| is_safe_name(name));
            return (None, plain.map(str::to_owned));
        }
        let name = self.user.name.as_ref().map(Name::as_str).or(username);
        (name.map(str::to_owned), username.map(str::to_owned))
    }

    /// Returns the account's new address, if the mail does not go there.
    fn new_email(&self) -> Option<&EmailAddress> {
        let confirmed = self.user.mail_address();
        let confirmed = confirmed.filter(|address| address.key() != self.to.key());
        match self.kind.row().new_email {
            NewEmail::Confirmed => confirmed,
            NewEmail::Requested => self.user.pending_address().or(confirmed),
        }
    }

    /// The value for the `Message-ID`. A mailbox shows mails with the same id once. Each recovery mail and invitation gets its
    /// own, because its link voids the link of the previous attempt.
    fn message_id(&self, job: &MailJob) -> String {
        let attempt = match self.kind {
            MailKind::Recovery | MailKind::Invitation => job.attempts,
            _ => 0,
        };
        format!("{}.{attempt}", job.id)
    }
}

/// Returns `true` if the username cannot be read as a web address or a sentence.
fn is_safe_name(name: &str) -> bool {
    let signs = name.chars().filter(|c| !c.is_alphanumeric()).count();
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    name.chars().all(is_plain) && signs <= 1 && name.chars().count() <= MAX_SAFE_NAME_LENGTH
}
