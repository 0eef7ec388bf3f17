//! `/invitation` and `/user/{user}/invitation`: admins invite users, and users accept.

use axum::extract::Path;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::access::{Action, NO_USER};
use doorward_domain::invitation::{Acceptance, Invited, NewInvitation};
use doorward_domain::model::{InvitationDelivery, InvitationStatus, Purpose};
use doorward_domain::sign_in::Proof;
use doorward_domain::sign_up::CompletedSignUp;
use doorward_domain::values::{
    EmailAddress, Invalid, LanguageTag, Name, Role, Secret, UserId, Username,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::links::read_token;
use crate::http::paging::{self, List, Query};
use crate::http::params::{PageParams, TokenParam, UserParam};
use crate::http::problem::Problem;
use crate::invitation::view::{InvitationView, InvitedUserView};
use crate::users::view::{UserView, changed_user};

/// At least one of `username` and `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewInvitation, example = json!({"email": "ben@example.com", "name": "Ben", "role": "user", "locale": "de"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationBody {
    /// Letters and digits of any script, with `.`, `_`, `-` and `+` between them. Required with `delivery` `link`.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// Required with `delivery` `mail`. The domains in `sign_up.domains` do not apply.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// Display name. The user can choose another one.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// `user` (the default) or `admin`.
    #[schema(pattern = "^(user|admin)$", example = "user")]
    role: Option<String>,
    /// Language for mails and pages, a BCP 47 tag without extensions.
    #[schema(
        max_length = 35,
        pattern = "^[A-Za-z]{2}([A-Za-z]|[A-Za-z]{3,6})?(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[0-9A-Za-z]{4,8})*$"
    )]
    locale: Option<String>,
    /// `mail`: the link is mailed, and confirms the address; `link`: it is in the response, once. By default `mail` if there
    /// is an `email`.
    #[schema(pattern = "^(mail|link)$", example = "mail")]
    delivery: Option<String>,
    /// Your own password. Required for the role `admin` if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Invites a user. The account is `pending` until the user accepts with the link and chooses a password. The link is valid
/// for seven days; an account that is not accepted is deleted seven days later. `delivery` `link` is for places without
/// mail: you pass the link on yourself, and the address stays unconfirmed.
#[utoipa::path(post, path = "/invitation", tag = "Admin", request_body = InvitationBody,
    responses((status = 201, description = "The invitation", body = InvitationView, headers(("Location" = String, description = "URL of the user")))))]
