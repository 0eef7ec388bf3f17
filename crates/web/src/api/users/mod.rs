//! `/user`: accounts.

pub mod create;
pub mod delete;
pub mod email;
pub mod export;
pub mod list;
pub mod role;
pub mod show;
pub mod status;
pub mod update;

use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;

use crate::api::etag;
use crate::json::Json;
use crate::views::UserView;

/// A response with a user and its `ETag`.
pub(crate) fn user_response(status: StatusCode, user: &User) -> Response {
    let mut response = (status, Json(UserView::from(user))).into_response();
    response.headers_mut().insert(ETAG, etag::tag(user.version));
    response
}
