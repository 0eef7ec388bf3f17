//! Mailed links: the request for one, the token in its path, and what their pages have in common.

use axum::response::Html;
use doorward_domain::model::{Link, Purpose};
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

/// Reads the address that the mail is sent to.
pub(crate) fn read_address(mut fields: Fields) -> Result<EmailAddress, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    fields.finish(|| email)
}

/// The page of a link that undoes a change: the address that it was mailed to, and a button.
pub(crate) fn undo_page(caller: &Caller, template: &str, link: &Link, token: &str) -> Html<String> {
    let values = context! { email => link.email.as_ref().map(EmailAddress::as_str), token };
    caller.render(template, values)
}

/// Reads the token of a link with this purpose; 404 if it cannot be one. The page of that problem says that a part of
/// the link is missing: mail programs break long lines.
pub(crate) fn read_token(text: &str, purpose: Purpose) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem {
        link: Some(purpose),
        ..Problem::new(Code::NotFound)
    })
}
