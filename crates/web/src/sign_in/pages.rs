//! Sign-in on pages: the form of the start page, and the page that asks for the code of a second factor.
//!
//! Between the two steps, a cookie of the browser has the challenge. There is no session before the last step.

use axum::extract::{RawQuery, State};
use axum::http::header::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::ctx::session_actor;
use doorward_domain::factors::FactorCode;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{NextFactor, NextStep, Outcome};
use minijinja::{Value, context};

use crate::app::App;
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path, with_return_to};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::credentials::{PresentedCredential, credential};
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;
use crate::sign_in::api::start;
use crate::sign_in::welcome::{WelcomeForms, welcome};
use crate::users::pages::signed_in_home;

/// The start page: the page of the user, or the forms to sign in and to sign up.
pub(crate) async fn start_page(State(app): State<App>, caller: Caller) -> Response {
    page_of_caller(&app, &caller, None)
}

/// The sign-in page. With a session, the page of the user, or a redirect to the page to return to.
pub(crate) async fn sign_in_page(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Response {
    let return_to = ReturnTo::from_query(query.as_deref(), &app.options.return_origins);
    page_of_caller(&app, &caller, return_to)
}

fn page_of_caller(app: &App, caller: &Caller, return_to: Option<ReturnTo>) -> Response {
    let (pages, locale) = (&app.pages, caller.locale());
    match (caller.session(), return_to) {
        (Some(_), Some(return_to)) => see_other(return_to.as_str()),
        (Some(session), None) => signed_in_home(pages, locale, session.user()).into_response(),
        (None, return_to) => {
            let forms = WelcomeForms {
                return_to,
                ..WelcomeForms::default()
            };
            welcome(pages, locale, &forms).into_response()
        }
    }
}

/// The form of the start page: sets the cookies and redirects the browser (W-05), or returns the form with its errors and
/// what was entered.
pub(crate) async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    fields.move_address_to_email();
    match start(&app, &caller, fields).await {
        Ok(Outcome::Session(signed_in)) => {
            let mut response = see_other(return_to.as_ref().map_or("/", ReturnTo::as_str));
            set_sign_in_cookies(&app, &caller, &headers, &signed_in, &mut response).await;
            Ok(response)
        }
        Ok(Outcome::NextFactor(next)) => Ok(next_step(&next, return_to.as_ref())),
        Err(problem) => {
            let forms = WelcomeForms {
                sign_in: form.with_errors(&problem).with_login_field(),
                return_to,
                ..WelcomeForms::default()
            };
            Err(problem.on_page(welcome(&app.pages, caller.locale(), &forms)))
        }
    }
}

/// Stores the challenge in a cookie, and redirects to the page of the next step.
fn next_step(next: &NextFactor, return_to: Option<&ReturnTo>) -> Response {
    let path = match next.step {
        NextStep::Factor(_) => "/auth/factor",
        NextStep::Enrol => "/auth/enrol",
    };
    let mut response = see_other(&with_return_to(path, return_to));
    let (value, max_age) = (next.challenge.expose(), next.expires_in.as_secs());
    cookies::set(
        response.headers_mut(),
        cookies::CHALLENGE_COOKIE,
        value,
        max_age,
    );
    response
}

/// The form for the code of a second factor. For browsers only.
#[utoipa::path(get, path = "/auth/factor", tag = "Sessions", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn code_page(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Html<String> {
    let return_to = ReturnTo::from_query(query.as_deref(), &app.options.return_origins);
    code_form(&app, &caller, &Form::default(), return_to.as_ref())
}

/// The form in a browser. Without a challenge, a browser with a session is redirected, and one without gets the sign-in
/// page.
pub(crate) async fn code_page_of_browser(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    query: RawQuery,
) -> Response {
    if cookies::challenge(&headers).is_some() {
        return code_page(State(app), caller, query).await.into_response();
    }
    let return_to = ReturnTo::from_query(query.0.as_deref(), &app.options.return_origins);
    match caller.session() {
        Some(_) => see_other(return_to.as_ref().map_or("/", ReturnTo::as_str)),
        None => expired(&app, &caller, return_to),
    }
}

/// Completes the sign-in with the code in the form.
pub(crate) async fn answer_challenge(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    match answer(&app, &caller, &headers, fields).await {
        Ok(signed_in) => {
            let mut response = see_other(return_to.as_ref().map_or("/", ReturnTo::as_str));
            set_sign_in_cookies(&app, &caller, &headers, &signed_in, &mut response).await;
            Ok(response)
        }
        Err(problem) if problem.code == Code::ChallengeExpired => {
            Ok(expired(&app, &caller, return_to))
        }
        Err(problem) => {
            let form = Form::default().with_errors(&problem);
            Err(problem.on_page(code_form(&app, &caller, &form, return_to.as_ref())))
        }
    }
}

async fn answer(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<SignedIn, Problem> {
    let code = fields.required("code", FactorCode::parse);
    let code = fields.finish(|| code)?;
    let challenge = cookies::challenge(headers).ok_or(Error::ChallengeExpired)?;
    let sign_in = &app.doorward.sign_in;
    Ok(sign_in.answer(&caller.ctx, &challenge, None, &code).await?)
}

fn code_form(
    app: &App,
    caller: &Caller,
    form: &Form,
    return_to: Option<&ReturnTo>,
) -> Html<String> {
    let values = context! {
        form => Value::from(form),
        return_to => return_to.map(ReturnTo::as_str),
        sign_in => sign_in_path(return_to),
    };
    app.pages.render(caller.locale(), "factors/code", values)
}

/// The sign-in page after a challenge has expired.
pub(crate) fn expired(app: &App, caller: &Caller, return_to: Option<ReturnTo>) -> Response {
    let problem = Problem::new(Code::ChallengeExpired);
    let forms = WelcomeForms {
        sign_in: Form::default().with_errors(&problem),
        return_to,
        ..WelcomeForms::default()
    };
    let page = welcome(&app.pages, caller.locale(), &forms);
    let mut response = problem.on_page(page).into_response();
    cookies::set(response.headers_mut(), cookies::CHALLENGE_COOKIE, "", 0);
    response
}

/// Sets the cookies of a completed sign-in, and ends the session that it replaces.
pub(crate) async fn set_sign_in_cookies(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    signed_in: &SignedIn,
    response: &mut Response,
) {
    end_replaced_session(app, caller, headers).await;
    let set = response.headers_mut();
    cookies::set_session_cookie(set, signed_in, caller.ctx.now);
    cookies::set_device_cookie(app, caller, (&signed_in.user, &signed_in.session), set);
    if cookies::challenge(headers).is_some() {
        cookies::set(set, cookies::CHALLENGE_COOKIE, "", 0);
    }
}

/// Ends the session whose cookie the new one replaces: the browser can no longer sign it out, and a copied
/// token would stay valid (S-02; ASVS 7.2.4). If that fails, the session expires by itself.
async fn end_replaced_session(app: &App, caller: &Caller, headers: &HeaderMap) {
    let Ok(Some(PresentedCredential::Cookie(token))) = credential(headers) else {
        return;
    };
    let ended = match app
        .doorward
        .sessions
        .authenticate(&caller.ctx, token.expose())
        .await
    {
        Ok(old) => {
            let ctx = caller
                .ctx
                .acting_as(session_actor(old.user(), old.session()));
            app.doorward.sessions.sign_out(&ctx, &old).await
        }
        // The replaced session is invalid already.
        Err(Error::InvalidToken) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "failed to end the session replaced by this sign-in");
    }
}
