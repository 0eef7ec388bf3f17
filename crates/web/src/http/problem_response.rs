//! Writes a problem: as JSON (RFC 9457), or as a page for a browser.

use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::Purpose;
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::Locale;
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use crate::app::App;
use crate::html::{Pages, Reader};
use crate::http::json::Json;
use crate::http::problem::{Code, Problem, Wait, whole_seconds};

/// The id of a request and what its client accepts, as a request extension.
#[derive(Clone)]
pub(super) struct RequestInfo {
    pub(super) id: String,
    pub(super) wants_html: bool,
    pub(super) locale: Locale,
    /// The page, for a client that accepts one.
    pub(super) page: Option<String>,
    /// The session after a proof, whose new token the response sets as the cookie.
    pub(super) proved: Arc<OnceLock<SignedIn>>,
}

impl RequestInfo {
    fn reader(&self) -> Reader<'_> {
        Reader {
            locale: self.locale,
            here: self.page.as_deref(),
        }
    }
}

/// Writes the problem with the headers of `bare`, the response that the handler returned for it.
pub(super) fn write_problem(
    app: &App,
    info: &RequestInfo,
    problem: &Problem,
    bare: &Response,
) -> Response {
    let status = problem.code.status();
    let mut response = if info.wants_html {
        let page = problem
            .page
            .clone()
            .unwrap_or_else(|| problem_page(&app.pages, info.reader(), problem, &info.id));
        (status, page).into_response()
    } else {
        let mut response = (status, Json(problem_body(app, problem, &info.id))).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    };
    let copied = bare
        .headers()
        .iter()
        .filter(|(name, _)| **name != header::CONTENT_TYPE && **name != header::CONTENT_LENGTH);
    for (name, value) in copied {
        response.headers_mut().append(name, value.clone());
    }
    let headers = response.headers_mut();
    if let Some(wait) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
    }
    // H-02 (RFC 6750, 3).
    let challenge = match problem.code {
        Code::InvalidToken => Some("Bearer realm=\"doorward\", error=\"invalid_token\""),
        // RFC 9470, for step-up authentication.
        Code::ReauthenticationRequired => {
            Some("Bearer realm=\"doorward\", error=\"insufficient_user_authentication\"")
        }
        Code::Forbidden => Some("Bearer realm=\"doorward\", error=\"insufficient_scope\""),
        _ if status == StatusCode::UNAUTHORIZED => Some("Bearer realm=\"doorward\""),
        _ => None,
    };
    if let Some(challenge) = challenge {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        );
    }
    response
}

fn problem_page(
    pages: &Pages,
    reader: Reader<'_>,
    problem: &Problem,
    request_id: &str,
) -> Html<String> {
    let code = problem.code;
    let values = context! {
        code => code.as_str(),
        text => match (code, problem.link) {
            (Code::NotFound, Some(_)) => "link-incomplete",
            _ => code.as_str(),
        },
        title => code.title(),
        help => problem.detail.as_deref().unwrap_or(code.help()),
        link => problem.link.map(Purpose::as_str),
        next_page => problem.link.and_then(request_page),
        wait => problem.retry_after.map(|wait| Value::from(Serde(Wait::new(wait)))),
        request_id,
    };
    pages.render(reader, "problem", values)
}

/// The page that sends a new link with this purpose.
fn request_page(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Confirmation => Some("/sign-up/sent"),
        Purpose::Recovery => Some("/recover"),
        Purpose::EmailUndo | Purpose::FactorUndo | Purpose::DeletionUndo | Purpose::Invitation => {
            None
        }
    }
}

/// The JSON body of a problem (RFC 9457, 3).
#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldErrorBody<'a>>>,
}

#[derive(Serialize)]
struct FieldErrorBody<'a> {
    field: &'a str,
    code: &'a str,
    detail: &'a str,
}

fn problem_body<'a>(app: &App, problem: &'a Problem, id: &'a str) -> ProblemBody<'a> {
    let code = problem.code;
    let errors = problem.errors.iter().map(|error| FieldErrorBody {
        field: &error.field,
        code: error.invalid.code,
        detail: &error.invalid.detail,
    });
    ProblemBody {
        r#type: format!(
            "{}/problems/{}",
            app.doorward.policy().public_url,
            code.as_str()
        ),
        title: code.title(),
        status: code.status().as_u16(),
        detail: problem.detail_text(),
        code: code.as_str(),
        request_id: id,
        deletion_at: problem.deletion_at,
        errors: (code == Code::ValidationFailed).then(|| errors.collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::Policy;

    use super::*;
    use crate::html::brand::Brand;
    use crate::html::texts::Texts;

    #[test]
    fn every_problem_page_is_translated() {
        let pages = Pages::new(&Policy::new(""), &Brand::default(), Texts::default(), false);
        for code in Code::ALL {
            let problem = Problem::new(*code);
            let of = |locale: Locale| problem_page(&pages, locale.into(), &problem, "4d1e").0;
            let heading = |page: &str| {
                page.split_once("<h1>")
                    .and_then(|(_, rest)| rest.split_once("</h1>"))
                    .map(|(text, _)| text.to_owned())
            };
            let pages = Locale::ALL.map(of);
            let headings: BTreeSet<_> = pages.iter().map(|page| heading(page)).collect();
            assert_eq!(headings.len(), pages.len(), "{}", code.as_str());
            for page in &pages {
                // The help texts are for developers.
                assert!(!page.contains(code.help()), "{page}");
                assert!(
                    page.contains("4d1e") && heading(page).is_some_and(|text| !text.is_empty()),
                    "{page}"
                );
            }
        }
    }
}
