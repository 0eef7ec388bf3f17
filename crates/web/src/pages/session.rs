//! The sign-out button: a form cannot send `DELETE`.

use axum::extract::State;
use axum::response::Response;

use crate::api::auth::{clear_cookie, see_other};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;

/// Signs out, and goes home.
pub(crate) async fn end(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.accounts
        .sign_out(caller.ctx(), caller.require_session()?)
        .await?;
    let mut response = see_other("/");
    clear_cookie(response.headers_mut());
    Ok(response)
}
