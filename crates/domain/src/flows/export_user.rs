//! Everything that is held on one person, for them to read or take along (L-05).
//!
//! Never a hash, a digest or a secret. What stays is said in `docs/PRIVACY.md`. To add a kind of thing
//! that is kept: a field of [`HeldOn`], and how long it stays in the web part's document.

use jiff::Timestamp;

use crate::access::Action;
use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{AuditEvent, Event, Link, MailJob, MailKind, Purpose, Session, User};
use crate::values::{AuditEventId, EmailAddress};

/// The longest name of a scheme that is told.
const MAX_SCHEME: usize = 24;
/// Mails that whoever is signed in has sent to any address they name.
const UNPROVEN: [MailKind; 4] = [
    MailKind::SignUp,
    MailKind::ConfirmationResend,
    MailKind::Recovery,
    MailKind::EmailChange,
];

/// All that is held on a user but the audit log, which may be long. No other crate makes one: who has it
/// was allowed to see it.
#[derive(Debug)]
#[non_exhaustive]
pub struct HeldOn {
    /// The account.
    pub user: User,
    /// The password, where there is one.
    pub password: Option<PasswordFacts>,
    /// Where they are signed in, newest first.
    pub sessions: Vec<Session>,
    /// Mailed links that are still kept, newest first.
    pub links: Vec<Link>,
    /// Mails that are queued or failed.
    pub mails: Vec<MailJob>,
}

/// What may be said of a password.
#[derive(Debug, PartialEq, Eq)]
pub struct PasswordFacts {
    /// When it was set, or hashed anew.
    pub since: Timestamp,
    /// What it is hashed with, such as `argon2id`.
    pub scheme: String,
}

impl HeldOn {
    /// Leaves out what goes to an address that nobody has shown to be theirs. What becomes of such a
    /// mail, and whether a link is made, says whose address it is: that is told to its owner alone (A-01,
    /// Which address was asked for stands in the account.
    fn leave_out_unproven(&mut self) {
        let own = self.user.email.as_ref().map(EmailAddress::key);
        let is_own = |email: &EmailAddress| Some(email.key()) == own;
        // The others go to an address that was the account's once.
        self.links
            .retain(|link| link.purpose != Purpose::Confirmation || is_own(&link.email));
        let is_proven = |mail: &MailJob| mail.user_id.is_some() && !UNPROVEN.contains(&mail.kind);
        self.mails
            .retain(|mail| is_proven(mail) || is_own(&mail.email));
    }
}

impl Accounts {
    /// Everything held on a user, to themselves or an admin, and a line of the audit log about it.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn export_user(&self, ctx: &Ctx, named: &str) -> Result<HeldOn, Error> {
        let user = self.resolve(ctx, Action::ExportUser, named).await?;
        self.held_on(ctx, user).await
    }

    /// The same on the machine's command line, where a user is named in any way.
    pub async fn export_named(&self, ctx: &Ctx, named: &str) -> Result<HeldOn, Error> {
        crate::flows::export::ensure_operator(ctx)?;
        let user = self.find_named(named).await?;
        self.held_on(ctx, user).await
    }

    async fn held_on(&self, ctx: &Ctx, user: User) -> Result<HeldOn, Error> {
        let store = &self.ports.store;
        // A person who takes it along again and again fills no log by that.
        let is_own = ctx.actor.user_id() == Some(user.id);
        if !is_own || self.may_fill_the_log(ctx, Event::UserExported) {
            let audit = self.audit(ctx, Event::UserExported, Some(user.id));
            self.apply(vec![audit]).await?;
        }
        let credential = store.find_credential(user.id).await?;
        let mut held = HeldOn {
            password: credential.map(|credential| PasswordFacts {
                since: credential.updated_at,
                scheme: scheme_of(credential.password_hash.expose()),
            }),
            sessions: self.open_sessions(ctx, &user).await?,
            links: store.list_links(user.id).await?,
            mails: self.mails_about(&user).await?,
            user,
        };
        if is_own {
            held.leave_out_unproven();
        }
        Ok(held)
    }

    /// The mails that name the user, and those to their confirmed address that name no user.
    async fn mails_about(&self, user: &User) -> Result<Vec<MailJob>, Error> {
        let key = user.email.as_ref().map(EmailAddress::key);
        Ok(self.ports.store.list_mail_jobs(user.id, key).await?)
    }

    /// What the audit log says about them and of what they did, newest first, older than `before`, at
    /// most `limit`. From where somebody else did it is that one's to know.
    pub async fn export_audit_events(
        &self,
        held: &HeldOn,
        before: Option<AuditEventId>,
        limit: usize,
    ) -> Result<Vec<AuditEvent>, Error> {
        let (store, own) = (&self.ports.store, format!("user:{}", held.user.id));
        let mut events = store
            .list_audit_events_of(held.user.id, before, limit)
            .await?;
        for event in &mut events {
            if event.actor.starts_with("user:") && event.actor != own {
                (event.address, event.user_agent) = (None, None);
            }
        }
        Ok(events)
    }
}

/// The name of the scheme that a hash begins with, and nothing more of it.
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
    fn of_a_hash_its_scheme_alone_is_told() {
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
