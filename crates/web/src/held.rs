//! Everything held on a person, as one JSON document that a person can read and a program can parse.
//!
//! It is written piece by piece, since the audit log of a busy account is long: whoever reads slowly
//! holds a page of it and no more. The route and the command line write the same. What is held, and
//! for how long, is told in `kept` and in `docs/PRIVACY.md`.

use std::fmt::Write as _;
use std::sync::Arc;

use doorward_domain::flows::export_user::{HeldOn, PasswordFacts};
use doorward_domain::model::{Link, MailJob};
use doorward_domain::values::{AuditEventId, SessionId};
use doorward_domain::{Accounts, Ctx, Error, Policy};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{AuditEventView, SessionView, UserView};

/// How many lines of the audit log are in memory at once.
const PAGE: usize = 200;
/// How the head ends, which the audit log is put into.
const EMPTY_LOG: &str = "[]\n}";

/// Everything held on a person. The audit log stands last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export)]
pub struct ExportView {
    /// What this is.
    about: &'static str,
    /// Which server holds it.
    #[schema(example = "https://accounts.example.com")]
    server: String,
    /// As of when.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    exported_at: Timestamp,
    /// The account.
    user: UserView,
    /// The language of mails to them.
    #[schema(example = "en")]
    language: &'static str,
    /// What is known of the password; null where there is none.
    #[schema(required = true)]
    password: Option<PasswordView>,
    /// Where they are signed in.
    sessions: Vec<SessionView>,
    /// Mailed links that are still kept, without what opens them.
    links: Vec<LinkView>,
    /// Mails to the user that are queued or failed.
    mails: Vec<MailView>,
    /// How long each of these is kept.
    kept: Vec<KeptView>,
    /// What was done to the account, and what the account did, newest first. From where somebody else
    /// did it is left out.
    audit: Vec<AuditEventView>,
}

/// What may be told of a password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedPassword)]
pub struct PasswordView {
    /// When it was set, or hashed anew.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    since: Timestamp,
    /// What it is hashed with. The hash is never given out.
    #[schema(example = "argon2id")]
    scheme: String,
}

/// A mailed link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedLink)]
pub struct LinkView {
    /// What it opens.
    #[schema(example = "recovery")]
    purpose: &'static str,
    /// Where it was mailed to.
    #[schema(format = Email, example = "ben@example.com")]
    email: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// From when on it is dead.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:30:00Z")]
    expires_at: Timestamp,
    /// When it was used.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-21T08:05:00Z")]
    used_at: Option<Timestamp>,
}

/// A mail in the outbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedMail)]
pub struct MailView {
    /// Which mail.
    #[schema(example = "recovery")]
    kind: &'static str,
    /// Where it was asked to go.
    #[schema(format = Email, example = "ben@example.com")]
    email: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// How often it was tried.
    #[schema(minimum = 0, example = 1)]
    attempts: i64,
    /// When it failed permanently.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-24T08:00:00Z")]
    failed_at: Option<Timestamp>,
}

/// How long something is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Kept)]
pub struct KeptView {
    /// What.
    #[schema(example = "sessions")]
    what: &'static str,
    /// Until when.
    #[schema(example = "until they end")]
    until: String,
}

/// The document, as it is written.
pub struct Document {
    accounts: Arc<Accounts>,
    held: HeldOn,
    current: Option<SessionId>,
    now: Timestamp,
    next: Next,
}

enum Next {
    Head,
    Log(Option<AuditEventId>),
    Nothing,
}

impl Document {
    /// Of that person, as of now, for whoever asks.
    pub fn new(accounts: Arc<Accounts>, held: HeldOn, ctx: &Ctx) -> Self {
        Self {
            accounts,
            held,
            current: ctx.actor.session_id(),
            now: ctx.now,
            next: Next::Head,
        }
    }

