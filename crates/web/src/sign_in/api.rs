//! `POST /auth`: sign-in with a password; `POST /auth/factor`: its second step.

use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::Error;
use doorward_domain::factors::{FactorCode, FactorKind};
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{Identifier, NextFactor, NextStep, Outcome};
use doorward_domain::values::{EmailAddress, Invalid, Password, Token, Username};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies::set_device_cookie;
use crate::http::problem::Problem;
use crate::http::responses::token_response;
use crate::sessions::view::SignedInView;

/// `password`, and one of `username` and `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn, example = json!({"email": "ben@example.com", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// The username; letter case is ignored.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// The confirmed address.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// The password.
    #[schema(format = Password, max_length = 256)]
    password: String,
}

/// Reads exactly one of `username` and `email`.
pub(crate) fn identifier(fields: &mut Fields) -> Option<Identifier> {
    let is_absent = fields.is_absent("username") && fields.is_absent("email");
    let username = fields.optional("username", Username::parse);
    let email = fields.optional("email", EmailAddress::parse);
    match (username, email) {
        (Some(_), Some(_)) => {
            fields.add_error(
                "email",
                Invalid::new("ambiguous", "Send a `username` or an `email`, not both."),
            );
            None
        }
        (Some(username), None) => Some(Identifier::Username(username)),
        (None, Some(email)) => Some(Identifier::Email(email)),
        (None, None) => {
            if is_absent {
                fields.add_error(
                    "username",
                    Invalid::new("missing", "Send a `username` or an `email`."),
                );
            }
            None
        }
    }
}

/// The next step of a sign-in, in place of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = NextFactor)]
pub(crate) struct NextFactorView {
    /// `factor`: send a code to `POST /auth/factor`. `enrol`: the user must add a second factor; `/user/me/factor` accepts
    /// the challenge in place of a session token.
    #[schema(pattern = "^(factor|enrol)$", example = "factor")]
    next: &'static str,
    /// Send it with the next step. It is not a session token.
    #[schema(example = "bSUSNCRmyoBJUHMPkvMNpBqGTzRRzoEVTNMZyPPo3hM")]
    challenge: String,
    /// With `factor`: the kinds of factors, one of which is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    factors: Option<Vec<FactorKindView>>,
    /// Seconds until the challenge expires.
    #[schema(minimum = 0, example = 300)]
    expires_in: i64,
}

/// A kind of factor.
#[derive(Serialize, ToSchema)]
#[schema(as = FactorKind)]
pub(crate) struct FactorKindView {
    /// `totp`: a code of an authenticator app; `recovery-code`: a recovery code.
    #[schema(pattern = "^(totp|recovery-code)$", example = "totp")]
    kind: &'static str,
}

impl From<&NextFactor> for NextFactorView {
    fn from(next: &NextFactor) -> Self {
        let view = |kind: &FactorKind| FactorKindView {
            kind: kind.as_str(),
        };
        let (step, factors) = match &next.step {
            NextStep::Factor(kinds) => ("factor", Some(kinds.iter().map(view).collect())),
            NextStep::Enrol => ("enrol", None),
        };
        Self {
            next: step,
            challenge: next.challenge.expose().clone(),
            factors,
            expires_in: next.expires_in.as_secs(),
        }
    }
}

/// Signs in. If the account has a second factor, or must have one, the response is the next step. A form of a page also ends
/// the session whose cookie it replaces.
#[utoipa::path(post, path = "/auth", tag = "Sign in", request_body = SignInBody, responses(
    (status = 201, description = "The session, with its token", body = SignedInView),
    (status = 200, description = "The next step; there is no session yet", body = NextFactorView)))]
pub(crate) async fn sign_in(caller: Caller, fields: Fields) -> Result<Response, Problem> {
    Ok(match start(&caller, fields).await? {
        Outcome::Session(signed_in) => signed_in_response(&caller, &signed_in),
        Outcome::NextFactor(next) => token_response(StatusCode::OK, NextFactorView::from(&next)),
    })
}

fn signed_in_response(caller: &Caller, signed_in: &SignedIn) -> Response {
    let view = SignedInView::new(signed_in, caller.ctx.now);
    let mut response = token_response(StatusCode::CREATED, view);
    let account = (&signed_in.user, &signed_in.session);
    set_device_cookie(caller, account, response.headers_mut());
    response
}

/// The first step of a sign-in, for the API and the form.
pub(super) async fn start(caller: &Caller, mut fields: Fields) -> Result<Outcome, Problem> {
    let password = fields.required("password", Password::parse);
    let who = identifier(&mut fields);
    let (who, password) = fields.finish(|| Some((who?, password?)))?;
    let sign_in = &caller.doorward().sign_in;
    Ok(sign_in.start(&caller.ctx, &who, &password).await?)
}

/// The challenge, and a code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FactorAnswer, example = json!({"challenge": "bSUSNCRmyoBJUHMPkvMNpBqGTzRRzoEVTNMZyPPo3hM", "kind": "totp", "code": "123456"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorAnswerBody {
    /// The challenge of `POST /auth`.
    challenge: String,
    /// `totp`: a code of an authenticator app; `recovery-code`: a recovery code.
    #[schema(pattern = "^(totp|recovery-code)$")]
    kind: String,
    /// The code. Spaces and hyphens are ignored.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$"
    )]
    code: String,
}

/// Completes a sign-in with a second factor.
#[utoipa::path(post, path = "/auth/factor", tag = "Sign in", request_body = FactorAnswerBody, responses((status = 201, description = "The session, with its token", body = SignedInView)))]
pub(crate) async fn answer_challenge(
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let unknown = || Invalid::new("invalid", "Must be `totp` or `recovery-code`.");
    let challenge = fields.required("challenge", |text| Ok(Token::parse(text)));
    let kind = fields.required("kind", |text| {
        FactorKind::from_name(text).ok_or_else(unknown)
    });
    let code = fields.required("code", FactorCode::parse);
    let (challenge, kind, code) = fields.finish(|| Some((challenge?, kind?, code?)))?;
    let challenge = challenge.ok_or(Error::ChallengeExpired)?;
    let second_step = &caller.doorward().second_step;
    let signed_in = second_step
        .answer(&caller.ctx, &challenge, Some(kind), &code)
        .await?;
    Ok(signed_in_response(&caller, &signed_in))
}
