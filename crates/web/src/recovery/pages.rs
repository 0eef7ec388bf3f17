//! Pages of the recovery: `/recover`, the form that requests a mail, and the form that the mailed link opens.

use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::model::Purpose;
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};

use crate::html::form::Form;
use crate::html::redirect::from_former_path;
use crate::html::{display_name, sent_to, sign_in_name};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::links::read_token;
use crate::http::problem::Problem;
use crate::recovery::api;
use crate::sign_in::notice::Notice;

/// The page that requests a mail.
const REQUEST_PAGE: &str = "/recover";
pub(super) const SENT_TEMPLATE: &str = "recovery/sent";

/// The former path of the page that requests a mail. For browsers only.
#[utoipa::path(get, path = "/recovery", tag = "Pages", responses((status = 303, description = "To the page `/recover`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_recovery_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    from_former_path(&headers, query.as_deref(), REQUEST_PAGE)
}

/// The form to request a recovery mail, filled in with the address of a signed-in user.
pub(crate) async fn recovery_page(caller: Caller) -> Html<String> {
    let email = caller
        .session()
        .and_then(|session| session.user().email.as_ref());
    let form = Form::default().with_value("email", email.map(EmailAddress::as_str));
    request_form(&caller, &form)
}

fn request_form(caller: &Caller, form: &Form) -> Html<String> {
    let values = context! { form => Value::from(form) };
    caller.render("recovery/request-recovery", values)
}

/// Requests the mail, and redirects to the page about it, whose form has the field `again`.
pub(crate) async fn request_recovery(
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let email = sent_to::entered(&fields);
    let again = fields.optional("again", |_| Ok(()));
    let page = |form: &Form| match (again, &email) {
        (Some(()), Some(email)) => sent_to::page(&caller, SENT_TEMPLATE, form, Some(email), None),
        _ => request_form(&caller, form),
    };
    let requested = api::request_recovery(caller.clone(), fields).await;
    requested.map_err(|problem| form.rejected(problem, page))?;
    let next = match again {
        Some(()) => "/recover/sent?again",
        None => "/recover/sent",
    };
    Ok(sent_to::redirect(next, email.as_ref()))
}

/// The page that the link opens.
pub(crate) async fn view_recovery(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    password_form(&caller, &token, &Form::default()).await
}

/// Sets the new password, and redirects to the sign-in page. After an error the form is shown again, and the link stays valid.
pub(crate) async fn recover(
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    match api::recover(caller.clone(), Path(token.clone()), fields).await {
        Ok(_) => Ok(Notice::Recovered.redirect(None)),
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(password_form(&caller, &token, &form).await?))
        }
    }
}

/// The form for the new password. If the link has expired, the problem leads to the page that sends a new one.
async fn password_form(caller: &Caller, token: &str, form: &Form) -> Result<Html<String>, Problem> {
    let parsed = read_token(token, Purpose::Recovery)?;
    let recovery = &caller.doorward().recovery;
    let viewed = recovery.view(&caller.ctx, &parsed).await;
    let user = viewed.map_err(|error| Problem::from(error).of_link(Purpose::Recovery))?;
    let values = context! {
        name => display_name(&user),
        username => sign_in_name(&user),
        form => Value::from(form),
        token,
    };
    Ok(caller.render("recovery/recover", values))
}
