//! Binds each route of the [table](crate::routes::TABLE) to its handler. The attributes of the handlers bound by
//! `routes!` are in the OpenAPI document; those of `route` are pages.

use std::sync::Arc;

use axum::http::{Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::layers;
use crate::http::problem::{Code, Problem};
use crate::reference::documents::Documents;
use crate::routes::{Route, TABLE};
use crate::{
    admin, audit, email, home, html, inbox, keys, openapi, operations, password, profile, recovery,
    reference, sessions, sign_in, sign_up,
};

/// Routes of a user's own account.
fn account_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(home::api::home))
        .routes(routes!(sign_up::api::create_user))
        .routes(routes!(sign_in::api::sign_in))
        .routes(routes!(email::change::change_email))
        .routes(routes!(
            email::confirmation::request_confirmation,
            email::pages::confirmation_page
        ))
        .routes(routes!(
            email::confirmation::view_confirmation,
            email::confirmation::confirm,
            email::confirmation::cancel_confirmation
        ))
        .route("/confirmation/{token}/cancel", post(email::pages::cancel))
        .routes(routes!(
            email::undo::view_email_undo,
            email::undo::undo_email_change
        ))
        .routes(routes!(
            recovery::api::request_recovery,
            recovery::pages::recovery_page
        ))
        .routes(routes!(
            recovery::api::view_recovery,
            recovery::api::recover
        ))
        .routes(routes!(
            password::api::change_password,
            password::pages::password_page,
            password::pages::password_form
        ))
        .route(
            "/.well-known/change-password",
            get(password::pages::well_known),
        )
        .routes(routes!(
            profile::show::show_user,
            profile::update::replace_user,
            profile::update::patch_user,
            profile::delete::delete_user
        ))
        .routes(routes!(profile::export::export_user))
        .routes(routes!(sessions::list::list_sessions))
        .routes(routes!(sessions::end::revoke_sessions))
        .routes(routes!(sessions::end::revoke_session))
        .routes(routes!(
            sessions::current::current_session,
            sessions::end::sign_out
        ))
        .route("/auth/sign-out", post(sessions::pages::sign_out))
        .routes(routes!(sessions::renewal::renew))
        .routes(routes!(sessions::audience_token::audience_token))
        .routes(routes!(sessions::check::check))
}

/// Routes for admins, operators and developers.
fn other_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(reference::api::openapi_json))
        .route("/docs", get(reference::pages::docs))
        // Only the routes above have the documents.
        .layer(Extension(Arc::new(Documents::new(openapi_document))))
        .route("/problems", get(reference::pages::problems))
        .route("/problems/{code}", get(reference::pages::problem))
        .routes(routes!(admin::list_users::list_users))
        .routes(routes!(admin::role::change_role))
        .routes(routes!(admin::status::change_status))
        .routes(routes!(audit::api::list_audit_events))
        .routes(routes!(keys::api::jwks))
        .routes(routes!(operations::api::healthz))
        .routes(routes!(operations::api::readyz))
        .routes(routes!(inbox::api::list_inbox))
        .route("/inbox", get(inbox::pages::inbox))
        .route("/assets/{file}", get(html::assets::asset))
}

/// Redirects a page's path with a trailing slash, such as `/docs/`, to the path without it.
async fn not_found(method: Method, uri: Uri) -> Result<Response, Problem> {
    let path = uri.path().trim_end_matches('/');
    let is_page = |route: &&Route| route.page && route.method == Method::GET && route.path == path;
    match TABLE.iter().find(is_page) {
        Some(page) if method.is_safe() => Ok(Redirect::permanent(page.path).into_response()),
        _ => Err(Problem::new(Code::NotFound)),
    }
}

/// The router of all routes.
pub fn router(app: App) -> Router {
    let (routes, _) = account_routes().merge(other_routes()).split_for_parts();
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(from_fn_with_state(app.clone(), layers::run))
        .with_state(app)
}

/// The OpenAPI document of a server with this public URL.
pub fn openapi_document(public_url: &str) -> Value {
    let routes = account_routes().merge(other_routes());
    openapi::document(routes.into_openapi(), public_url)
}
