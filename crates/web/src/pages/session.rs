//! The sign-out button: a form cannot send `DELETE`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};

use crate::api::auth::clear_cookie;
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;

/// Signs out, and goes home.
pub(crate) async fn end(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.accounts
        .sign_out(caller.ctx(), caller.require_session()?)
        .await?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    clear_cookie(response.headers_mut());
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("/"));
    Ok(response)
}
