//! `/user/{user}/factor` and `/user/{user}/recovery-codes`: the second factors of a user. `/factor-undo`: removes them, by
//! the link in the mail about the first one.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::access::Action;
use doorward_domain::error::chain;
use doorward_domain::factors::{
    Enrolled, Enrolment, Factor, FactorCode, FactorKind, FactorList, FactorName,
};
use doorward_domain::model::Purpose;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{Invalid, Secret};
use doorward_domain::{Actor, Error};
use jiff::Timestamp;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::cookies::set_device_cookie;
use crate::http::json::Json;
use crate::http::links::read_token;
use crate::http::params::{TokenParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::{Message, token_response};
use crate::sessions::view::SignedInView;

/// Minimum width and height of a QR code, in pixels.
const QR_CODE_SIZE: u32 = 240;

/// An authenticator app, or the recovery codes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Factor)]
pub(crate) struct FactorView {
    /// `totp`: an authenticator app (RFC 6238); `recovery-code`: the recovery codes.
    #[schema(pattern = "^(totp|recovery-code)$", example = "totp")]
    kind: &'static str,
    /// Id. Recovery codes have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", nullable = false)]
    id: Option<String>,
    /// The name that the user gave the authenticator app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Phone")]
    name: Option<String>,
    /// `pending` until the first code of the authenticator app: sign-in does not ask for it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(pending|active)$", example = "active")]
    status: Option<&'static str>,
    /// When the authenticator app was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Option<Timestamp>,
    /// When a code of the authenticator app was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-21T08:00:00Z")]
    last_used_at: Option<Option<Timestamp>>,
    /// Number of unused recovery codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 10)]
    remaining: Option<usize>,
}

impl FactorView {
    fn of(factor: &Factor) -> Self {
        Self {
            kind: factor.kind.as_str(),
            id: Some(factor.id.to_string()),
            name: Some(factor.name.clone()),
            status: Some(if factor.is_active {
                "active"
            } else {
                "pending"
            }),
            created_at: Some(factor.created_at),
            last_used_at: Some(factor.last_used_at),
            ..Self::default()
        }
    }

    fn recovery_codes(remaining: usize) -> Self {
        Self {
            kind: FactorKind::RecoveryCode.as_str(),
            remaining: Some(remaining),
            ..Self::default()
        }
    }
}

/// The second factors of a user: at most ten, those that wait for their first code, and the recovery codes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FactorList)]
pub struct FactorListView {
    /// The authenticator apps, oldest first, then the recovery codes.
    pub(crate) items: Vec<FactorView>,
}

impl From<&FactorList> for FactorListView {
    fn from(list: &FactorList) -> Self {
        let factors = list.factors.iter().map(FactorView::of);
        let recovery_codes = list.recovery_codes.map(FactorView::recovery_codes);
        Self {
            items: factors.chain(recovery_codes).collect(),
        }
    }
}

/// Lists the second factors. No secret is in the list.
#[utoipa::path(get, path = "/user/{user}/factor", tag = "Second factors", params(UserParam),
    responses((status = 200, description = "The second factors", body = FactorListView)))]
pub(crate) async fn list_factors(
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let list = caller.doorward().factors.list(&caller.ctx, &user).await?;
    Ok(Json(FactorListView::from(&list)).into_response())
}

/// The kind of the factor; the password, if the last sign-in is too old.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewFactor, example = json!({"kind": "totp", "name": "Phone"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFactorBody {
    /// `totp`, an authenticator app.
    #[schema(pattern = "^(totp)$")]
    kind: String,
    /// A name, to tell several authenticator apps apart.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
    /// Your own password. Required if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// An authenticator app that waits for its first code.
#[derive(Serialize, ToSchema)]
#[schema(as = Enrolment)]
pub(crate) struct EnrolmentView {
    /// Id.
    #[schema(format = "uuid", example = "019363a0-8d3e-7f74-8c31-5e2a4f6d7b82")]
    id: String,
    /// `totp`.
    #[schema(pattern = "^(totp)$", example = "totp")]
    kind: &'static str,
    /// Always `pending`.
    #[schema(pattern = "^(pending)$", example = "pending")]
    status: &'static str,
    /// The secret in base 32, to type into the authenticator app. It cannot be retrieved again.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// The secret as an `otpauth` URI.
    #[schema(example = "otpauth://totp/localhost:ben?secret=JBSWY3DP…&issuer=localhost")]
    uri: String,
    /// The URI as a QR code: an SVG element.
    #[schema(example = "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>")]
    qr_svg: String,
}

