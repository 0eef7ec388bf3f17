//! Mailed links: the request for one, and the token in its path.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::values::{EmailAddress, Token};
use minijinja::context;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
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

/// Reads a body with an address.
pub(crate) fn read_email(mut fields: Fields) -> Result<EmailAddress, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    fields.finish(|| email)
}

/// Responds to a request for a mail. If it failed, a page shows its form again with the errors.
pub(crate) fn respond_to_mail_request(
    app: &App,
    caller: &Caller,
    outcome: Result<(), Problem>,
    form: impl FnOnce(&Problem) -> Html<String>,
) -> Result<Response, Problem> {
    if !caller.wants_html() {
        return outcome.map(|()| StatusCode::ACCEPTED.into_response());
    }
    outcome.map_err(|problem| {
        let page = form(&problem);
        problem.on_page(page)
    })?;
    let page = app
        .pages
        .render(caller.locale(), "mail-requested", context! {});
    Ok((StatusCode::ACCEPTED, page).into_response())
}

/// Reads the token of a link; 404 if it cannot be one.
pub(crate) fn read_token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem::new(Code::NotFound))
}
