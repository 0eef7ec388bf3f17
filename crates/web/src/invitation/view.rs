//! The views of an invitation: for the admin, and for the invited user.

use doorward_domain::invitation::Invited;
use doorward_domain::model::{Invitation, User};
use doorward_domain::values::{EmailAddress, LanguageTag, Name, Username};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// An invitation, with its user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationView {
    /// Id of the user.
    #[schema(format = "uuid", example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f")]
    id: String,
    /// `pending`: the user can accept it; `expired`: not in time, but it can be sent again for some days.
    #[schema(pattern = "^(pending|accepted|expired)$", example = "pending")]
    status: &'static str,
    /// `mail`: the link was mailed, and confirms the address; `link`: it was in the response.
    #[schema(pattern = "^(mail|link)$", example = "mail")]
    delivery: &'static str,
    /// Username.
    #[schema(required = true, max_length = 64, example = "ben")]
    username: Option<String>,
    /// Address, confirmed or not.
    #[schema(required = true, format = Email, example = "ben@example.com")]
    email: Option<String>,
    /// Display name.
    #[schema(required = true, max_length = 200, example = "Ben")]
    name: Option<String>,
    /// Role.
    #[schema(pattern = "^(user|admin)$", example = "user")]
    role: &'static str,
    /// Language of mails and pages, a BCP 47 tag.
    #[schema(required = true, max_length = 35, example = "de-CH")]
    locale: Option<String>,
    /// Id of the admin who sent it last; null for the operator.
    #[schema(
        required = true,
        format = "uuid",
        example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e60"
    )]
    invited_by: Option<String>,
    /// Time when it was sent last.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    invited_at: Timestamp,
    /// Expiry time of the link; null once the invitation is accepted.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-28T08:00:00Z")]
    expires_at: Option<Timestamp>,
    /// The link, in the response to a request that creates one to be shown. It is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uri")]
    url: Option<String>,
}

impl InvitationView {
    /// The view at this time; `None` if the user was not invited.
    pub(crate) fn new(user: &User, now: Timestamp) -> Option<Self> {
        Some(Self::of(user, user.invitation.as_ref()?, now))
    }

    fn of(user: &User, invitation: &Invitation, now: Timestamp) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            id: user.id.to_string(),
            status: invitation.status(now).as_str(),
            delivery: invitation.delivery.as_str(),
            username: text(user.username.as_ref().map(Username::as_str)),
            email: text(address(user).map(EmailAddress::as_str)),
            name: text(user.name.as_ref().map(Name::as_str)),
            role: user.role.as_str(),
            locale: text(user.preferred_locale.as_ref().map(LanguageTag::as_str)),
            invited_by: invitation.invited_by.map(|id| id.to_string()),
            invited_at: invitation.invited_at,
            expires_at: invitation.expires_at,
            url: None,
        }
    }

    /// The view of a new link.
    pub(crate) fn of_new(invited: &Invited, now: Timestamp) -> Option<Self> {
        let url = invited.url.as_ref().map(|url| url.expose().clone());
        let view = Self::new(&invited.user, now)?;
        Some(Self { url, ..view })
    }
}

/// What a link invites to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitedUser)]
pub(crate) struct InvitedUserView {
    /// What to do next.
    message: &'static str,
    /// Username of the account.
    #[schema(required = true, max_length = 64, example = "ben")]
    username: Option<String>,
    /// Address of the account.
    #[schema(required = true, format = Email, example = "ben@example.com")]
    email: Option<String>,
    /// Display name. The user can choose another one.
    #[schema(required = true, max_length = 200, example = "Ben")]
    name: Option<String>,
}

impl From<&User> for InvitedUserView {
    fn from(user: &User) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            message: "POST `password` to this URL to accept the invitation.",
            username: text(user.username.as_ref().map(Username::as_str)),
            email: text(address(user).map(EmailAddress::as_str)),
            name: text(user.name.as_ref().map(Name::as_str)),
        }
    }
}

/// The address that the user was invited with, confirmed or not.
pub(super) fn address(user: &User) -> Option<&EmailAddress> {
    user.email.as_ref().or(user.pending_address())
}
