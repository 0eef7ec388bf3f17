//! The personal data export: everything stored about a user, as one JSON document.
//!
//! It is written in chunks, since the audit log of a busy account is long; one page of it is in memory at a
//! time. The route and the command line write the same document. `retention` and `docs/PRIVACY.md` list
//! the stored data and its retention.

use std::fmt::Write as _;
use std::sync::Arc;

use doorward_domain::model::{Device, Link, MailJob};
use doorward_domain::users::{PasswordMetadata, PersonalData};
use doorward_domain::values::{AuditEventId, SessionId};
use doorward_domain::{Ctx, Doorward, Error};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::view::AuditEventView;
use crate::factors::api::{FactorListView, FactorView};
use crate::invitation::view::InvitationView;
use crate::sessions::view::SessionView;
use crate::users::retention::{self, Retention, whole_units};
use crate::users::view::UserView;

/// Number of audit events in memory at once.
const AUDIT_PAGE_SIZE: usize = 200;
/// End of the document without audit events; they are inserted there.
const HEAD_END: &str = "[]\n}";

/// Everything stored about a user. The audit log is last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Export)]
pub struct ExportView {
    /// What this document is.
    about: &'static str,
    /// URL of the server.
    #[schema(example = "https://accounts.example.com")]
    server: String,
    /// Time of the export.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    exported_at: Timestamp,
    /// The account.
    user: UserView,
    /// The invitation; null if the user was not invited.
    #[schema(required = true)]
    invitation: Option<InvitationView>,
    /// Language of mails to the user.
    #[schema(example = "en")]
    language: &'static str,
    /// The password; null if there is none.
    #[schema(required = true)]
    password: Option<PasswordView>,
    /// Second factors, without their secrets.
    factors: Vec<FactorView>,
    /// Open sessions.
    sessions: Vec<SessionView>,
    /// Devices that the user signed in from.
    devices: Vec<DeviceView>,
    /// Mailed links, without their tokens.
    links: Vec<LinkView>,
    /// Mails to the user that are queued or failed.
    mails: Vec<MailView>,
    /// Retention periods.
    retention: Vec<RetentionView>,
    /// Audit events of the account, newest first, without the addresses of other users.
    audit: Vec<AuditEventView>,
}

/// The password, without its hash.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedPassword)]
pub struct PasswordView {
    /// Time when it was set or rehashed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    set_at: Timestamp,
    /// Hash algorithm. The hash itself is never exported.
    #[schema(example = "argon2id")]
    scheme: String,
}

/// A device that the user signed in from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedDevice)]
pub struct DeviceView {
    /// Program and system.
    #[schema(required = true, example = "Firefox, Linux")]
    program: Option<String>,
    /// Network prefix.
    #[schema(required = true, example = "192.0.2.7")]
    network: Option<String>,
    /// Time of the last sign-in.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    last_used_at: Timestamp,
}

/// A mailed link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedLink)]
pub struct LinkView {
    /// Purpose of the link.
    #[schema(example = "recovery")]
    purpose: &'static str,
    /// Recipient; null for the link of an invitation that was shown to an admin.
    #[schema(required = true, format = Email, example = "ben@example.com")]
    email: Option<String>,
    /// Creation time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Expiry time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:30:00Z")]
    expires_at: Timestamp,
    /// Time of use; null if unused.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-21T08:05:00Z")]
    used_at: Option<Timestamp>,
}

/// A mail in the outbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportedMail)]
pub struct MailView {
    /// Kind of mail.
    #[schema(example = "recovery")]
    kind: &'static str,
    /// Recipient.
    #[schema(format = Email, example = "ben@example.com")]
    email: String,
    /// Creation time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Program, system and IP address of the sign-in that it reports.
    #[schema(required = true)]
    device: Option<String>,
    /// Number of delivery attempts.
    #[schema(minimum = 0, example = 1)]
    attempts: i64,
    /// When it failed permanently.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-24T08:00:00Z")]
    failed_at: Option<Timestamp>,
}

/// A retention period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retention)]
pub struct RetentionView {
    /// Category of data.
    #[schema(example = "sessions")]
    category: &'static str,
    /// End of the period.
    #[schema(example = "until they end")]
    until: String,
}

/// The document while it is written.
pub struct ExportDocument {
    doorward: Arc<Doorward>,
    data: PersonalData,
    current: Option<SessionId>,
    now: Timestamp,
    stage: ExportStage,
}

enum ExportStage {
    Head,
    Audit(Option<AuditEventId>),
    Done,
}

impl ExportDocument {
    /// Starts the document of a user.
    pub fn new(doorward: Arc<Doorward>, data: PersonalData, ctx: &Ctx) -> Self {
        Self {
            doorward,
            data,
            current: ctx.actor.session_id(),
            now: ctx.now,
            stage: ExportStage::Head,
        }
    }

