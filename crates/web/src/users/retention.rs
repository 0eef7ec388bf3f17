//! How long data about a user is stored. The export and the page of the stored data have the same list.

use doorward_domain::Policy;
use doorward_domain::devices::HISTORY_WINDOW;
use doorward_domain::housekeeping::RETENTION;
use doorward_domain::limits::FAILURE_MEMORY_MAX;
use jiff::SignedDuration;

/// A category of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Name in the export; variant of the messages `data-category` and `data-until`.
    pub(crate) category: &'static str,
    /// The period; `None` if there is none, or if the account decides. For `user`, the time from the request for the
    /// deletion to the deletion.
    pub(crate) period: Option<SignedDuration>,
    /// The longest time that something of the category is stored: a session that is renewed, a counter that lasts longer than
    /// others. For `mails`, the time after the attempts to send them have ended.
    pub(crate) longest: Option<SignedDuration>,
}

/// Everything that is stored about a user.
pub(crate) fn list(policy: &Policy) -> [Retention; 9] {
    let years = |count: i64| Some(SignedDuration::from_hours(count * 365 * 24));
    let attempts = SignedDuration::try_from(FAILURE_MEMORY_MAX).ok();
    let row = |category, period, longest| Retention {
        category,
        period,
        longest,
    };
    let grace = Some(policy.deletion_grace).filter(|grace| !grace.is_zero());
    let absolute = Some(policy.session_absolute_lifetime);
    [
        row("user", grace, None),
        row("password", None, None),
        row("factors", None, None),
        row("sessions", Some(policy.session_lifetime), absolute),
        row("devices", Some(HISTORY_WINDOW), None),
        row("links", Some(RETENTION), None),
        row("mails", Some(policy.mail_lifetime), Some(RETENTION)),
        row("audit", policy.audit_retention, None),
        // The longest is the counter of recoveries by mail that no correct code has followed.
        row("attempt counters", attempts, years(10)),
    ]
}

/// A period in its largest whole unit, and the name of the unit: 24 hours, but 2 days; 365 days, but 2 years.
pub(crate) fn whole_units(time: SignedDuration) -> (i64, &'static str) {
    const YEAR: i64 = 365 * 24;
    match time.as_hours() {
        0 => (time.as_mins(), "minutes"),
        hours if hours % YEAR == 0 && hours > YEAR => (hours / YEAR, "years"),
        hours if hours % 24 == 0 && hours > 24 => (hours / 24, "days"),
        hours => (hours, "hours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_its_largest_whole_unit() {
        for (hours, expected) in [
            (1, (1, "hours")),
            (24, (24, "hours")),
            (36, (36, "hours")),
            (48, (2, "days")),
            (365 * 24, (365, "days")),
            (400 * 24, (400, "days")),
            (3650 * 24, (10, "years")),
        ] {
            assert_eq!(whole_units(SignedDuration::from_hours(hours)), expected);
        }
        assert_eq!(whole_units(SignedDuration::from_mins(5)), (5, "minutes"));
    }
}
