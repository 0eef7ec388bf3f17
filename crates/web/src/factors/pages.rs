//! The pages of second factors without a session: `/sign-in/enrol` for a sign-in in which the user must add one, and those of
//! the link that removes them.

use axum::extract::{Path, RawQuery};
use axum::http::header::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::factors::{FactorCode, FactorName};
use doorward_domain::model::Purpose;
use minijinja::context;

use crate::factors::api::{self, finish};
use crate::factors::setup::{Setup, codes_values, take_uri};
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::links::{read_token, undo_page};
use crate::http::problem::{Code, Problem};
use crate::sign_in::notice::Notice;
use crate::sign_in::pages::{after_sign_in, expired, set_sign_in_cookies};

/// The page on which a user adds the second factor that the policy requires.
pub(crate) async fn required_page(
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::from_query(query.as_deref(), caller.return_origins());
    if let Err(problem) = enrolling(&caller, &headers).await {
        return unless_expired(&caller, return_to, problem);
    }
    let values = context! {
        return_to => return_to.as_ref().map(ReturnTo::as_str),
        sign_in => sign_in_path(return_to.as_ref()),
    };
    Ok(caller.render("factors/required", values).into_response())
}

/// Begins to add the required authenticator app, and shows its secret.
pub(crate) async fn begin_required(
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    fields.finish(|| Some(()))?;
    let begun = async {
        let caller = enrolling(&caller, &headers).await?;
        api::begin(&caller, "me", &FactorName::default(), None).await
    };
    match begun.await {
        Ok(enrolment) => {
            let action = format!("/sign-in/enrol/{}", enrolment.factor.id);
            let page = Setup::new(&action, "/sign-in/enrol")
                .with_uri(Some(&enrolment.uri))
                .returning_to(return_to.as_ref());
            let values = page.values(&Form::default());
            Ok(caller.render("factors/setup", values).into_response())
        }
        Err(problem) => unless_expired(&caller, return_to, problem),
    }
}

/// Completes the sign-in with the first code of the required authenticator app, and shows the recovery codes.
pub(crate) async fn finish_required(
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, caller.return_origins());
    let uri = take_uri(&mut fields);
    let code = fields.required("code", FactorCode::parse);
    let finished = async {
        let code = fields.finish(|| code)?;
        let caller = enrolling(&caller, &headers).await?;
        finish(&caller, ("me", &id), &code).await
    };
    match finished.await {
        Ok((enrolled, session)) => {
            let codes = enrolled.recovery_codes.unwrap_or_default();
            let target = after_sign_in(&headers, return_to.as_ref());
            let next = session.is_some().then_some(target.as_str());
            let page = caller.render("factors/codes", codes_values(&codes, next));
            let mut response = page.into_response();
            if let Some(signed_in) = &session {
                set_sign_in_cookies(&caller, &headers, signed_in, &mut response).await;
            }
            Ok(response)
        }
        Err(problem) => {
            let action = format!("/sign-in/enrol/{id}");
            let page = Setup::new(&action, "/sign-in/enrol")
                .with_uri(uri.as_ref())
                .returning_to(return_to.as_ref());
            let render = |values| caller.render("factors/setup", values);
            let problem = page.rejected(render, problem);
            unless_expired(&caller, return_to, problem)
        }
    }
}

/// The user who adds the required factor, by the cookie of their challenge.
async fn enrolling(caller: &Caller, headers: &HeaderMap) -> Result<Caller, Problem> {
    let challenge = cookies::challenge(headers).ok_or(Error::ChallengeExpired)?;
    let second_step = &caller.doorward().second_step;
    let actor = second_step.enrolling(&caller.ctx, &challenge).await?;
    Ok(caller.acting_as(actor))
}

/// Leads back to the sign-in page if the challenge is not valid.
fn unless_expired(
    caller: &Caller,
    return_to: Option<ReturnTo>,
    problem: Problem,
) -> Result<Response, Problem> {
    match problem.code {
        Code::InvalidToken | Code::ChallengeExpired => Ok(expired(caller, return_to.as_ref())),
        _ => Err(problem),
    }
}

/// The page of the link that removes all second factors.
pub(crate) async fn view_factor_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let parsed = read_token(&token, Purpose::FactorUndo)?;
    let service = &caller.doorward().factor_undo;
    let viewed = service.view_undo(&caller.ctx, &parsed).await;
    let link = viewed.map_err(|error| Problem::from(error).of_link(Purpose::FactorUndo))?;
    let template = "factors/undo-factors";
    Ok(undo_page(&caller, template, &link, &token))
}

/// Removes all second factors, and redirects to the sign-in page.
pub(crate) async fn undo_factors(caller: Caller, token: Path<String>) -> Result<Response, Problem> {
    let undone = api::undo_factors(caller.clone(), token).await;
    undone.map_err(|problem| problem.of_link(Purpose::FactorUndo))?;
    Ok(Notice::FactorsUndone.redirect(None))
}