    /// The next piece of it; none where it is whole. What breaks off before is no JSON.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let before = match self.next {
            Next::Head => {
                self.next = Next::Log(None);
                return Ok(Some(self.head()?));
            }
            Next::Log(before) => before,
            Next::Nothing => return Ok(None),
        };
        let page = self
            .accounts
            .export_audit_events(&self.held, before, PAGE)
            .await?;
        let mut piece = String::new();
        for event in &page {
            let line = serde_json::to_string(&AuditEventView::from(event)).map_err(unwritable)?;
            let is_first = before.is_none() && piece.is_empty();
            let joint = if is_first { "[" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(piece, "{joint}\n    {line}");
        }
        self.next = match page.last() {
            Some(oldest) if page.len() == PAGE => Next::Log(Some(oldest.id)),
            _ => {
                let is_empty = before.is_none() && page.is_empty();
                piece.push_str(if is_empty { "[]\n}\n" } else { "\n  ]\n}\n" });
                Next::Nothing
            }
        };
        Ok(Some(piece))
    }

    fn head(&self) -> Result<String, Error> {
        let (held, policy) = (&self.held, self.accounts.policy());
        let view = ExportView {
            about: "Everything that this server holds on this account.",
            server: policy.public_url.clone(),
            exported_at: self.now,
            user: UserView::from(&held.user),
            language: held.user.locale.tag(),
            password: held.password.as_ref().map(PasswordView::from),
            sessions: held
                .sessions
                .iter()
                .map(|session| SessionView::new(session, self.current))
                .collect(),
            links: held.links.iter().map(LinkView::from).collect(),
            mails: held.mails.iter().map(MailView::from).collect(),
            kept: kept(policy),
            audit: Vec::new(),
        };
        let text = serde_json::to_string_pretty(&view).map_err(unwritable)?;
        let head = text
            .strip_suffix(EMPTY_LOG)
            .ok_or(Error::Internal("an export does not end with its audit log"))?;
        Ok(head.to_owned())
    }
}

fn unwritable(_: serde_json::Error) -> Error {
    Error::Internal("an export cannot be written as JSON")
}

impl From<&PasswordFacts> for PasswordView {
    fn from(facts: &PasswordFacts) -> Self {
        Self {
            since: facts.since,
            scheme: facts.scheme.clone(),
        }
    }
}

impl From<&Link> for LinkView {
    fn from(link: &Link) -> Self {
        Self {
            purpose: link.purpose.as_str(),
            email: link.email.as_str().to_owned(),
            created_at: link.created_at,
            expires_at: link.expires_at,
            used_at: link.used_at,
        }
    }
}

impl From<&MailJob> for MailView {
    fn from(mail: &MailJob) -> Self {
        Self {
            kind: mail.kind.as_str(),
            email: mail.email.as_str().to_owned(),
            created_at: mail.created_at,
            attempts: mail.attempts,
            failed_at: mail.failed_at,
        }
    }
}

/// How long everything is kept, in words.
fn kept(policy: &Policy) -> Vec<KeptView> {
    let say = |what, until: String| KeptView { what, until };
    let gone = "until the account is deleted";
    vec![
        say("user", gone.to_owned()),
        say(
            "password",
            format!("{gone}, or another one is set; as a hash alone, which is never given out"),
        ),
        say(
            "sessions",
            format!(
                "until they end: {} after the last renewal, {} after the sign-in at most",
                period(policy.session_lifetime),
                period(policy.session_renewable)
            ),
        ),
        say("links", "7 days after they have expired".to_owned()),
        say(
            "mails",
            format!(
                "until the mail server accepts them; a mail that cannot be sent fails after {} and is deleted 7 days later",
                period(policy.mail_lifetime)
            ),
        ),
        say(
            "audit",
            "as long as the operator has set; once the account is deleted, its events name no person, only an id that belongs to nobody".to_owned(),
        ),
        say(
            "counters of attempts",
            "90 days at most, under the account's id or address; they are not part of this document".to_owned(),
        ),
    ]
}

fn period(time: SignedDuration) -> String {
    match time.as_hours() {
        0 => format!("{} minutes", time.as_mins()),
        hours if hours % 24 == 0 && hours > 24 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}
