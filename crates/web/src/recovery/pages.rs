//! Pages of the recovery: `/recover`, the form that requests a mail, and the form that the mailed link opens.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::redirect::redirect;
use crate::html::{display_name, sent_to, sign_in_name};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::links::{done_page, read_token};
use crate::http::problem::{Code, Problem};
use crate::recovery::api;

/// The page that requests a mail.
const REQUEST_PAGE: &str = "/recover";

/// The former path of the page that requests a mail. For browsers only.
#[utoipa::path(get, path = "/recovery", tag = "Account", responses((status = 303, description = "To the page `/recover`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_recovery_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    redirect(&headers, query.as_deref(), REQUEST_PAGE)
}

/// The form to request a recovery mail.
pub(crate) async fn recovery_page(State(app): State<App>, caller: Caller) -> Html<String> {
    request_form(&app, &caller, &Form::default())
}

fn request_form(app: &App, caller: &Caller, form: &Form) -> Html<String> {
    let values = context! { form => Value::from(form) };
    let template = "recovery/request-recovery";
    app.pages.render(caller.locale(), template, values)
}

/// Requests the mail, and redirects to the page about it.
pub(crate) async fn request_recovery(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let entered = fields.peek("email").map(EmailAddress::parse);
    let email = entered.and_then(Result::ok);
    match api::request(&app, &caller, fields).await {
        Ok(()) => Ok(sent_to::redirect("/recover/sent", email.as_ref())),
        Err(problem) => {
            let form = form.with_errors(&problem);
            Err(problem.on_page(request_form(&app, &caller, &form)))
        }
    }
}

/// The page about the mail. It does not reveal whether the address is known.
pub(crate) async fn sent_page(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Html<String> {
    let email = sent_to::get(&headers);
    let values = context! { email => email.as_ref().map(EmailAddress::as_str) };
    app.pages.render(caller.locale(), "recovery/sent", values)
}

/// The page that the link opens.
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let page = password_form(&app, &caller, &token, &Form::default()).await;
    page.map_err(|problem| problem.with_next_page(REQUEST_PAGE))
}

/// Sets the new password. After an error the form is shown again, and the link stays valid.
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Html<String>, Problem> {
    match api::set_password(&app, &caller, &token, fields).await {
        Ok(()) => Ok(done_page(&app, &caller, "recovery/recovered")),
        Err(problem) if problem.code == Code::LinkExpired => {
            Err(problem.with_next_page(REQUEST_PAGE))
        }
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(password_form(&app, &caller, &token, &form).await?))
        }
    }
}

/// The form for the new password.
async fn password_form(
    app: &App,
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let user = app
        .doorward
        .recovery
        .view(&caller.ctx, &read_token(token)?)
        .await?;
    let values = context! {
        name => display_name(&user),
        username => sign_in_name(&user),
        form => Value::from(form),
        token,
    };
    Ok(app
        .pages
        .render(caller.locale(), "recovery/recover", values))
}
