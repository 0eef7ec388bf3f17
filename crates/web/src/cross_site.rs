//! Requests that another site made a browser send (H-10, W-03).
//!
//! A browser sends its cookies along whoever asks it to. Two things tell our own pages from others: what
//! the browser says of a request (`Sec-Fetch-Site`, `Origin`), and a token in every form, which was shown
//! to that browser alone. The first is asked of every request that a browser's cookie or form makes;
//! the second of every form of which the browser does not say `same-origin`. Where it does, a form without
//! a token is taken (a page of the operator's own shows none), and of a browser that is known by a visit
//! alone one with another's too: it may have kept no cookie, or another one since. A form that was shown to
//! another session, or on another link's page, comes back whatever is said. Who asks is not looked at here.
//! A route that takes a form needs no line: [`takes_form`] knows it by its row.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};

use crate::app::App;
use crate::body::{self, Fields};
use crate::cors;
use crate::guard::Caller;
use crate::pages::reader::FIELD;
use crate::pages::refused;
use crate::problem::{Code, Problem};
use crate::routes::{Guard, Route};

/// What a browser says of where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Site {
    Ours,
    Other,
    Untold,
}

/// Refuses what a page of another site sent with somebody's cookie, as a form, or by a script that shows
/// nothing of anybody's.
pub(crate) fn refuse(app: &App, route: &Route, request: &Parts, by: SentBy) -> Result<(), Problem> {
    let is_safe = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe {
        return Ok(());
    }
    if by == SentBy::Program {
        return match is_another_sites_script(app, request) {
            true => Err(Problem::new(Code::CrossSiteRequest)),
            false => Ok(()),
        };
    }
    let is_form = takes_form(route, by) && !is_json(&request.headers);
    match site(app, request) {
        Site::Other => return Err(Problem::new(Code::CrossSiteRequest)),
        // The token in the form will tell.
        Site::Untold if is_form => {}
        Site::Untold => return Err(Problem::new(Code::CrossSiteRequest)),
        Site::Ours => {}
    }
    // What a form of another site can send is not read where none of ours is sent.
    let has_kind = request.headers.contains_key(header::CONTENT_TYPE);
    if !is_form && has_kind && !is_json(&request.headers) {
        return Err(Problem::with_detail(
            Code::UnsupportedMediaType,
            "With the session cookie, a body is `application/json`.",
        ));
    }
    Ok(())
}

/// Whether a script of a page that is not let in made its visitor's browser send this. It shows nothing
/// of theirs, but would sign up, ask for mails and guess passwords from everybody's address. Programs
/// say nothing of an origin; whoever shows a bearer token has been asked for it by `cors` before.
fn is_another_sites_script(app: &App, request: &Parts) -> bool {
    let headers = &request.headers;
    if headers.contains_key(header::AUTHORIZATION) {
        return false;
    }
    match site(app, request) {
        Site::Ours => false,
        Site::Other => cors::allowed_origin(app, headers).is_none(),
        // A frame that its page locked in says `null`, and in browsers or places without `Sec-Fetch-Site`
        // nothing else. Ours says so of the forms it sends for a page, and those are no script's. Of JSON a
        // browser would have asked first.
        Site::Untold => {
            headers.contains_key(header::ORIGIN)
                && request.method == Method::POST
                && !is_json(headers)
        }
    }
}

/// What sent a request, as far as can be told before it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentBy {
    /// A page's form, of somebody who is signed in or not.
    Page,
    /// A browser that shows its cookie.
    Cookie,
    /// Whatever shows a bearer token, or nothing, and wants no page.
    Program,
}

/// Whether a form of ours is sent there: to the pages' own routes, and to those that need no session.
fn takes_form(route: &Route, by: SentBy) -> bool {
    let is_sent_there = match by {
        SentBy::Page => route.page || route.guard == Guard::Anyone,
        SentBy::Cookie => route.page,
        SentBy::Program => false,
    };
    route.method == Method::POST && is_sent_there
}