pub(crate) async fn invite(caller: Caller, fields: Fields) -> Result<Response, Problem> {
    let invited = create(&caller, fields).await?;
    let mut response = respond(&caller, StatusCode::CREATED, &invited)?;
    let base = &caller.doorward().policy().public_url;
    let location = format!("{base}/user/{}", invited.user.id);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Invites a user, for the API and the console.
pub(super) async fn create(caller: &Caller, fields: Fields) -> Result<Invited, Problem> {
    // Without permission, the response does not depend on the body.
    let action = Action::Invite;
    caller.authorize(action).await?;
    let (wanted, proof) = read(fields)?;
    let ctx = caller.reauthenticate(action, NO_USER, proof).await?;
    let invitations = &caller.doorward().invitations;
    Ok(invitations.invite(&ctx, wanted).await?)
}

fn read(mut fields: Fields) -> Result<(NewInvitation, Option<Proof>), Problem> {
    let terms = Terms::take(&mut fields);
    let wanted = NewInvitation {
        username: fields.optional("username", Username::parse_new),
        email: fields.optional("email", EmailAddress::parse),
        name: fields.optional("name", Name::parse_new),
        ..terms.invitation()
    };
    let proof = fields.proof();
    fields.finish(|| Some((wanted, proof)))
}

/// What several invitations can have in common.
pub(super) struct Terms {
    role: Role,
    locale: Option<LanguageTag>,
    delivery: Option<InvitationDelivery>,
}

impl Terms {
    pub(super) fn take(fields: &mut Fields) -> Self {
        let one_of = |names: &str| Invalid::new("invalid", format!("Must be {names}."));
        let role = fields.optional("role", |text| {
            Role::from_name(text).ok_or_else(|| one_of("`user` or `admin`"))
        });
        Self {
            role: role.unwrap_or(Role::User),
            locale: fields.optional("locale", LanguageTag::parse),
            delivery: fields.optional("delivery", |text| {
                InvitationDelivery::from_name(text).ok_or_else(|| one_of("`mail` or `link`"))
            }),
        }
    }

    /// An invitation for a user without a name.
    pub(super) fn invitation(&self) -> NewInvitation {
        NewInvitation {
            username: None,
            email: None,
            name: None,
            role: self.role,
            locale: self.locale.clone(),
            delivery: self.delivery,
        }
    }
}

fn respond(caller: &Caller, status: StatusCode, invited: &Invited) -> Result<Response, Problem> {
    let view = InvitationView::of_new(invited, caller.ctx.now)
        .ok_or(Error::Internal("an invited user has no invitation"))?;
    Ok((status, Json(view)).into_response())
}

/// Lists the invitations with a status, those of the newest users first.
#[utoipa::path(get, path = "/invitation", tag = "Admin",
    params(
        ("status" = Option<String>, Query, description = "`pending` (the default), `accepted` or `expired`", pattern = "^(pending|accepted|expired)$"),
        PageParams),
    responses((status = 200, description = "A page of invitations", body = List<InvitationView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_invitations(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    caller.authorize(Action::ListUsers).await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(UserId::from_bytes)?;
    let limit = query.limit();
    let status = take_status(&mut query);
    query.finish()?;
    let ctx = &caller.ctx;
    let invitations = &caller.doorward().invitations;
    let invited = invitations.list(ctx, status, before, limit + 1).await?;
    Ok(paging::respond(
        invited,
        limit,
        |user| *user.id.as_bytes(),
        |user| InvitationView::new(user, ctx.now),
        &uri,
    ))
}

/// Takes the status of the invitations to list.
pub(super) fn take_status(query: &mut Query) -> InvitationStatus {
    let unknown = || Invalid::new("invalid", "Must be pending, accepted or expired.");
    let status = query.optional("status", |text| {
        InvitationStatus::from_name(text).ok_or_else(unknown)
    });
    status.unwrap_or(InvitationStatus::Pending)
}

/// Required only to send the invitation of an admin again, if your last sign-in is too old.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitationResend, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendBody {
    /// Your own password.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Sends an invitation again, or returns a new link. The new link is valid for seven days, and the previous one is void then.
/// 404 if the user was not invited, has accepted the invitation, or is disabled.
#[utoipa::path(post, path = "/user/{user}/invitation", tag = "Admin", request_body = Option<ResendBody>, params(UserParam),
    responses((status = 200, description = "The invitation", body = InvitationView)))]
pub(crate) async fn resend_invitation(
    caller: Caller,
    Path(user): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let invited = send_again(&caller, &user, fields).await?;
    respond(&caller, StatusCode::OK, &invited)
}

/// Sends an invitation again, for the API and the console.
pub(super) async fn send_again(
    caller: &Caller,
    user: &str,
    fields: Option<Fields>,
) -> Result<Invited, Problem> {
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(Action::Invite, user, proof).await?;
    Ok(caller.doorward().invitations.resend(&ctx, user).await?)
}

/// Revokes an invitation: the link is void, and the user is deleted. 404 if the user was not invited, or has accepted the
/// invitation.
#[utoipa::path(delete, path = "/user/{user}/invitation", tag = "Admin", params(UserParam),
    responses((status = 204, description = "Revoked")))]
pub(crate) async fn revoke_invitation(
    caller: Caller,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    let invitations = &caller.doorward().invitations;
    invitations.revoke(&caller.ctx, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what the link invites to. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/invitation/{token}", tag = "Sign up", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` a password to it to accept", body = InvitedUserView)))]
pub(crate) async fn view_invitation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<InvitedUserView>, Problem> {
    let token = read_token(&token, Purpose::Invitation)?;
    let invitation_acceptance = &caller.doorward().invitation_acceptance;
    let user = invitation_acceptance.view(&caller.ctx, &token).await?;
    Ok(Json(InvitedUserView::from(&user)))
}

/// The password that the user chooses.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvitationAcceptance, example = json!({"password": "three boats on a lake", "name": "Ben"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptanceBody {
    /// Any Unicode; not a common password, not the user's own names.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    password: String,
    /// Display name. If it is absent, the one in the invitation stays.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
}

/// Accepts an invitation, once: the user is `active` and can sign in. A mailed link confirms the address; after another one,
/// a confirmation mail is sent if there is an address. The form of the page signs in.
#[utoipa::path(post, path = "/invitation/{token}", tag = "Sign up", request_body = AcceptanceBody, params(TokenParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its version")))))]
pub(crate) async fn accept_invitation(
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let accepted = accept(&caller, &token, fields).await?;
    Ok(changed_user(&caller, accepted.user().clone()).await)
}

/// Accepts the invitation, for the API and the page.
pub(super) async fn accept(
    caller: &Caller,
    token: &str,
    mut fields: Fields,
) -> Result<CompletedSignUp, Problem> {
    let token = read_token(token, Purpose::Invitation)?;
    let password = fields.required("password", |text| Ok(Secret::new(text.to_owned())));
    let name = fields.optional("name", Name::parse_new);
    let acceptance = fields.finish(|| {
        Some(Acceptance {
            password: password?,
            name,
        })
    })?;
    let invitation_acceptance = &caller.doorward().invitation_acceptance;
    Ok(invitation_acceptance
        .accept(&caller.ctx, &token, &acceptance)
        .await?)
}
