//! Sign-in on pages: `/sign-in`, and the page that asks for the code of a second factor.
//!
//! Between the two steps, a cookie of the browser has the challenge. There is no session before the last step.

use axum::extract::RawQuery;
use axum::http::header::{HeaderMap, HeaderValue, ORIGIN};
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::ctx::session_actor;
use doorward_domain::error::chain;
use doorward_domain::factors::FactorCode;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{NextFactor, NextStep, Outcome};
use doorward_domain::sign_up::CompletedSignUp;
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};

use crate::deletion::pages::{PendingForm, pending};
use crate::html::account::Section;
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::outcome;
use crate::html::redirect::from_former_path;
use crate::html::return_to::{ReturnTo, sign_in_path, with_return_to};
use crate::html::sent_to;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::credentials::{PresentedCredential, credential};
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;
use crate::sign_in::api::start;
use crate::sign_in::notice::Notice;

/// The template of the form.
const SIGN_IN: &str = "sign_in/sign-in";

/// The sign-in page, filled in with an address that was confirmed or that a mail was sent to in this browser. With a session,
/// a redirect to the page to return to, or to a page of the account.
pub(crate) async fn sign_in_page(
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let return_to = ReturnTo::from_query(query.as_deref(), caller.return_origins());
    let notice = query.as_deref();
    let notice = notice.and_then(|query| Notice::of_request(&headers, query));
    let email = sent_to::get(&headers);
    if let Some(session) = caller.session() {
        let user = session.user();
        // A cached user may still have the address as the pending one.
        let mut addresses = user.email.iter().chain(user.pending_address());
        let is_own = addresses.any(|address| Some(address) == email.as_ref());
        match notice {
            Some(Notice::Confirmed) if is_own => {
                return match &return_to {
                    Some(page) => see_other(page.as_str()),
                    None => outcome::redirect("/account/email?confirmed"),
                };
            }
            // The account of the link can be another one.
            Some(notice) if notice.is_about_link() => {}
            _ => return see_other(target(return_to.as_ref())),
        }
    }
    let form = Form::default().with_value("username", email.as_ref().map(EmailAddress::as_str));
    let values = form_values(&form, return_to.as_ref(), notice);
    caller.render(SIGN_IN, values).into_response()
}

/// The page after a sign-in.
fn target(return_to: Option<&ReturnTo>) -> &str {
    return_to.map_or(Section::Overview.path(), ReturnTo::as_str)
}

/// Where a browser goes after a sign-in. Over http it may not have stored the cookie, so it goes to the sign-in page first,
/// which either sends it on or explains that.
pub(crate) fn after_sign_in(headers: &HeaderMap, return_to: Option<&ReturnTo>) -> String {
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    match origin.is_some_and(|origin| origin.starts_with(b"http://")) {
        true => with_return_to(&Notice::SignedIn.path(), return_to),
        false => target(return_to).to_owned(),
    }
}

/// The values for the template of the form.
fn form_values(form: &Form, return_to: Option<&ReturnTo>, notice: Option<Notice>) -> Value {
    context! {
        form => Value::from(form),
        return_to => return_to.map(ReturnTo::as_str),
        sign_up => with_return_to("/sign-up", return_to),
        notice => notice.map(Notice::name),
        deletion_at => notice.and_then(Notice::deletion_at).map(moment),
    }
}

/// The form: sets the cookies and redirects the browser (W-05), or returns the form with its errors and what was entered.
pub(crate) async fn sign_in(
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    fields.move_address_to_email();
    match start(&caller, fields).await {
        Ok(Outcome::Session(new)) => {
            Ok(signed_in(&caller, &headers, &new, return_to.as_ref()).await)
        }
        Ok(Outcome::NextFactor(next)) => Ok(next_step(&next, return_to.as_ref())),
        Err(problem) if problem.code == Code::DeletionPending => {
            let form = PendingForm {
                form,
                asks_for_code: false,
                deletion_at: problem.deletion_at,
            };
            Err(pending(&caller, &form, return_to.as_ref(), problem))
        }
        Err(problem) => {
            let form = form.with_errors(&problem).with_login_field();
            let values = form_values(&form, return_to.as_ref(), None);
            Err(problem.on_page(caller.render(SIGN_IN, values)))
        }
    }
}

