//! Pages of email addresses: the form that requests a confirmation mail, and the pages that mailed links open.

use axum::extract::{Path, State};
use axum::response::Html;
use doorward_domain::model::{Status, User};
use doorward_domain::values::{EmailAddress, Locale, Name, Username};
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::html::{Pages, display_name};
use crate::http::caller::Caller;
use crate::http::links::{mail_form, read_token};
use crate::http::problem::Problem;

/// Template of the form that requests a mail.
pub(super) const REQUEST_FORM: &str = "email/request-confirmation";

/// The form to request a confirmation mail. For browsers only.
#[utoipa::path(get, path = "/confirmation", tag = "Account", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn confirmation_page(State(app): State<App>, caller: Caller) -> Html<String> {
    mail_form(&app, &caller, REQUEST_FORM, &Form::default())
}

/// Cancels the confirmation (“this wasn't me”): a form cannot send `DELETE`.
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let token = read_token(&token)?;
    app.doorward
        .email
        .cancel_confirmation(&caller.ctx, &token)
        .await?;
    Ok(app
        .pages
        .render(caller.locale(), "email/confirmation-cancelled", context! {}))
}

/// The confirmation page of a sign-up, of the first address of an account, or of a new address.
pub(crate) async fn confirm(
    app: &App,
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let user = app
        .doorward
        .email
        .view_confirmation(&caller.ctx, &read_token(token)?)
        .await?;
    let pending = user.pending_email.as_ref();
    let requested_at = pending.map(|pending| pending.requested_at);
    let values = context! {
        requires_password => app.doorward.policy().confirmation_requires_password,
        username => user.username.as_ref().map(Username::as_str),
        name => user.name.as_ref().map(Name::as_str),
        email => user.pending_address().or(user.email.as_ref()).map(EmailAddress::as_str),
        is_new => user.status == Status::Pending,
        is_done => pending.is_none(),
        requested_at => requested_at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        form => Value::from(form),
        token,
    };
    Ok(app.pages.render(caller.locale(), "email/confirm", values))
}

/// The page after a confirmation, which links to the page that the sign-up came from.
pub(crate) fn confirmed(
    pages: &Pages,
    locale: Locale,
    user: &User,
    return_to: Option<&ReturnTo>,
) -> Html<String> {
    let values = context! { name => display_name(user), sign_in => sign_in_path(return_to) };
    pages.render(locale, "email/confirmed", values)
}