/// A QR code as an SVG element: dark on white with a margin, which scanners need in dark mode, too.
pub(crate) fn qr_svg(text: &str) -> Result<String, Error> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    let code = code.map_err(|_| Error::Internal("a URI is too long for a QR code"))?;
    let document = code
        .render()
        .min_dimensions(QR_CODE_SIZE, QR_CODE_SIZE)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // Without the XML declaration, which HTML does not have.
    let start = document.find("<svg").unwrap_or_default();
    Ok(document[start..].to_owned())
}

/// Begins to add an authenticator app to one's own account. Sign-in asks for it after its first code. Replaces the
/// unfinished enrolment of this session or challenge. At most five of an account wait for their first code.
#[utoipa::path(post, path = "/user/{user}/factor", tag = "Second factors", request_body = NewFactorBody, params(UserParam),
    responses((status = 201, description = "The secret; `POST` its first code to `/user/{user}/factor/{id}` within an hour", body = EnrolmentView)))]
pub(crate) async fn begin_enrolment(
    caller: Caller,
    Path(user): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let kind = fields.required("kind", |text| match FactorKind::from_name(text) {
        Some(FactorKind::Totp) => Ok(()),
        _ => Err(Invalid::new("invalid", "Must be `totp`.")),
    });
    let name = fields.optional("name", FactorName::parse);
    let proof = fields.proof();
    fields.finish(|| kind)?;
    let enrolment = begin(&caller, &user, &name.unwrap_or_default(), proof).await?;
    let view = EnrolmentView {
        id: enrolment.factor.id.to_string(),
        kind: enrolment.factor.kind.as_str(),
        status: "pending",
        qr_svg: qr_svg(enrolment.uri.expose())?,
        secret: enrolment.secret.expose().clone(),
        uri: enrolment.uri.expose().clone(),
    };
    Ok(token_response(StatusCode::CREATED, view))
}

/// Begins to add an authenticator app, for the API and the pages.
pub(crate) async fn begin(
    caller: &Caller,
    user: &str,
    name: &FactorName,
    proof: Option<Proof>,
) -> Result<Enrolment, Problem> {
    let ctx = caller.reauthenticate(Action::AddFactor, user, proof);
    let factor_enrolment = &caller.doorward().factor_enrolment;
    Ok(factor_enrolment.begin(&ctx.await?, user, name).await?)
}

/// The first code.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FirstCode, example = json!({"code": "123456"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCodeBody {
    /// A code of the authenticator app.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$"
    )]
    code: String,
}

/// An authenticator app that was added.
#[derive(Serialize, ToSchema)]
#[schema(as = Enrolled)]
pub(crate) struct EnrolledView {
    /// Id.
    #[schema(format = "uuid", example = "019363a0-8d3e-7f74-8c31-5e2a4f6d7b82")]
    id: String,
    /// `totp`.
    #[schema(pattern = "^(totp)$", example = "totp")]
    kind: &'static str,
    /// Its name.
    #[schema(example = "Phone")]
    name: String,
    /// Always `active`.
    #[schema(pattern = "^(active)$", example = "active")]
    status: &'static str,
    /// With the first factor: ten recovery codes. They cannot be retrieved again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = json!(["k7mw-2r9q-x4ht-c8vd"]))]
    recovery_codes: Option<Vec<String>>,
    /// In place of a session token, the request had a challenge: the session of the completed sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session: Option<SignedInView>,
}

/// Adds the authenticator app with its first code. With the first factor, the response has recovery codes. A request
/// with a challenge completes its sign-in: the response has the session.
#[utoipa::path(post, path = "/user/{user}/factor/{id}", tag = "Second factors", request_body = FirstCodeBody,
    params(UserParam, ("id" = String, Path, description = "The factor's id", format = "uuid")),
    responses((status = 200, description = "The factor, with the recovery codes and the session", body = EnrolledView)))]
pub(crate) async fn finish_enrolment(
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let code = fields.required("code", FactorCode::parse);
    let code = fields.finish(|| code)?;
    let (enrolled, session) = finish(&caller, (&user, &id), &code).await?;
    let view = EnrolledView {
        id: enrolled.factor.id.to_string(),
        kind: enrolled.factor.kind.as_str(),
        name: enrolled.factor.name.clone(),
        status: "active",
        recovery_codes: enrolled.recovery_codes.as_deref().map(code_texts),
        session: session
            .as_ref()
            .map(|signed_in| SignedInView::new(signed_in, caller.ctx.now)),
    };
    let mut response = token_response(StatusCode::OK, view);
    if let Some(signed_in) = &session {
        let account = (&signed_in.user, &signed_in.session);
        set_device_cookie(&caller, account, response.headers_mut());
    }
    Ok(response)
}

