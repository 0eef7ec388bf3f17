//! `/outbox`: queued mails, for admins.

use axum::extract::Path;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::access::{Action, NO_USER};
use doorward_domain::model::{JobStatus, MailFilter};
use doorward_domain::values::{Invalid, JobId};

use super::view::{QueuedMailView, ViewedMailView};
use crate::factors::api::ProofBody;
use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::paging::{self, List, Query};
use crate::http::params::PageParams;
use crate::http::problem::Problem;

/// Lists queued mails, newest first. A mail that the mail server has accepted is not among them.
#[utoipa::path(get, path = "/outbox", tag = "Admin",
    params(
        ("status" = Option<String>, Query, description = "`waiting`, `failing` or `given-up`", pattern = "^(waiting|failing|given-up)$"),
        PageParams),
    responses((status = 200, description = "A page of mails", body = List<QueuedMailView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_mails(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    caller.authorize(Action::ReadOutbox).await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(JobId::from_bytes)?;
    let limit = query.limit();
    let status = take_status(&mut query);
    query.finish()?;
    let filter = MailFilter {
        status,
        before,
        limit: limit + 1,
    };
    let mails = caller
        .doorward()
        .unsent_mails
        .list(&caller.ctx, &filter)
        .await?;
    Ok(paging::respond(
        mails,
        limit,
        |mail| *mail.id.as_bytes(),
        |mail| QueuedMailView::new(mail, caller.ctx.now),
        &uri,
    ))
}

/// Takes the status of the mails to list.
pub(super) fn take_status(query: &mut Query) -> Option<JobStatus> {
    query.optional("status", |text| {
        JobStatus::from_name(text)
            .ok_or_else(|| Invalid::new("invalid", "Must be waiting, failing or given-up."))
    })
}

/// Returns a queued mail and what it says. Its link does not work.
#[utoipa::path(get, path = "/outbox/{id}", tag = "Admin", params(("id" = String, Path, description = "The mail's id", format = "uuid")),
    responses((status = 200, description = "The mail", body = ViewedMailView)))]
pub(crate) async fn view_mail(caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = authorized_id(&caller, Action::ReadOutbox, &id).await?;
    let viewed = caller.doorward().unsent_mails.view(&caller.ctx, id).await?;
    Ok(Json(ViewedMailView::new(viewed, caller.ctx.now)).into_response())
}

/// Tries a queued mail again at once. One that failed permanently gets one more attempt. A mail that is being sent is returned as it
/// is.
#[utoipa::path(post, path = "/outbox/{id}/retry", tag = "Admin", params(("id" = String, Path, description = "The mail's id", format = "uuid")),
    responses((status = 200, description = "The mail", body = QueuedMailView)))]
pub(crate) async fn retry_mail(
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = authorized_id(&caller, Action::ManageOutbox, &id).await?;
    let mail = caller
        .doorward()
        .unsent_mails
        .retry(&caller.ctx, id)
        .await?;
    Ok(Json(QueuedMailView::new(&mail, caller.ctx.now)).into_response())
}

/// Deletes a queued mail, so that it is not sent. One that is being sent at this moment may still arrive.
#[utoipa::path(delete, path = "/outbox/{id}", tag = "Admin", request_body = Option<ProofBody>, params(("id" = String, Path, description = "The mail's id", format = "uuid")),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete_mail(
    caller: Caller,
    Path(id): Path<String>,
    fields: Option<Fields>,
) -> Result<StatusCode, Problem> {
    delete(&caller, &id, fields).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a queued mail, for the API and the console.
pub(super) async fn delete(
    caller: &Caller,
    id: &str,
    fields: Option<Fields>,
) -> Result<(), Problem> {
    let id = authorized_id(caller, Action::DeleteMail, id).await?;
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(Action::DeleteMail, NO_USER, proof);
    let ctx = ctx.await?;
    Ok(caller.doorward().unsent_mails.delete(&ctx, id).await?)
}

/// Queues a test mail to your own address. It is in the outbox until the mail server accepts it.
#[utoipa::path(post, path = "/outbox/test", tag = "Admin",
    responses((status = 202, description = "Queued", headers(("Location" = String, description = "URL of the mail while it is in the outbox")))))]
pub(crate) async fn send_test_mail(caller: Caller) -> Result<Response, Problem> {
    let doorward = caller.doorward();
    let id = doorward.unsent_mails.send_test(&caller.ctx).await?;
    let location = format!("{}/outbox/{id}", doorward.policy().public_url);
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)]).into_response())
}

/// Parses the id of a mail. Without permission, the response does not depend on it.
pub(super) async fn authorized_id(
    caller: &Caller,
    action: Action,
    id: &str,
) -> Result<JobId, Error> {
    caller.authorize(action).await?;
    id.parse().map_err(|()| Error::NotFound)
}
