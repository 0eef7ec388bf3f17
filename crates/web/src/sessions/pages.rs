//! The sign-out button: a form cannot send `DELETE`.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::cookies::clear_session_cookie;
use crate::http::problem::Problem;
use crate::http::responses::see_other;

/// Signs out, and redirects to the start page.
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.doorward
        .sessions
        .sign_out(&caller.ctx, caller.require_session()?)
        .await?;
    let mut response = see_other("/");
    clear_session_cookie(response.headers_mut());
    Ok(response)
}
