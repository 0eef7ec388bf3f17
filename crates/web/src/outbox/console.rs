//! The pages of the console with the queued mails.

use std::slice;

use axum::extract::Path;
use axum::http::Uri;
use axum::response::{Html, Response};
use doorward_domain::access::Action;
use doorward_domain::model::{JobStatus, MailFilter, MailJob, User};
use doorward_domain::values::JobId;
use jiff::Timestamp;
use minijinja::{Value, context};

use super::api;
use crate::html::confirmation::SentAct;
use crate::html::console::{AdminCaller, ConsoleSection, ListForm, user_path};
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::name_without_address;
use crate::html::outcome::{self, Outcome};
use crate::http::body::Fields;
use crate::http::paging::{Query, take_page};
use crate::http::problem::Problem;

/// Number of mails on a page.
const PAGE_SIZE: usize = 50;
/// What the list confirms: variants of the message `console-mail-done`.
const DONE: [&str; 3] = ["tested", "retried", "deleted"];

/// The queued mails, newest first. `cursor` in the query selects an older page.
pub(crate) async fn list_page(
    caller: AdminCaller,
    outcome: Outcome,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?.trimmed();
    let form = ListForm::of_query(&query, &["status"]);
    let before = query.id_cursor(JobId::from_bytes)?;
    let status = api::take_status(&mut query);
    let done = outcome.done(&mut query, &DONE);
    query.finish()?;
    let filter = MailFilter {
        status,
        before,
        limit: PAGE_SIZE + 1,
    };
    let (ctx, unsent_mails) = (&caller.ctx, &caller.doorward().unsent_mails);
    let mut mails = unsent_mails.list(ctx, &filter).await?;
    let next = take_page(&mut mails, PAGE_SIZE, |mail| *mail.id.as_bytes());
    let users = unsent_mails.users_of(ctx, &mails).await?;
    let mail = |mail: &MailJob| row(mail, users.get(&mail.id), ctx.now);
    let path = ConsoleSection::Outbox.path();
    let values = context! {
        mails => mails.iter().map(mail).collect::<Vec<_>>(),
        status => status.map(JobStatus::as_str),
        first => before.map(|_| form.link(path, &[])),
        next => next.map(|cursor| form.link(path, &[("cursor", &cursor)])),
        has_address => caller.session().user().mail_address().is_some(),
        done,
    };
    Ok(caller.render(ConsoleSection::Outbox, "outbox/console-list", values))
}

/// A mail in a list, and its user. A user without a name, or one that was deleted, has only the path: the address stays masked.
pub(crate) fn row(mail: &MailJob, user: Option<&User>, now: Timestamp) -> Value {
    let next = mail.next_attempt_at(now);
    let user_id = user.map(|user| user.id).or(mail.user_id);
    let name = user.and_then(name_without_address);
    context! {
        path => format!("/admin/outbox/{}", mail.id),
        kind => mail.kind.as_str(),
        status => mail.status.as_str(),
        to => mail.email.masked(),
        user => user_id.map(|id| context! { path => user_path(&id.to_string()), name }),
        created => moment(mail.created_at),
        attempts => mail.attempts,
        next => next.map(moment),
        is_being_sent => mail.is_leased(now),
        failed => mail.failed_at.map(moment),
        error => mail.last_error.as_deref(),
    }
}

/// A mail, and what it would say now.
pub(crate) async fn mail_page(
    caller: AdminCaller,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let id = api::authorized_id(&caller, Action::ReadOutbox, &id).await?;
    let (ctx, unsent_mails) = (&caller.ctx, &caller.doorward().unsent_mails);
    let viewed = unsent_mails.view(ctx, id).await?;
    let mut users = unsent_mails
        .users_of(ctx, slice::from_ref(&viewed.mail))
        .await?;
    let user = users.remove(&id);
    let text = viewed.text.as_ref();
    let values = context! {
        mail => row(&viewed.mail, user.as_ref(), ctx.now),
        subject => text.map(|text| text.subject.as_str()),
        text => text.map(|text| text.text.as_str()),
    };
    Ok(caller.render(ConsoleSection::Outbox, "outbox/console-mail", values))
}

/// Sends a test mail to the admin.
pub(crate) async fn send_test_mail(caller: AdminCaller) -> Result<Response, Problem> {
    caller
        .doorward()
        .unsent_mails
        .send_test(&caller.ctx)
        .await?;
    Ok(done("tested"))
}

/// Tries a mail again at once.
pub(crate) async fn retry(
    caller: AdminCaller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = api::authorized_id(&caller, Action::ManageOutbox, &id).await?;
    caller
        .doorward()
        .unsent_mails
        .retry(&caller.ctx, id)
        .await?;
    Ok(done("retried"))
}

/// Asks whether to delete a mail.
pub(crate) async fn confirm_deletion(
    caller: AdminCaller,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let id = api::authorized_id(&caller, Action::DeleteMail, &id).await?;
    Ok(deletion_page(&caller, id, &Form::default()).await)
}

/// Deletes a mail, so that it is not sent.
pub(crate) async fn delete(
    caller: AdminCaller,
    Path(id): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let sent = SentAct::new(fields.as_ref());
    let Err(problem) = api::delete(&caller, &id, fields).await else {
        return Ok(done("deleted"));
    };
    let id = api::authorized_id(&caller, Action::DeleteMail, &id).await?;
    match sent.again(&problem) {
        Some(form) => Err(problem.on_page(deletion_page(&caller, id, &form).await)),
        None => Err(problem),
    }
}

async fn deletion_page(caller: &AdminCaller, id: JobId, form: &Form) -> Html<String> {
    let values = context! {
        path => format!("/admin/outbox/{id}"),
        form => Value::from(form),
        ..caller.proof_fields(true).await
    };
    caller.render(ConsoleSection::Outbox, "outbox/console-delete", values)
}

/// Redirects to the list, which says what was done.
fn done(name: &str) -> Response {
    outcome::redirect(&format!("{}?done={name}", ConsoleSection::Outbox.path()))
}
