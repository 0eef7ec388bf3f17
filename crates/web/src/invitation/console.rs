//! The pages of the console that list invitations, invite a user, and send an invitation again or revoke it.

use axum::extract::Path;
use axum::http::Uri;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::invitation::Invited;
use doorward_domain::model::User;
use doorward_domain::values::{EmailAddress, Role, UserId};
use minijinja::{Value, context};

use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, ConsoleSection, ListForm, done, user_row};
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::paging::{Query, take_page};
use crate::http::problem::{Code, Problem};
use crate::invitation::api;
use crate::invitation::view::address;

/// Number of invitations on a page.
const PAGE_SIZE: usize = 25;
/// The form for one user.
const FORM: &str = "invitation/console-new";
/// What the list confirms: variants of the message `console-done`.
const DONE: [&str; 2] = ["invitation-sent", "invitation-revoked"];

/// The invitations with a status, those of the newest users first. `cursor` in the query selects an older page.
pub(crate) async fn list_page(
    caller: AdminCaller,
    outcome: Outcome,
    uri: Uri,
) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?.trimmed();
    let form = ListForm::of_query(&query, &["status"]);
    let before = query.id_cursor(UserId::from_bytes)?;
    let status = api::take_status(&mut query);
    let done = outcome.done(&mut query, &DONE);
    query.finish()?;
    let (ctx, invitations) = (&caller.ctx, &caller.doorward().invitations);
    let mut users = invitations.list(ctx, status, before, PAGE_SIZE + 1).await?;
    let next = take_page(&mut users, PAGE_SIZE, |user| *user.id.as_bytes());
    let path = ConsoleSection::Invitations.path();
    let values = context! {
        status => status.as_str(),
        users => users.iter().map(row).collect::<Vec<_>>(),
        first => before.map(|_| form.link(path, &[])),
        next => next.map(|cursor| form.link(path, &[("cursor", &cursor)])),
        done,
    };
    Ok(caller.render(
        ConsoleSection::Invitations,
        "invitation/console-list",
        values,
    ))
}

/// An invited user, with the invitation.
pub(super) fn row(user: &User) -> Value {
    let invitation = user.invitation.as_ref();
    context! {
        delivery => invitation.map(|invitation| invitation.delivery.as_str()),
        sent => invitation.map(|invitation| moment(invitation.invited_at)),
        expires => invitation.and_then(|invitation| invitation.expires_at).map(moment),
        ..user_row(user)
    }
}

/// The form that invites a user.
pub(crate) async fn invite_page(caller: AdminCaller) -> Html<String> {
    form_page(&caller, FORM, &Form::default(), context! {}).await
}

/// Invites a user. A link that is not mailed is shown once.
pub(crate) async fn invite(caller: AdminCaller, fields: Fields) -> Result<Response, Problem> {
    let sent = SentAct::new(Some(&fields));
    match api::create(&caller, fields).await {
        Ok(invited) => {
            let sent = || outcome::redirect("/admin/invitations?done=invitation-sent");
            Ok(link_page(&caller, &invited).unwrap_or_else(sent))
        }
        Err(problem) => Err(rejected(&caller, FORM, sent, problem).await),
    }
}

/// The problem of a form that invites. If it can be corrected, the page shows the form again, and asks for the proof if it is
/// missing.
pub(super) async fn rejected(
    caller: &AdminCaller,
    template: &str,
    sent: SentAct,
    problem: Problem,
) -> Problem {
    let asks_for_proof = (sent.has_proof() && !caller.has_recorded_proof())
        || problem.code == Code::ReauthenticationRequired;
    let Some(form) = sent.again(&problem) else {
        return problem;
    };
    let values = match asks_for_proof {
        true => context! { asks_for_proof, needs_code => caller.needs_code().await },
        false => context! {},
    };
    problem.on_page(form_page(caller, template, &form, values).await)
}

/// The page of a form that invites, with more values.
pub(super) async fn form_page(
    caller: &AdminCaller,
    template: &str,
    form: &Form,
    values: Value,
) -> Html<String> {
    let defaults = context! {
        asks_for_proof => false,
        needs_code => false,
        results => Vec::<Value>::new(),
        has_links => false,
        username => sign_in_name(caller.session().user()),
        form => Value::from(form),
    };
    let values = context! { ..values, ..defaults };
    caller.render(ConsoleSection::Invitations, template, values)
}

/// The page with the link, if it was not mailed.
fn link_page(caller: &AdminCaller, invited: &Invited) -> Option<Response> {
    let user = &invited.user;
    let values = context! {
        url => invited.url.as_ref()?.expose(),
        user => row(user),
    };
    let page = caller.render(
        ConsoleSection::Invitations,
        "invitation/console-link",
        values,
    );
    Some(page.into_response())
}

fn resend_act(user: &User) -> AdminAct {
    let act = AdminAct::new("resend-invitation", "invitation");
    let act = act.about(address(user).map(EmailAddress::as_str));
    match user.role {
        Role::Admin => act.with_proof(),
        Role::User => act,
    }
}

fn revoke_act() -> AdminAct {
    AdminAct::new("revoke-invitation", "revoke-invitation")
}

/// Asks whether to send an invitation again. The page of the user, if it is accepted.
pub(crate) async fn confirm_resending(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let act = |user: &User| user.is_invited().then(|| resend_act(user));
    caller.confirm_if(&named, act).await
}

/// Asks whether to revoke an invitation. The page of the user, if it is accepted.
pub(crate) async fn confirm_revoking(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let act = |user: &User| user.is_invited().then(revoke_act);
    caller.confirm_if(&named, act).await
}

/// Sends an invitation again. A link that is not mailed is shown once.
pub(crate) async fn resend(
    caller: AdminCaller,
    Path(named): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let sent = SentAct::new(fields.as_ref());
    match api::send_again(&caller, &named, fields).await {
        Ok(invited) => {
            let sent = || done(&named, "invitation-sent");
            Ok(link_page(&caller, &invited).unwrap_or_else(sent))
        }
        Err(problem) => Err(caller.rejected(&named, resend_act, sent, problem).await),
    }
}

/// Revokes an invitation, which deletes its user.
pub(crate) async fn revoke(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Response, Problem> {
    let invitations = &caller.doorward().invitations;
    match invitations.revoke(&caller.ctx, &named).await {
        Ok(()) => Ok(outcome::redirect(
            "/admin/invitations?done=invitation-revoked",
        )),
        Err(error) => {
            let (act, sent) = (|_: &User| revoke_act(), SentAct::new(None));
            Err(caller.rejected(&named, act, sent, error.into()).await)
        }
    }
}
