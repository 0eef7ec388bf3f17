//! Notifies an account's owner by mail of unusual sign-ins.
//!
//! A sign-in is usual if the audit log has successful sign-ins to the account by this program (`Firefox` on
//! `Linux`) and from this network in the last ninety days, or if the browser sends the cookie of a known device.
//! The first sign-in is usual if the account is younger than that. These queries run only after a correct
//! password. A limit per account bounds the number of mails.

use jiff::SignedDuration;

use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::limits::{Rate, network_key};
use crate::model::{AuditEvent, AuditFilter, Event, MailJob, MailKind, Outcome, User};
use crate::ports::KeyedLimit;
use crate::values::UserId;

/// Limit of mails about sign-ins to one account: someone who has the password cannot flood the mailbox.
const SIGN_IN_NOTICES: Rate = Rate::new(5, 24 * 3600);
/// Limit of mails about a new password of one account.
const PASSWORD_NOTICES: Rate = Rate::new(10, 24 * 3600);
/// Time for which a program or a network of an account is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Maximum number of audit events that are read.
const LOOKED_AT: usize = 200;
/// Number of consecutive wrong passwords after which a sign-in is reported.
const MANY_FAILURES: usize = 10;
/// Programs by a part of their user agent, specific ones before common ones.
const PROGRAMS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];
/// Maximum length of the name of an unlisted program in a mail.
const MAX_PROGRAM: usize = 32;

impl Accounts {
    /// Returns the mail about a sign-in; `None` if the sign-in is usual or the limit is reached.
    pub(crate) async fn sign_in_notice(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Option<Change>, Error> {
        let Some(email) = user.mail_address().filter(|_| self.policy.sign_in_notices) else {
            return Ok(None);
        };
        let filter = AuditFilter {
            user_id: Some(user.id),
            event: Some(Event::SignIn),
            since: Some(ctx.now - REMEMBERED),
            limit: LOOKED_AT,
            ..AuditFilter::default()
        };
        let mut past = self.ports.store.list_audit_events(&filter).await?;
        // An event that this release cannot read contains no device.
        past.retain(|event| event.event == Event::SignIn);
        let Some(kind) = out_of_the_ordinary(ctx, user, &past) else {
            return Ok(None);
        };
        let key = format!("user/{}", user.id);
        let limit = KeyedLimit::budget("sign-in-notice", SIGN_IN_NOTICES, key);
        match self.try_acquire(limit, ctx.now).await? {
            true => Ok(Some(self.mail(
                ctx,
                kind,
                Some(user.id),
                email,
                user.locale,
            ))),
            false => Ok(None),
        }
    }

    /// Counts a mail about a new password. Returns `true` if the limit is exceeded.
    pub(crate) async fn has_password_notices_enough(&self, user_id: UserId) -> Result<bool, Error> {
        let key = format!("user/{user_id}");
        let limit = KeyedLimit::budget("password-notice", PASSWORD_NOTICES, key);
        Ok(!self.try_acquire(limit, self.now()).await?)
    }

    /// Returns the program, the system and the IP address of the sign-in that a mail reports.
    pub(crate) async fn device_of(&self, job: &MailJob) -> Result<Option<String>, Error> {
        if !matches!(
            job.kind,
            MailKind::NewSignIn | MailKind::SignInAfterFailures
        ) {
            return Ok(None);
        }
        let filter = AuditFilter {
            user_id: job.user_id,
            event: Some(Event::SignIn),
            since: Some(job.created_at),
            limit: LOOKED_AT,
            ..AuditFilter::default()
        };
        let events = self.ports.store.list_audit_events(&filter).await?;
        let sign_in = events
            .iter()
            .filter(|event| event.event == Event::SignIn)
            .find(|event| event.at == job.created_at && event.outcome == Outcome::Success);
        Ok(sign_in.and_then(described))
    }
}

/// Returns the kind of mail for a sign-in that has just succeeded; `None` if it is usual. `past` holds the earlier
/// attempts, newest first.
fn out_of_the_ordinary(ctx: &Ctx, user: &User, past: &[AuditEvent]) -> Option<MailKind> {
    let failures = past
        .iter()
        .take_while(|event| event.outcome == Outcome::Failure);
    if failures.count() >= MANY_FAILURES {
        return Some(MailKind::SignInAfterFailures);
    }
    // The cookie of a known device counts in any network, until the next new password.
    if ctx.client.known.iter().any(|known| known.is_known_to(user)) {
        return None;
    }
    let mut seen = past
        .iter()
        .filter(|event| event.outcome == Outcome::Success)
        .peekable();
    if seen.peek().is_none() && user.created_at > ctx.now - REMEMBERED {
        // The first sign-in. To an older account it is the first in a long time and is reported: otherwise a
        // thief's device would become the known one.
        return None;
    }
    // `network_key` is the part of an address that stays the same at one home.
    let (program, network) = (
        program(ctx.client.user_agent.as_deref()),
        ctx.client.address.map(network_key),
    );
    let (mut knows_program, mut knows_network) = (false, false);
    for event in seen {
        knows_program |= self::program(event.user_agent.as_deref()) == program;
        knows_network |= event.address.map(network_key) == network;
    }
    (!knows_program || !knows_network).then_some(MailKind::NewSignIn)
}

/// Returns the program and system of a user agent, without versions. The name of an unlisted program is cut to
/// plain characters, so that an unknown client cannot advertise in a mail.
fn program(user_agent: Option<&str>) -> Option<String> {
    let text = user_agent?;
    let word = |list: &[(&str, &'static str)]| {
        let found = list.iter().find(|(part, _)| text.contains(part));
        found.map(|(_, name)| *name)
    };
    let own = || -> String {
        let first = text.split(['/', ' ', '(']).next().unwrap_or_default();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        first.chars().filter(is_plain).take(MAX_PROGRAM).collect()
    };
    let program = word(&PROGRAMS).map_or_else(own, str::to_owned);
    match (program.is_empty(), word(&SYSTEMS)) {
        (false, Some(system)) => Some(format!("{program}, {system}")),
        (false, None) => Some(program),
        (true, system) => system.map(str::to_owned),
    }
}

fn described(event: &AuditEvent) -> Option<String> {
    let address = event
        .address
        .map(|address| address.to_canonical().to_string());
    let parts = [program(event.user_agent.as_deref()), address];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_kind_and_says_nothing_of_its_own() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox, Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0 Safari/537.36 Edg/139.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604",
                "Safari, iPhone",
            ),
            ("python-requests/2.32", "python-requests"),
            ("curl/8.5.0", "curl"),
            ("win.at.evil.example/1 <b>", "winatevilexample"),
        ] {
            assert_eq!(program(Some(user_agent)).as_deref(), Some(expected));
        }
        assert_eq!(program(Some("")), None);
        assert_eq!(program(Some("/\u{202e}(")), None);
    }
}