/// Adds the authenticator app, for the API and the pages. Returns the session if this completes a sign-in.
pub(crate) async fn finish(
    caller: &Caller,
    (user, id): (&str, &str),
    code: &FactorCode,
) -> Result<(Enrolled, Option<SignedIn>), Problem> {
    let (ctx, doorward) = (&caller.ctx, caller.doorward());
    let enrolled = doorward
        .factor_enrolment
        .finish(ctx, user, id, code)
        .await?;
    if !matches!(ctx.actor, Actor::Enrolling { .. }) {
        return Ok((enrolled, None));
    }
    let kind = enrolled.factor.kind;
    let session = doorward.second_step.finish_enrolling(ctx, kind).await;
    if let Err(error) = &session {
        // The recovery codes are shown only now. The user signs in with the new factor.
        tracing::warn!(error = %chain(error), "failed to open the session after an enrolment");
    }
    Ok((enrolled, session.ok()))
}

/// Recovery codes, for the response that shows them.
pub(crate) fn code_texts(codes: &[Secret<String>]) -> Vec<String> {
    codes.iter().map(|code| code.expose().clone()).collect()
}

/// Needed if the last sign-in is too old.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Proof, example = json!({"password": "three boats on a lake", "code": "123456"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofBody {
    /// Your own password.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Removes a factor. Every other session of the user ends, and the user is notified. Without the last authenticator app,
/// the recovery codes are void.
#[utoipa::path(delete, path = "/user/{user}/factor/{id}", tag = "Second factors", request_body = Option<ProofBody>,
    params(UserParam, ("id" = String, Path, description = "The factor's id", format = "uuid")),
    responses((status = 204, description = "Removed")))]
pub(crate) async fn remove_factor(
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    fields: Option<Fields>,
) -> Result<StatusCode, Problem> {
    remove(&caller, (&user, &id), fields).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a factor, for the API and the pages.
pub(crate) async fn remove(
    caller: &Caller,
    (user, id): (&str, &str),
    fields: Option<Fields>,
) -> Result<(), Problem> {
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(Action::RemoveFactor, user, proof);
    let factor_removal = &caller.doorward().factor_removal;
    Ok(factor_removal.remove(&ctx.await?, user, id).await?)
}

/// New recovery codes.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesView {
    /// Ten codes. They cannot be retrieved again.
    #[schema(example = json!(["k7mw-2r9q-x4ht-c8vd"]))]
    recovery_codes: Vec<String>,
}

/// Returns ten new recovery codes, for one's own account. The old ones are void.
#[utoipa::path(post, path = "/user/{user}/recovery-codes", tag = "Second factors", request_body = Option<ProofBody>, params(UserParam),
    responses((status = 200, description = "The codes", body = RecoveryCodesView)))]
pub(crate) async fn renew_recovery_codes(
    caller: Caller,
    Path(user): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let view = RecoveryCodesView {
        recovery_codes: code_texts(&renew(&caller, &user, fields).await?),
    };
    Ok(token_response(StatusCode::OK, view))
}

/// Renews the recovery codes, for the API and the pages.
pub(crate) async fn renew(
    caller: &Caller,
    user: &str,
    fields: Option<Fields>,
) -> Result<Vec<Secret<String>>, Problem> {
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(Action::RenewRecoveryCodes, user, proof);
    let factor_enrolment = &caller.doorward().factor_enrolment;
    Ok(factor_enrolment
        .renew_recovery_codes(&ctx.await?, user)
        .await?)
}

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/factor-undo/{token}", tag = "Second factors", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to remove the second factors", body = Message)))]
pub(crate) async fn view_factor_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    let token = read_token(&token, Purpose::FactorUndo)?;
    let service = &caller.doorward().factor_undo;
    service.view_undo(&caller.ctx, &token).await?;
    Ok(Json(Message {
        message: "POST to this URL to remove all second factors.",
    }))
}

/// Removes all second factors, once. Every session ends, the password is disabled, a pending address is dropped, and a
/// recovery link is mailed to the address that this link was mailed to, if the account still has it.
#[utoipa::path(post, path = "/factor-undo/{token}", tag = "Second factors", params(TokenParam),
    responses((status = 204, description = "Removed; a recovery mail is sent to the address of the link, if the account still has it")))]
pub(crate) async fn undo_factors(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    let token = read_token(&token, Purpose::FactorUndo)?;
    let service = &caller.doorward().factor_undo;
    service.undo(&caller.ctx, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
