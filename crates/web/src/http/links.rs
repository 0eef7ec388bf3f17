//! Mailed links: the request for one, and the token in its path.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::values::{EmailAddress, Token};
use minijinja::{Value, context};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::html::form::Form;
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

/// Requests a mail to the address in the body. If that fails, a page shows its form `template` again with the errors.
pub(crate) async fn request_mail(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
    template: &str,
    request: impl AsyncFnOnce(&EmailAddress) -> Result<(), Error>,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let email = fields.required("email", EmailAddress::parse);
    let requested = match fields.finish(|| email) {
        Ok(email) => request(&email).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    if !caller.wants_html {
        return requested.map(|()| StatusCode::ACCEPTED.into_response());
    }
    requested.map_err(|problem| {
        let form = form.with_errors(&problem);
        problem.on_page(mail_form(app, caller, template, &form))
    })?;
    let page = app
        .pages
        .render(caller.locale(), "mail-requested", context! {});
    Ok((StatusCode::ACCEPTED, page).into_response())
}

/// The form that requests a mail.
pub(crate) fn mail_form(app: &App, caller: &Caller, template: &str, form: &Form) -> Html<String> {
    let values = context! { form => Value::from(form) };
    app.pages.render(caller.locale(), template, values)
}

/// Reads the token of a link; 404 if it cannot be one.
pub(crate) fn read_token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(|| Problem::new(Code::NotFound))
}
