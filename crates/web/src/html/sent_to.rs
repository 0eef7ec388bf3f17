//! The address that a mail was sent to, or that was confirmed: a cookie of the browser. The next page names the address,
//! or the sign-in page is filled in with it, and no URL contains it.

use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::values::EmailAddress;
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::handler::{AnyHandler, handler};

const COOKIE: &str = "__Host-doorward-sent-to";
/// Lifetime of the cookie, in seconds: the mail arrives in this time.
const COOKIE_SECONDS: i64 = 15 * 60;

/// Redirects to the page about the mail, which finds the address in the cookie.
pub(crate) fn redirect(page: &str, email: Option<&EmailAddress>) -> Response {
    let mut response = outcome::redirect(page);
    if let Some(email) = email {
        set(response.headers_mut(), email);
    }
    response
}

/// The page about the mail: its address, a form that sends it again, and whether that was done.
pub(crate) fn page(
    caller: &Caller,
    template: &str,
    form: &Form,
    email: Option<&EmailAddress>,
    done: Option<&str>,
) -> Html<String> {
    let email = email.map(EmailAddress::as_str);
    let values = context! { form => Value::from(form), email, done };
    caller.render(template, values)
}

/// The handler of the page about the mail. A browser that has requested no mail gets a form that asks for the address.
pub(crate) fn sent_page(template: &'static str) -> AnyHandler {
    handler(
        async move |caller: Caller, headers: HeaderMap, outcome: Outcome| {
            let (email, done) = (get(&headers), outcome.one_of(&["again"]));
            page(&caller, template, &Form::default(), email.as_ref(), done)
        },
    )
}

/// Sets the cookie.
pub(crate) fn set(headers: &mut HeaderMap, email: &EmailAddress) {
    let value = utf8_percent_encode(email.as_str(), NON_ALPHANUMERIC);
    cookies::set(headers, COOKIE, &value.to_string(), COOKIE_SECONDS);
}

/// The address in a form that requests a mail.
pub(crate) fn entered(fields: &Fields) -> Option<EmailAddress> {
    EmailAddress::parse(fields.peek("email")?).ok()
}

/// Reads the cookie.
pub(crate) fn get(headers: &HeaderMap) -> Option<EmailAddress> {
    let value = percent_decode_str(cookies::single(headers, COOKIE)?);
    EmailAddress::parse(&value.decode_utf8().ok()?).ok()
}

/// Deletes the cookie, if the request has it.
pub(crate) fn clear(request: &HeaderMap, response: &mut HeaderMap) {
    if cookies::single(request, COOKIE).is_some() {
        cookies::set(response, COOKIE, "", 0);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{COOKIE as SENT, HeaderValue, SET_COOKIE};

    use super::*;

    #[test]
    fn the_cookie_returns_the_address() {
        for text in ["ben@example.com", "Zoe+a=b&c%41@xn--strae-oqa.example"] {
            let email = EmailAddress::parse(text).unwrap();
            let mut headers = HeaderMap::new();
            set(&mut headers, &email);
            let cookie = headers[SET_COOKIE].to_str().unwrap().split(';').next();
            let sent = HeaderValue::from_str(cookie.unwrap()).unwrap();
            let sent = HeaderMap::from_iter([(SENT, sent)]);
            assert_eq!(get(&sent), Some(email));
        }
    }

    #[test]
    fn a_value_that_is_not_an_address_is_ignored() {
        for value in ["", "ben", "%ff%40example.com", "%3Cb%3E%40"] {
            let cookie = HeaderValue::from_str(&format!("{COOKIE}={value}")).unwrap();
            assert_eq!(
                get(&HeaderMap::from_iter([(SENT, cookie)])),
                None,
                "{value}"
            );
        }
    }
}