/// Lets a form pass that was shown to whoever sends it, without its token; and whatever is no form.
/// Any other form comes back on its page, as it was filled in.
pub(crate) async fn admit_form(
    app: &App,
    route: &Route,
    caller: &Caller,
    request: Request,
) -> Result<Request, Problem> {
    let by = match (caller.wants_html(), caller.by_cookie()) {
        (true, _) => SentBy::Page,
        (false, true) => SentBy::Cookie,
        (false, false) => SentBy::Program,
    };
    if !takes_form(route, by) || is_json(request.headers()) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = body::read(&parts.headers, body).await?;
    let (token, rest) = split(&bytes);
    let may_pass = match token.map(|token| caller.was_shown(token)) {
        Some(true) => true,
        // No other site can have a browser say that it is this one.
        Some(false) => says_same_origin(&parts.headers) && caller.is_a_visit(),
        None => says_same_origin(&parts.headers),
    };
    if may_pass {
        parts.headers.remove(header::CONTENT_LENGTH);
        return Ok(Request::from_parts(parts, Body::from(rest)));
    }
    let problem = Problem::new(Code::FormExpired);
    let fields = Fields::of_form(&rest);
    match refused::page(app, caller, &parts.uri, route.path, fields, &problem).await {
        Some(page) => Err(problem.on_page(page)),
        None => Err(problem),
    }
}

/// The token of a form, and the form without it.
fn split(form: &[u8]) -> (Option<&str>, Vec<u8>) {
    let mut token = None;
    let mut rest = Vec::with_capacity(form.len());
    for pair in form.split(|b| *b == b'&') {
        let value = pair.strip_prefix(FIELD.as_bytes());
        if let Some(value) = value.and_then(|rest| rest.strip_prefix(b"=")) {
            token = Some(std::str::from_utf8(value).unwrap_or_default());
            continue;
        }
        if !rest.is_empty() {
            rest.push(b'&');
        }
        rest.extend_from_slice(pair);
    }
    (token, rest)
}

/// Whether a body says of itself what no form of a page can: another site's script would have to ask
/// first, and is told no.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return false;
    };
    let essence = kind.to_str().unwrap_or_default().split(';').next();
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/json" | "application/merge-patch+json"
    )
}

/// Whether a browser says that a page of this very origin made the request.
fn says_same_origin(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin")
}

/// Browsers send `Sec-Fetch-Site` to HTTPS and to localhost; where it is missing, `Origin` must be ours.
/// Our pages send no referrer, so that browsers say `Origin: null` of their forms, or nothing. Two fields
/// that cannot both be true are no proof; an extension that its user lets in says `none`, and its own origin.
fn site(app: &App, request: &Parts) -> Site {
    let field = |name| request.headers.get(name).map(HeaderValue::as_bytes);
    let origin = field(header::ORIGIN).filter(|origin| *origin != b"null");
    let is_ours = |origin: &[u8]| origin.eq_ignore_ascii_case(app.origin.as_bytes());
    match (field(HeaderName::from_static("sec-fetch-site")), origin) {
        (Some(b"same-origin"), Some(origin)) if !is_ours(origin) && !is_asked(request, origin) => {
            Site::Other
        }
        (Some(b"same-origin" | b"none"), _) => Site::Ours,
        (Some(_), _) => Site::Other,
        (None, None) => Site::Untold,
        (None, Some(origin)) if is_ours(origin) => Site::Ours,
        (None, Some(_)) => Site::Other,
    }
}

/// Whether that origin has the name and port that were asked, be they those of `public_url` or not: a
/// server is reached by other names too.
fn is_asked(request: &Parts, origin: &[u8]) -> bool {
    let Some((_, place)) = std::str::from_utf8(origin)
        .ok()
        .and_then(|text| text.split_once("://"))
    else {
        return false;
    };
    let host = request.headers.get(header::HOST).map(HeaderValue::as_bytes);
    let asked = host.or_else(|| {
        request
            .uri
            .authority()
            .map(|authority| authority.as_str().as_bytes())
    });
    asked.is_some_and(|asked| asked.eq_ignore_ascii_case(place.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_told_from_its_token() {
        for (form, token, rest) in [
            ("form_token=x&username=ben", Some("x"), "username=ben"),
            (
                "username=ben&form_token=x&a=b",
                Some("x"),
                "username=ben&a=b",
            ),
            ("form_token=x", Some("x"), ""),
            ("form_token=&a=b", Some(""), "a=b"),
            ("a=b&xform_token=x", None, "a=b&xform_token=x"),
            ("a=b&form_token", None, "a=b&form_token"),
            ("", None, ""),
        ] {
            assert_eq!(split(form.as_bytes()), (token, rest.into()), "{form}");
        }
    }

    #[test]
    fn what_a_form_can_say_of_itself_is_not_json() {
        for (kind, is_it) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("text/plain; application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            assert!(!is_json(&headers));
            headers.append(header::CONTENT_TYPE, kind.parse().unwrap());
            assert_eq!(is_json(&headers), is_it, "{kind}");
            headers.append(header::CONTENT_TYPE, "application/json".parse().unwrap());
            assert!(!is_json(&headers), "{kind}");
        }
    }
}
