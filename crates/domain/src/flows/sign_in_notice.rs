//! Tell an account's owner by mail who signs in to it, or tries to.
//!
//! Known is a sign-in with a program (`Firefox` on `Linux`) and from a network that the audit log has seen
//! succeed with this account in the last ninety days, or of a browser that shows the cookie of a known
//! device. The first of all is nobody's surprise, as long as the account is younger than that. What is
//! looked up here is looked up only once the password was right; where it was not, the worker looks, so that
//! no answer's time tells of an account. A budget for each account bounds the mails.

use jiff::SignedDuration;

use crate::accounts::Accounts;
use crate::changes::Change;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::limits::{Rate, network_key};
use crate::model::{AuditEvent, AuditFilter, Event, MailJob, MailKind, Outcome, User};
use crate::ports::KeyedLimit;
use crate::values::UserId;

/// Mails about sign-ins to one account's owner: someone who has the password cannot flood the mailbox.
const SIGN_IN_NOTICES: Rate = Rate::new(5, 24 * 3600);
/// Mails about a new password to one account's owner.
const PASSWORD_NOTICES: Rate = Rate::new(10, 24 * 3600);
/// How long a device is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many lines of an account's history are looked at.
const LOOKED_AT: usize = 200;
/// From so many wrong passwords on, the sign-in that follows is told of.
const MANY_FAILURES: usize = 10;
/// Programs by a word of their user agent, the telling before the common.
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
/// The most characters of a program's own name that a mail says.
const MAX_PROGRAM: usize = 32;

impl Accounts {
    /// The mail that a sign-in brings, where it is out of the ordinary.
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
        // A line that this release cannot read says nothing of a device.
        past.retain(|line| line.event == Event::SignIn);
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

    /// Counts a mail about a new password; `true` if there were too many.
    pub(crate) async fn has_password_notices_enough(&self, user_id: UserId) -> Result<bool, Error> {
        let key = format!("user/{user_id}");
        let limit = KeyedLimit::budget("password-notice", PASSWORD_NOTICES, key);
        Ok(!self.try_acquire(limit, self.now()).await?)
    }

    /// With what and from where the sign-in was that a mail tells of.
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
        let lines = self.ports.store.list_audit_events(&filter).await?;
        let line = lines
            .iter()
            .filter(|line| line.event == Event::SignIn)
            .find(|line| line.at == job.created_at && line.outcome == Outcome::Success);
        Ok(line.and_then(described))
    }
}

/// What is out of the ordinary about a sign-in that has just succeeded, by those before it, newest
/// first.
fn out_of_the_ordinary(ctx: &Ctx, user: &User, past: &[AuditEvent]) -> Option<MailKind> {
    let failures = past
        .iter()
        .take_while(|line| line.outcome == Outcome::Failure);
    if failures.count() >= MANY_FAILURES {
        return Some(MailKind::SignInAfterFailures);
    }
    // A browser that shows a cookie of this account, wherever it is, from since its last new password.
    if ctx.client.known.iter().any(|known| known.is_known_to(user)) {
        return None;
    }
    let mut seen = past
        .iter()
        .filter(|line| line.outcome == Outcome::Success)
        .peekable();
    if seen.peek().is_none() && user.created_at > ctx.now - REMEMBERED {
        // The first of all. In an older account it is one that nobody has signed in to for long: whoever
        // does is told of, since a thief's would be the ones that are known from then on.
        return None;
    }
    // What of an address stays the same for somebody at home.
    let (program, network) = (
        program(ctx.client.user_agent.as_deref()),
        ctx.client.address.map(network_key),
    );
    let (mut knows_program, mut knows_network) = (false, false);
    for line in seen {
        knows_program |= self::program(line.user_agent.as_deref()) == program;
        knows_network |= line.address.map(network_key) == network;
    }
    (!knows_program || !knows_network).then_some(MailKind::NewSignIn)
}

/// Program and system of a user agent without their versions, in words of ours: what a stranger makes
/// a program call itself is cut to letters, so that it advertises nothing in a mail.
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

fn described(line: &AuditEvent) -> Option<String> {
    let address = line
        .address
        .map(|address| address.to_canonical().to_string());
    let parts = [program(line.user_agent.as_deref()), address];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_kind_and_says_nothing_of_its_own() {
        for (user_agent, named) in [
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
            assert_eq!(program(Some(user_agent)).as_deref(), Some(named));
        }
        assert_eq!(program(Some("")), None);
        assert_eq!(program(Some("/\u{202e}(")), None);
    }
}
