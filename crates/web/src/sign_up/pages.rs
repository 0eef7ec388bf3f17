//! Sign-up on pages: `/sign-up`, with an address or with a username, and `/sign-up/sent`, which sends the confirmation mail
//! again.

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::sign_up::BrowserSignUp;
use doorward_domain::values::{EmailAddress, Secret};
use minijinja::{Value, context};

use crate::email;
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path, with_return_to};
use crate::html::sent_to;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::sign_in::notice::Notice;
use crate::sign_in::pages::after_sign_up;
use crate::sign_up::api::create_in_browser;

pub(super) const SENT_TEMPLATE: &str = "sign_up/sent";

/// The sign-up form, with an address or, by the query, with a username. A signed-in user is redirected to the account page.
pub(crate) async fn sign_up_page(caller: Caller, RawQuery(query): RawQuery) -> Response {
    if caller.session().is_some() {
        return see_other("/account");
    }
    let query = query.as_deref();
    let return_to = ReturnTo::from_query(query, caller.return_origins());
    let name = SignUpName::from_query(query);
    sign_up_form(&caller, &Form::default(), return_to.as_ref(), name).into_response()
}

/// The name that the form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignUpName {
    Email,
    /// The form also has an optional field for the address.
    Username,
}

impl SignUpName {
    fn from_query(query: Option<&str>) -> Self {
        let mut fields = query.unwrap_or_default().split('&');
        match fields.any(|field| field == "with=username") {
            true => Self::Username,
            false => Self::Email,
        }
    }

    /// Recognises the form that was sent.
    fn from_fields(fields: &Fields) -> Self {
        match fields.contains("username") {
            true => Self::Username,
            false => Self::Email,
        }
    }

    /// Path of the other form.
    fn other_form(self) -> &'static str {
        match self {
            Self::Email => "/sign-up?with=username",
            Self::Username => "/sign-up",
        }
    }
}

fn sign_up_form(
    caller: &Caller,
    form: &Form,
    return_to: Option<&ReturnTo>,
    name: SignUpName,
) -> Html<String> {
    let values = context! {
        form => Value::from(form),
        with_username => name == SignUpName::Username,
        return_to => return_to.map(ReturnTo::as_str),
        sign_in => sign_in_path(return_to),
        other_form => with_return_to(name.other_form(), return_to),
    };
    caller.render("sign_up/sign-up", values)
}

/// Signs up. The user of an active account is signed in; else the browser is redirected to the page about the mail. A
/// rejected form is shown again with its errors and what was entered.
pub(crate) async fn sign_up(
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let name = SignUpName::from_fields(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    match create_in_browser(&caller, fields).await {
        Ok(BrowserSignUp::Completed(sign_up)) => {
            let signed_in = after_sign_up(&caller, &headers, &sign_up, return_to.as_ref());
            let to_sign_in = || Notice::SignedUp.redirect(return_to.as_ref());
            Ok(signed_in.await.unwrap_or_else(to_sign_in))
        }
        Ok(BrowserSignUp::Unconfirmed { email, cookie }) => {
            Ok(unconfirmed(&email, &cookie, return_to.as_ref()))
        }
        Err(problem) => {
            let form = form.with_errors(&problem);
            let form = match name {
                SignUpName::Email => form.with_moved_error("username", "email"),
                SignUpName::Username => form,
            };
            let page = sign_up_form(&caller, &form, return_to.as_ref(), name);
            Err(problem.on_page(page))
        }
    }
}

/// The redirect after a sign-up whose address is not confirmed. Its cookie and `return_to` wait in the browser until the
/// mailed link is opened.
fn unconfirmed(
    email: &EmailAddress,
    cookie: &Secret<String>,
    return_to: Option<&ReturnTo>,
) -> Response {
    let mut response = sent_to::redirect("/sign-up/sent", Some(email));
    cookies::set_sign_up_cookie(response.headers_mut(), cookie);
    if let Some(return_to) = return_to {
        return_to.set_cookie(response.headers_mut());
    }
    response
}

/// Sends the confirmation mail again.
pub(crate) async fn send_again(caller: Caller, fields: Fields) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let email = sent_to::entered(&fields);
    let page = |form: &Form| sent_to::page(&caller, SENT_TEMPLATE, form, email.as_ref(), None);
    let requested = email::api::request_confirmation(caller.clone(), fields).await;
    requested.map_err(|problem| form.rejected(problem, page))?;
    Ok(sent_to::redirect("/sign-up/sent?again", email.as_ref()))
}
