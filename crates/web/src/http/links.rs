//! Mailed links: the request for one, the token in its path, and what their pages have in common.

use axum::response::Html;
use doorward_domain::model::Link;
use doorward_domain::values::{EmailAddress, Token};
use minijinja::context;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::{Code, Problem};

/// The address that the mail is sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailRequest, example = json!({"email": "ben@example.com"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct MailRequestBody {
    /// Any address; the response does not reveal whether it is known.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// What a mailed link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    Confirmation,
    Recovery,
    EmailUndo,
    FactorUndo,
    DeletionUndo,
}

impl LinkKind {
    /// Variant of the message `link-expired`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::EmailUndo => "email-undo",
            Self::FactorUndo => "factor-undo",
            Self::DeletionUndo => "deletion-undo",
        }
    }

    /// The page that sends a new link of this kind.
    pub(crate) fn request_page(self) -> Option<&'static str> {
        match self {
            Self::Confirmation => Some("/sign-up/sent"),
            Self::Recovery => Some("/recover"),
            Self::EmailUndo | Self::FactorUndo | Self::DeletionUndo => None,
        }
    }
}

/// Reads the address that the mail is sent to.
pub(crate) fn read_address(mut fields: Fields) -> Result<EmailAddress, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    fields.finish(|| email)
}

/// The page of a link that undoes a change: the address that it was mailed to, and a button.
pub(crate) fn undo_page(caller: &Caller, template: &str, link: &Link, token: &str) -> Html<String> {
    let values = context! { email => link.email.as_str(), token };
    caller.render(template, values)
}

/// Reads the token of a link; 404 if it cannot be one.
pub(crate) fn read_token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem::new(Code::NotFound))
}
