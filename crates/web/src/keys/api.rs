//! `GET /.well-known/jwks.json`: the public keys (RFC 7517).

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::json::Json;

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