/// Signs in after a sign-up that was completed in this request. `None` if that fails: the account can be used, and its user
/// signs in.
pub(crate) async fn after_sign_up(
    caller: &Caller,
    headers: &HeaderMap,
    sign_up: &CompletedSignUp,
    return_to: Option<&ReturnTo>,
) -> Option<Response> {
    let sign_in = &caller.doorward().sign_in;
    match sign_in.after_sign_up(&caller.ctx, sign_up).await {
        Ok(Outcome::Session(signed_in)) => {
            Some(self::signed_in(caller, headers, &signed_in, return_to).await)
        }
        Ok(Outcome::NextFactor(next)) => Some(next_step(&next, return_to)),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "failed to sign in after a sign-up");
            None
        }
    }
}

/// Stores the challenge in a cookie, and redirects to the page of the next step.
fn next_step(next: &NextFactor, return_to: Option<&ReturnTo>) -> Response {
    let path = match next.step {
        NextStep::Factor(_) => "/sign-in/factor",
        NextStep::Enrol => "/sign-in/enrol",
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

/// The former path of the page for the code. For browsers only.
#[utoipa::path(get, path = "/auth/factor", tag = "Pages", responses((status = 303, description = "To the page `/sign-in/factor`"), (status = 200, description = "That page, for a client that follows redirects", body = String, content_type = "text/html")))]
pub(crate) async fn former_code_page(
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    from_former_path(&headers, query.as_deref(), "/sign-in/factor")
}

/// The form for the code of a second factor. Without a challenge, a browser with a session is redirected, and one without
/// gets the sign-in page.
pub(crate) async fn code_page(
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let return_to = ReturnTo::from_query(query.as_deref(), caller.return_origins());
    if cookies::challenge(&headers).is_some() {
        let form = Form::default();
        return code_form(&caller, &form, return_to.as_ref()).into_response();
    }
    match caller.session() {
        Some(_) => see_other(target(return_to.as_ref())),
        None => expired(&caller, return_to.as_ref()),
    }
}

/// Completes the sign-in with the code in the form.
pub(crate) async fn answer_challenge(
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    match answer(&caller, &headers, fields).await {
        Ok(new) => Ok(signed_in(&caller, &headers, &new, return_to.as_ref()).await),
        Err(problem) if problem.code == Code::ChallengeExpired => {
            Ok(expired(&caller, return_to.as_ref()))
        }
        Err(problem) if problem.code == Code::DeletionPending => {
            let form = PendingForm {
                form: Form::default(),
                asks_for_code: true,
                deletion_at: problem.deletion_at,
            };
            Err(pending(&caller, &form, return_to.as_ref(), problem))
        }
        Err(problem) => {
            let page = |form: &Form| code_form(&caller, form, return_to.as_ref());
            Err(Form::default().rejected(problem, page))
        }
    }
}

async fn answer(
    caller: &Caller,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<SignedIn, Problem> {
    let code = fields.required("code", FactorCode::parse);
    let code = fields.finish(|| code)?;
    let challenge = cookies::challenge(headers).ok_or(Error::ChallengeExpired)?;
    let second_step = &caller.doorward().second_step;
    Ok(second_step
        .answer(&caller.ctx, &challenge, None, &code)
        .await?)
}

fn code_form(caller: &Caller, form: &Form, return_to: Option<&ReturnTo>) -> Html<String> {
    let values = context! {
        form => Value::from(form),
        return_to => return_to.map(ReturnTo::as_str),
        sign_in => sign_in_path(return_to),
    };
    caller.render("factors/code", values)
}

/// The sign-in page after a challenge has expired.
pub(crate) fn expired(caller: &Caller, return_to: Option<&ReturnTo>) -> Response {
    let problem = Problem::new(Code::ChallengeExpired);
    let form = Form::default().with_errors(&problem);
    let page = caller.render(SIGN_IN, form_values(&form, return_to, None));
    let mut response = problem.on_page(page).into_response();
    cookies::set(response.headers_mut(), cookies::CHALLENGE_COOKIE, "", 0);
    response
}

/// Redirects to the page to return to, signed in.
async fn signed_in(
    caller: &Caller,
    headers: &HeaderMap,
    new: &SignedIn,
    return_to: Option<&ReturnTo>,
) -> Response {
    let mut response = see_other(&after_sign_in(headers, return_to));
    set_sign_in_cookies(caller, headers, new, &mut response).await;
    response
}

/// Sets the cookies of a completed sign-in, and ends the session that it replaces.
pub(crate) async fn set_sign_in_cookies(
    caller: &Caller,
    headers: &HeaderMap,
    signed_in: &SignedIn,
    response: &mut Response,
) {
    end_replaced_session(caller, headers).await;
    let set = response.headers_mut();
    cookies::set_session_cookie(set, signed_in, caller.ctx.now);
    cookies::set_device_cookie(caller, (&signed_in.user, &signed_in.session), set);
    cookies::clear_steps(headers, set);
    sent_to::clear(headers, set);
}

/// Ends the session whose cookie the new one replaces: the browser can no longer sign it out, and a copied
/// token would stay valid (S-02; ASVS 7.2.4). If that fails, the session expires by itself.
async fn end_replaced_session(caller: &Caller, headers: &HeaderMap) {
    let Ok(Some(PresentedCredential::Cookie(token))) = credential(headers) else {
        return;
    };
    let ended = match caller
        .doorward()
        .session_check
        .authenticate(&caller.ctx, token.expose())
        .await
    {
        Ok(old) => {
            let ctx = caller
                .ctx
                .acting_as(session_actor(old.user(), old.session()));
            caller.doorward().sessions.sign_out(&ctx, &old).await
        }
        // The replaced session is invalid already.
        Err(Error::InvalidToken) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(error = %chain(&error), "failed to end the session replaced by this sign-in");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_domain::Policy;
    use doorward_domain::values::Locale;

    use super::*;
    use crate::html::Pages;
    use crate::html::brand::Brand;
    use crate::html::texts::Texts;

    #[test]
    fn a_wait_is_shown_in_minutes() {
        let retry_after = Duration::from_secs(180);
        let problem = Problem::from(Error::TooManyAttempts { retry_after });
        let form = Form::default().with_errors(&problem);
        let pages = Pages::new(&Policy::new(""), &Brand::default(), Texts::default(), false);
        for (locale, words) in [
            (Locale::En, "Too many attempts. Try again in 3 minutes."),
            (
                Locale::De,
                "Zu viele Versuche. Versuchen Sie es in 3 Minuten noch einmal.",
            ),
        ] {
            let values = form_values(&form, None, None);
            let page = pages.render(locale, SIGN_IN, values).0;
            assert!(page.contains(words), "{page}");
        }
    }

    #[test]
    fn a_rejected_form_shows_every_problem() {
        let [pages, with_inbox] = [false, true].map(|has_inbox| {
            Pages::new(
                &Policy::new(""),
                &Brand::default(),
                Texts::default(),
                has_inbox,
            )
        });
        let page = |pages: &Pages, locale: Locale, form: &Form| {
            let values = form_values(form, None, None);
            pages.render(locale, SIGN_IN, values).0
        };
        for locale in Locale::ALL {
            let empty = page(&pages, locale, &Form::default());
            assert!(
                !empty.contains("role=\"alert\"") && !empty.contains("/inbox"),
                "{empty}"
            );
            for code in Code::ALL {
                let form = Form::default().with_errors(&Problem::new(*code));
                let page = page(&with_inbox, locale, &form);
                let (_, alert) = page.split_once("role=\"alert\"").unwrap();
                let alert = alert.split("</div>").next().unwrap();
                let has_text = alert.contains("</p>") && !alert.contains("<p></p>");
                assert!(has_text, "{}: {alert}", code.as_str());
                assert!(page.contains("/inbox"));
            }
        }
    }
}
