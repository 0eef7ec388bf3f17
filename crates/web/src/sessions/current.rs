//! `GET /auth`: the session of the request, or the sign-in page.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::home::pages::{WelcomeForms, signed_in_home, welcome};
use crate::html::return_to::ReturnTo;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::views::{SessionView, UserView};

/// A session and its user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CurrentSession)]
pub(crate) struct CurrentSessionView {
    /// The session.
    session: SessionView,
    /// Its user.
    user: UserView,
}

/// Returns the session and its user. A browser gets the sign-in page, or the page of its user. With
/// `?return_to=/path` it is redirected there, after the sign-in if it is not signed in.
#[utoipa::path(get, path = "/auth", tag = "Sessions", responses((status = 200, description = "The session and its user", body = CurrentSessionView)))]
pub(crate) async fn current_session(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        let return_to = ReturnTo::from_query(query.as_deref(), &app.choices.return_origins);
        return Ok(sign_in_page(&app, &caller, return_to));
    }
    let authenticated = caller.require_session()?;
    let session = authenticated.session();
    Ok(Json(CurrentSessionView {
        session: SessionView::new(session, Some(session.id)),
        user: UserView::from(authenticated.user()),
    })
    .into_response())
}

/// The page that a browser gets: the place to return to, the page of the user, or the sign-in form.
fn sign_in_page(app: &App, caller: &Caller, return_to: Option<ReturnTo>) -> Response {
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