    /// Returns the next chunk; `None` after the last one. A document that ends early is not valid JSON.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let before = match self.stage {
            ExportStage::Head => {
                self.stage = ExportStage::Audit(None);
                return Ok(Some(self.head()?));
            }
            ExportStage::Audit(before) => before,
            ExportStage::Done => return Ok(None),
        };
        let page = self
            .doorward
            .personal_export
            .export_audit_events(&self.data, before, AUDIT_PAGE_SIZE)
            .await?;
        let mut chunk = String::new();
        for event in &page {
            let json =
                serde_json::to_string(&AuditEventView::from(event)).map_err(serialize_error)?;
            let is_first = before.is_none() && chunk.is_empty();
            let joint = if is_first { "[" } else { "," };
            // Writing to a `String` cannot fail.
            let _ = write!(chunk, "{joint}\n    {json}");
        }
        self.stage = match page.last() {
            Some(oldest) if page.len() == AUDIT_PAGE_SIZE => ExportStage::Audit(Some(oldest.id)),
            _ => {
                let is_empty = before.is_none() && page.is_empty();
                chunk.push_str(if is_empty { "[]\n}\n" } else { "\n  ]\n}\n" });
                ExportStage::Done
            }
        };
        Ok(Some(chunk))
    }

    fn head(&self) -> Result<String, Error> {
        let (data, policy) = (&self.data, self.doorward.policy());
        let view = ExportView {
            about: "Everything that this server stores about this account.",
            server: policy.public_url.clone(),
            exported_at: self.now,
            user: UserView::from(&data.user).with_last_sign_in(data.last_sign_in_at),
            invitation: InvitationView::new(&data.user, self.now),
            language: data.user.mail_locale().tag(),
            password: data.password.as_ref().map(PasswordView::from),
            factors: FactorListView::from(&data.factors).items,
            sessions: data
                .sessions
                .iter()
                .map(|session| SessionView::new(session, self.current))
                .collect(),
            devices: data.devices.iter().map(DeviceView::from).collect(),
            links: data.links.iter().map(LinkView::from).collect(),
            mails: data.mails.iter().map(MailView::from).collect(),
            retention: retention::list(policy).map(RetentionView::from).into(),
            audit: Vec::new(),
        };
        let text = serde_json::to_string_pretty(&view).map_err(serialize_error)?;
        let head = text
            .strip_suffix(HEAD_END)
            .ok_or(Error::Internal("an export does not end with its audit log"))?;
        Ok(head.to_owned())
    }
}

fn serialize_error(_: serde_json::Error) -> Error {
    Error::Internal("failed to serialize an export")
}

impl From<&PasswordMetadata> for PasswordView {
    fn from(facts: &PasswordMetadata) -> Self {
        Self {
            set_at: facts.set_at,
            scheme: facts.scheme.clone(),
        }
    }
}

impl From<&Device> for DeviceView {
    fn from(device: &Device) -> Self {
        Self {
            program: device.program.clone(),
            network: device.network.clone(),
            last_used_at: device.last_used_at,
        }
    }
}

impl From<&Link> for LinkView {
    fn from(link: &Link) -> Self {
        Self {
            purpose: link.purpose.as_str(),
            email: link.email.as_ref().map(|email| email.as_str().to_owned()),
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
            device: mail.device.clone(),
            attempts: mail.attempts,
            failed_at: mail.failed_at,
        }
    }
}

impl From<Retention> for RetentionView {
    fn from(row: Retention) -> Self {
        let text = |time: Option<SignedDuration>| {
            let (count, unit) = whole_units(time.unwrap_or_default());
            format!("{count} {unit}")
        };
        let (period, longest) = (text(row.period), text(row.longest));
        let deletion = "until the account is deleted";
        let until = match row.category {
            "user" if row.period.is_some() => {
                format!("{deletion}, {period} after that was requested")
            }
            "password" => format!(
                "{deletion} or the password is changed; stored as a hash, which is never exported"
            ),
            "factors" => format!(
                "{deletion} or the factor is removed; its secret and the recovery codes are never exported"
            ),
            "sessions" => {
                format!("{period} after the last renewal, at most {longest} after sign-in")
            }
            "devices" => format!("{period} after the last sign-in"),
            "links" => format!("{period} after they expire"),
            "mails" => format!(
                "until the mail server accepts them; a mail that cannot be sent fails after {period} and is deleted {longest} later"
            ),
            "audit" => {
                let period = row
                    .period
                    .map_or("without a limit of time".to_owned(), |_| period);
                format!(
                    "{period}; after the account is deleted, its events contain only an id that is not used again"
                )
            }
            "attempt counters" => format!(
                "at most {period}, by account id or address; of recoveries by mail of an account with a second factor, until a sign-in with a code, at most {longest}; not part of this document"
            ),
            _ => deletion.to_owned(),
        };
        Self {
            category: row.category,
            until,
        }
    }
}
