//! Notices of the sign-in page about what has happened before.

use axum::http::HeaderMap;
use axum::response::Response;
use doorward_domain::model::User;
use jiff::Timestamp;

use crate::html::outcome;
use crate::html::return_to::{ReturnTo, with_return_to};

/// The event before a user comes to the sign-in page: the first field of its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    SignedOut,
    /// The session of a page of the account area has ended.
    SessionEnded,
    /// The session of a form of the account area has ended.
    NotSaved,
    /// After a sign-up that needs no confirmation, if the sign-in after it has failed.
    SignedUp,
    /// An address was confirmed.
    Confirmed,
    /// A new address was confirmed, which has ended every session.
    EmailChanged,
    /// The owner of an address has cancelled its confirmation.
    Cancelled,
    /// A new password was set with a mailed link.
    Recovered,
    /// The change of an address was undone.
    EmailUndone,
    /// The change of an address was undone, which has turned off two-factor sign-in.
    EmailAndFactorsUndone,
    /// The second factors were removed with a mailed link.
    FactorsUndone,
    /// After a sign-in. Without a session, the browser has not accepted the cookie.
    SignedIn,
    /// The account will be deleted at this time.
    ToBeDeleted(Timestamp),
    Deleted,
    /// A deletion was cancelled.
    Kept,
}

impl Notice {
    /// Those without a value.
    const PLAIN: [Self; 14] = [
        Self::SignedOut,
        Self::SessionEnded,
        Self::NotSaved,
        Self::SignedUp,
        Self::Confirmed,
        Self::EmailChanged,
        Self::Cancelled,
        Self::Recovered,
        Self::EmailUndone,
        Self::EmailAndFactorsUndone,
        Self::FactorsUndone,
        Self::SignedIn,
        Self::Deleted,
        Self::Kept,
    ];

    /// After the deletion of a user was requested.
    pub(crate) fn after_deletion(user: &User) -> Self {
        let deletion = user.deletion;
        deletion.map_or(Self::Deleted, |deletion| Self::ToBeDeleted(deletion.at))
    }

    /// Reads the query of the sign-in page. A notice that is not from a redirect is ignored, unless it is for browsers that
    /// store no cookies.
    pub(crate) fn of_request(headers: &HeaderMap, query: &str) -> Option<Self> {
        let is_ours =
            |notice: &Self| *notice == Self::SignedIn || outcome::is_from_redirect(headers, query);
        Self::from_query(query).filter(is_ours)
    }

    fn from_query(query: &str) -> Option<Self> {
        let field = query.split('&').next()?;
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if name == "to-be-deleted" {
            let at = Timestamp::from_second(value.parse().ok()?);
            return at.ok().map(Self::ToBeDeleted);
        }
        Self::PLAIN
            .into_iter()
            .find(|notice| notice.name() == field)
    }

    /// Redirects to the sign-in page with this notice.
    pub(crate) fn redirect(self, return_to: Option<&ReturnTo>) -> Response {
        outcome::redirect(&with_return_to(&self.path(), return_to))
    }

    /// The sign-in page with this notice.
    pub(crate) fn path(self) -> String {
        let name = self.name();
        match self.deletion_at() {
            Some(at) => format!("/sign-in?{name}={}", at.as_second()),
            None => format!("/sign-in?{name}"),
        }
    }

    /// Its name in the query and in the template.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SessionEnded => "session-ended",
            Self::NotSaved => "not-saved",
            Self::SignedUp => "signed-up",
            Self::Confirmed => "confirmed",
            Self::EmailChanged => "email-changed",
            Self::Cancelled => "cancelled",
            Self::Recovered => "recovered",
            Self::EmailUndone => "email-undone",
            Self::EmailAndFactorsUndone => "email-and-factors-undone",
            Self::FactorsUndone => "factors-undone",
            Self::SignedIn => "signed-in",
            Self::ToBeDeleted(_) => "to-be-deleted",
            Self::Deleted => "deleted",
            Self::Kept => "kept",
        }
    }

    /// Returns `true` after a mailed link, which may be about another account than the session of the browser.
    pub(crate) fn is_about_link(self) -> bool {
        match self {
            Self::Confirmed
            | Self::EmailChanged
            | Self::Cancelled
            | Self::Recovered
            | Self::EmailUndone
            | Self::EmailAndFactorsUndone
            | Self::FactorsUndone
            | Self::Kept => true,
            Self::SignedOut
            | Self::SessionEnded
            | Self::NotSaved
            | Self::SignedUp
            | Self::SignedIn
            | Self::ToBeDeleted(_)
            | Self::Deleted => false,
        }
    }

    pub(crate) fn deletion_at(self) -> Option<Timestamp> {
        match self {
            Self::ToBeDeleted(at) => Some(at),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_path_is_read_as_its_notice() {
        let at = Timestamp::from_second(1_796_457_600).unwrap();
        let all = Notice::PLAIN.into_iter().chain([Notice::ToBeDeleted(at)]);
        for notice in all {
            let path = notice.path();
            let (page, query) = path.split_once('?').unwrap();
            assert_eq!(page, "/sign-in");
            assert_eq!(Notice::from_query(query), Some(notice));
            let with_return_to = format!("{query}&return_to=%2Fx");
            assert_eq!(Notice::from_query(&with_return_to), Some(notice));
        }
        for other in ["", "return_to=%2Fx&kept", "kept=1", "to-be-deleted=x"] {
            assert_eq!(Notice::from_query(other), None, "{other}");
        }
    }
}
