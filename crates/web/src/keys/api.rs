//! `GET /.well-known/jwks.json`: the public keys (RFC 7517). `/signing-key`: the keys and their use, for admins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use doorward_domain::access::{Action, NO_USER};
use doorward_domain::keys::{KeyUse, KeysError};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{SigningKeyListView, SigningKeyView};
use crate::app::App;
use crate::factors::api::ProofBody;
use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::problem::Problem;

/// The keys, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Jwks {
    /// All keys that valid tokens are signed with.
    keys: Vec<Jwk>,
}

/// A public Ed25519 key (RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Jwk {
    /// Always `OKP`.
    #[schema(pattern = "^(OKP)$", example = "OKP")]
    kty: &'static str,
    /// Always `Ed25519`.
    #[schema(pattern = "^(Ed25519)$", example = "Ed25519")]
    crv: &'static str,
    /// Always `EdDSA`.
    #[schema(pattern = "^(EdDSA)$", example = "EdDSA")]
    alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    #[schema(pattern = "^(sig)$", example = "sig")]
    usage: &'static str,
    /// Key id, as in token headers.
    kid: String,
    /// Public key, base64url.
    x: String,
}

/// Returns the public keys. A retired key is listed until its last token has expired.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "Operations", responses((status = 200, description = "The keys", body = Jwks)))]
pub(crate) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    let keys = app.doorward.keys.fresh_public_keys().await;
    let keys = keys.into_iter().map(|key| Jwk {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.kid,
        x: key.x,
    });
    let jwks = Jwks {
        keys: keys.collect(),
    };
    ([(CACHE_CONTROL, "public, max-age=300")], Json(jwks))
}

/// Lists the signing keys, newest first, and what each is used for.
#[utoipa::path(get, path = "/signing-key", tag = "Admin",
    responses((status = 200, description = "The keys", body = SigningKeyListView)))]
pub(crate) async fn list_keys(caller: Caller) -> Result<Response, Problem> {
    let keys = caller.doorward().keys.view(&caller.ctx).await?;
    let list = SigningKeyListView {
        items: keys.iter().map(SigningKeyView::from).collect(),
    };
    Ok(Json(list).into_response())
}

/// Creates a new signing key, as the worker does every 90 days (`keys.rotate_after_days`). No one is signed out: the replaced
/// key verifies the tokens that it signed until they have expired. A key that someone may have stolen is revoked with
/// `doorward keys revoke` instead.
#[utoipa::path(post, path = "/signing-key", tag = "Admin", request_body = Option<ProofBody>,
    responses((status = 201, description = "The new key", body = SigningKeyView)))]
pub(crate) async fn rotate_keys(
    caller: Caller,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let created = rotate(&caller, fields).await?;
    let view = SigningKeyView::from(&created);
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Creates a new signing key, for the API and the console.
pub(super) async fn rotate(caller: &Caller, fields: Option<Fields>) -> Result<KeyUse, Problem> {
    // Without permission, the response does not depend on the body.
    let (doorward, action) = (caller.doorward(), Action::RotateKeys);
    caller.authorize(action).await?;
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(action, NO_USER, proof).await?;
    Ok(doorward
        .keys
        .rotate(&ctx)
        .await
        .map_err(KeysError::logged)?)
}
