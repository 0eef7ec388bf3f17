//! Exports everything stored about one user, for that person to read or move (L-05).
//!
//! The export contains no hash, digest or secret; `docs/operations/data-requests.md` lists what it omits. To add a kind
//! of stored data: a field of [`PersonalData`], and its retention period in the document of the `web` crate.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action, ensure_operator};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::factors::FactorList;
use crate::factors::store::FactorStore;
use crate::model::{
    AuditEvent, AuditFilter, Credential, Device, Job, LastSignIn, Link, MailJob, Purpose,
    Recipient, Session, User,
};
use crate::sessions::LastSeenTimes;
use crate::store::{ReadStore, Records};
use crate::values::{AuditEventId, EmailAddress};
use crate::writer::Writer;

/// Maximum length of a scheme name in the export.
const MAX_SCHEME: usize = 24;
/// Everything stored about a user, except the audit log, which may be long. Only this crate creates one: a caller
/// that has it was authorized.
#[derive(Debug)]
#[non_exhaustive]
pub struct PersonalData {
    /// The account.
    pub user: User,
    /// When the user last signed in; `None` if never.
    pub last_sign_in_at: Option<Timestamp>,
    /// Facts about the password; `None` if the user has no password.
    pub password: Option<PasswordMetadata>,
    /// Second factors, without their secrets; also enrolments that have expired.
    pub factors: FactorList,
    /// Open sessions, newest first.
    pub sessions: Vec<Session>,
    /// Devices that the user signed in from.
    pub devices: Vec<Device>,
    /// Stored links, newest first.
    pub links: Vec<Link>,
    /// Mails that are queued or failed.
    pub mails: Vec<MailJob>,
}

/// The exported facts about a password.
#[derive(Debug, PartialEq, Eq)]
pub struct PasswordMetadata {
    /// When it was set or rehashed.
    pub set_at: Timestamp,
    /// Hash scheme, such as `argon2id`.
    pub scheme: String,
}

impl PersonalData {
    /// Removes links and mails to addresses that the user has not confirmed. Their state reveals whether another
    /// user owns the address, which only that owner may learn. The account itself contains the
    /// requested address.
    fn remove_unproven(&mut self) {
        let email = self.user.email.as_ref();
        let own = email.map(EmailAddress::key);
        let is_own = |email: &EmailAddress| Some(email.key()) == own;
        // Other links were mailed to a confirmed address of the account, current or former.
        self.links
            .retain(|link| link.purpose != Purpose::Confirmation || link.was_mailed_to(email));
        // A user can have the others sent to any address.
        let is_proven =
            |mail: &MailJob| mail.user_id.is_some() && mail.kind.row().to != Recipient::Pending;
        self.mails
            .retain(|mail| is_proven(mail) || is_own(&mail.email));
    }
}

/// Exports everything stored about one user.
pub struct PersonalExport {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) access: Arc<Access>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) writer: Arc<Writer>,
}

impl PersonalExport {
    /// Returns everything stored about a user, for that user or an admin, and writes an audit event.
    #[tracing::instrument(name = "export_user", level = "trace", skip_all)]
    pub async fn export(&self, ctx: &Ctx, named: &str) -> Result<PersonalData, Error> {
        let user = self.access.resolve(ctx, Action::ExportUser, named).await?;
        self.export_data(ctx, user).await
    }

    /// Like [`Self::export`], for the operator on the command line. `named` is an id, a username or an
    /// address.
    pub async fn export_by_name(&self, ctx: &Ctx, named: &str) -> Result<PersonalData, Error> {
        ensure_operator(ctx)?;
        let user = self.access.find_by_name(named).await?;
        self.export_data(ctx, user).await
    }

    async fn export_data(&self, ctx: &Ctx, user: User) -> Result<PersonalData, Error> {
        let store = &self.store;
        let is_own = ctx.actor.user_id() == Some(user.id);
        let exported = Event::UserExported { user_id: user.id };
        self.writer.emit_now(ctx, exported).await?;
        let credential = store.get::<Credential>(user.id).await?;
        let mut data = PersonalData {
            last_sign_in_at: LastSignIn::time_of(&*self.store, user.id).await?,
            password: credential.map(|credential| PasswordMetadata {
                set_at: credential.updated_at,
                scheme: scheme_of(credential.data.expose()),
            }),
            factors: self.factor_store.stored_factors(&user).await?,
            sessions: self.last_seen.valid_sessions(ctx, &user).await?,
            devices: store.list_readable(Device::of_user(user.id)).await?,
            links: self.links_of(&user).await?,
            mails: mails_about(&*self.store, &user).await?,
            user,
        };
        if is_own {
            data.remove_unproven();
        }
        Ok(data)
    }

    async fn links_of(&self, user: &User) -> Result<Vec<Link>, Error> {
        let links = Link::of_user(user.id);
        let mut links: Vec<Link> = self.store.list_readable(links).await?;
        links.sort_by_key(|link| Reverse(link.created_at));
        Ok(links)
    }

    /// Returns the audit events about the user or by the user, newest first, older than `before`, at most `limit`.
    /// Removes the IP address and the user agent of other users.
    pub async fn export_audit_events(
        &self,
        data: &PersonalData,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, Error> {
        let (store, own) = (&self.store, format!("user:{}", data.user.id));
        let mut events: Vec<AuditEvent> = Vec::new();
        for query in AuditFilter::of_user(data.user.id, before, limit) {
            events.extend(store.list_readable::<AuditEvent>(query).await?);
        }
        events.sort_by_key(|event| Reverse(event.id));
        events.dedup_by_key(|event| event.id);
        events.truncate(limit);
        for event in &mut events {
            if event.actor.starts_with("user:") && event.actor != own {
                (event.address, event.user_agent) = (None, None);
            }
        }
        Ok(events)
    }
}

/// Returns the queued mails about the user, and those to the confirmed address that have no user, oldest first.
pub(crate) async fn mails_about(store: &dyn ReadStore, user: &User) -> Result<Vec<MailJob>, Error> {
    let of_user = Job::of_user(user.id).only(MailJob::is_mail());
    let mut mails = store.list_readable(of_user).await?;
    if let Some(email) = &user.email {
        let to_address = Job::without_user(email.key()).only(MailJob::is_mail());
        mails.extend(store.list_readable(to_address).await?);
    }
    mails.sort_by_key(|mail: &MailJob| mail.id);
    Ok(mails)
}

/// Returns the scheme name at the start of a hash; `imported` if there is none.
fn scheme_of(hash: &str) -> String {
    let name = hash.trim_start_matches('$').split('$').next();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name {
        Some("2a" | "2b" | "2x" | "2y") => "bcrypt".to_owned(),
        Some(name) if (1..=MAX_SCHEME).contains(&name.len()) && name.chars().all(is_name) => {
            name.to_owned()
        }
        _ => "imported".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scheme_of_a_hash_is_exported() {
        for (hash, scheme) in [
            ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "argon2id"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC", "bcrypt"),
            ("pbkdf2_sha256$1000$salt$aGFzaA==", "pbkdf2_sha256"),
            ("5f4dcc3b5aa765d61d8327deb882cf99", "imported"),
            ("", "imported"),
        ] {
            assert_eq!(scheme_of(hash), scheme, "{hash}");
        }
    }
}
