//! `POST /auth/token`: a short-lived token for another service.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::sessions::Audience;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::responses::token_response;

/// The service that the token is for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AudienceRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceBody {
    /// The service, as it expects itself in `aud`.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[!-~]+$",
        example = "https://api.example.com"
    )]
    audience: String,
}

/// A token for another service.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceToken)]
pub(crate) struct AudienceTokenView {
    /// A JWT (RFC 9068), verified with the JWKS.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGci…")]
    token: String,
    /// Always `Bearer`.
    #[schema(pattern = "^(Bearer)$", example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it expires.
    #[schema(minimum = 0, example = 300)]
    expires_in: i64,
}

/// Returns a five-minute token that another service verifies with the JWKS alone.
#[utoipa::path(post, path = "/auth/token", tag = "Sessions", request_body = AudienceBody, responses((status = 200, description = "The token", body = AudienceTokenView)))]
pub(crate) async fn audience_token(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let audience = fields.required("audience", Audience::parse);
    let audience = fields.finish(|| audience)?;
    let made =
        app.doorward
            .sessions
            .audience_token(caller.ctx(), caller.require_session()?, &audience)?;
    let view = AudienceTokenView {
        token: made.token.expose().clone(),
        token_type: "Bearer",
        expires_in: made.expires_in,
    };
    Ok(token_response(StatusCode::OK, view))
}
