//! The pages of the console that list users, and that show one.

use axum::extract::Path;
use axum::http::Uri;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::Ctx;
use doorward_domain::devices::ClientProgram;
use doorward_domain::factors::{Factor, FactorList};
use doorward_domain::limits::BACKOFF_DELAYS;
use doorward_domain::model::{AuthMethod, Session, Status, User, UserFilter};
use doorward_domain::store::Order;
use doorward_domain::users::{Account, SignInFailures};
use doorward_domain::values::{EmailAddress, LanguageTag, Name, Refusal, Role, Username};
use minijinja::{Value, context};

use crate::audit::console::event_row;
use crate::html::console::{
    AdminCaller, ConsoleSection, ListForm, can_recover, confirmable_address, is_active,
    requested_address, status, user_path, user_row,
};
use crate::html::dates::{ago, end_of_day, first_of_day, moment};
use crate::html::display_name;
use crate::html::outcome::Outcome;
use crate::http::paging::Query;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::outbox::console::row as mail_row;
use crate::users::admin;
use crate::users::data_pages::data_text;

/// Number of users on a page.
const PAGE_SIZE: usize = 25;
/// Number of wrong passwords in a row after which each attempt has to wait.
const FIRST_DELAY: usize = BACKOFF_DELAYS[0].0 as usize;
/// The parameters of the list.
const FILTERS: [&str; 8] = [
    "q",
    "status",
    "role",
    "second_factor",
    "created_since",
    "created_until",
    "signed_in_since",
    "not_signed_in_since",
];
/// What the page of a user confirms: variants of the message `console-done`.
const DONE: [&str; 14] = [
    "role-changed",
    "disabled",
    "enabled",
    "sessions-ended",
    "session-ended",
    "factor-removed",
    "confirmation-sent",
    "recovery-sent",
    "invitation-sent",
    "saved",
    "change-requested",
    "change-cancelled",
    "deletion-requested",
    "kept",
];

/// The list, newest first, and the results of a search by the word that was found. `cursor` selects the page after a place,
/// and with `back` the page before it. A search for the whole id, username or address of one user leads to the page of this user.
pub(crate) async fn list_page(
    caller: AdminCaller,
    outcome: Outcome,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut query = Query::parse(uri.query())?.trimmed();
    let form = ListForm::of_query(&query, &FILTERS);
    let place = query.cursor(admin::cursor)?;
    let is_back = query.flag("back");
    let done = outcome.done(&mut query, &["deleted"]);
    let filter = admin::take_filter(&mut query, [first_of_day, end_of_day]);
    let path = ConsoleSection::Users.path();
    let template = "users/console-list";
    if let Err(problem) = query.finish() {
        let page = |form: &ListForm| {
            caller.render(
                ConsoleSection::Users,
                template,
                context! { done, ..form.context() },
            )
        };
        return Err(form.rejected(problem, page));
    }
    let order = match filter.text {
        Some(_) => Order::Ascending,
        None => Order::Descending,
    };
    let is_first = place.is_none();
    let searched = filter.text.clone();
    let filter = UserFilter {
        order: if is_back { order.reversed() } else { order },
        after: place,
        limit: PAGE_SIZE,
        ..filter
    };
    let service = &caller.doorward().user_list;
    let mut page = service.list_users(&caller.ctx, &filter).await?;
    if is_back {
        page.users.reverse();
        (page.start, page.next) = (page.next, page.start);
    }
    if let (Some(text), [user], None) = (&searched, page.users.as_slice(), &page.next)
        && is_first
        && is_named(user, text)
    {
        return Ok(see_other(&user_path(&user.id.to_string())));
    }
    let locked_out = service.locked_out(&caller.ctx, &page.users).await?;
    let row = |user: &User| {
        let last = page.last_sign_ins.get(&user.id);
        let is_locked_out = locked_out.contains(&user.id);
        let last_sign_in = last.map(|at| moment(*at));
        context! { last_sign_in, is_locked_out, ..user_row(user) }
    };
    let previous = page.start.filter(|_| !is_first);
    let link = |cursor, more: &[(&str, &str)]| {
        let cursor = admin::cursor_text(&cursor);
        let more = [&[("cursor", cursor.as_str())][..], more].concat();
        form.link(path, &more)
    };
    let values = context! {
        users => page.users.iter().map(row).collect::<Vec<_>>(),
        previous => previous.map(|cursor| link(cursor, &[("back", "1")])),
        next => page.next.map(|cursor| link(cursor, &[])),
        first => (!is_first).then(|| form.link(path, &[])),
        done,
        ..form.context()
    };
    Ok(caller
        .render(ConsoleSection::Users, template, values)
        .into_response())
}

/// Returns `true` if the text is the whole id, username or address of the user, also one to be confirmed.
fn is_named(user: &User, text: &str) -> bool {
    let (username, email) = (Username::parse(text).ok(), EmailAddress::parse(text).ok());
    let is_address = |email: &EmailAddress| {
        let own = [user.email.as_ref(), user.pending_address()];
        own.into_iter()
            .flatten()
            .any(|own| own.key() == email.key())
    };
    text.parse() == Ok(user.id)
        || username
            .is_some_and(|name| user.username.as_ref().map(Username::key) == Some(name.key()))
        || email.as_ref().is_some_and(is_address)
}

/// Everything that the API shows of a user, and what an admin can do.
pub(crate) async fn user_page(
    caller: AdminCaller,
    Path(named): Path<String>,
    outcome: Outcome,
) -> Result<Html<String>, Problem> {
    let (ctx, doorward) = (&caller.ctx, caller.doorward());
    let account = doorward.accounts.view_account(ctx, &named).await?;
    let (user, sessions, factors) = (&account.user, &account.sessions, &account.factors);
    let has_grace = !doorward.policy().deletion_grace.is_zero();
    let event = |event| event_row(event, &account.people);
    let session = |session| session_row(ctx, session);
    let mail = |mail| mail_row(mail, Some(user), ctx.now);
    let values = context! {
        profile => profile(user),
        page => user_path(&user.id.to_string()),
        is_self => user.id == caller.session().user().id,
        sign_in => sign_in(&account),
        acts => acts(user, !sessions.is_empty(), has_grace),
        has_no_link => is_active(user) && user.email.is_none(),
        sessions => sessions.iter().map(session).collect::<Vec<_>>(),
        factors => factor_rows(factors),
        recovery_codes => factors.recovery_codes,
        mails => account.mails.iter().map(mail).collect::<Vec<_>>(),
        activity => account.activity.iter().map(event).collect::<Vec<_>>(),
        done => outcome.one_of(&DONE),
    };
    Ok(caller.render(ConsoleSection::Users, "users/console-user", values))
}

fn profile(user: &User) -> Value {
    context! {
        id => user.id.to_string(),
        person => display_name(user),
        name => user.name.as_ref().map(Name::as_str),
        username => user.username.as_ref().map(Username::as_str),
        email => user.email.as_ref().map(EmailAddress::as_str),
        pending_email => user.pending_address().map(EmailAddress::as_str),
        role => user.role.as_str(),
        status => status(user),
        language => user.preferred_locale.as_ref().map(LanguageTag::as_str),
        created => moment(user.created_at),
        updated => moment(user.updated_at),
        invitation_expires => user.invitation.and_then(|invitation| invitation.expires_at).map(moment),
        deletion_at => user.deletion.map(|deletion| moment(deletion.at)),
        data => data_text(user),
    }
}

/// What may keep the user from signing in.
fn sign_in(account: &Account) -> Value {
    let failures = &account.sign_in_failures;
    let last = failures.last.as_ref();
    context! {
        last => account.last_sign_in_at.map(moment),
        failures => failures.count,
        has_more => failures.count == SignInFailures::MAX,
        is_delayed => failures.count >= FIRST_DELAY,
        failed => last.map(|event| moment(event.at)),
        reason => last.and_then(|event| event.detail.as_deref()).map(failure_reason),
        address => last.and_then(|event| event.address).map(|address| address.to_canonical().to_string()),
        codes_locked_out => failures.codes_locked_out_at.map(moment),
        is_locked_out => failures.is_locked_out,
        locked_out => failures.locked_out_at.map(moment),
        can_recover => can_recover(&account.user),
    }
}

/// Why a sign-in failed: a variant of the message `console-failure`.
fn failure_reason(detail: &str) -> &'static str {
    match Refusal::from_name(detail) {
        Some(Refusal::WrongPassword) => "wrong-password",
        Some(Refusal::WrongCode) => "wrong-code",
        Some(Refusal::EmailNotConfirmed) => "email-not-confirmed",
        Some(Refusal::AccountDisabled) => "account-disabled",
        Some(Refusal::DeletionPending) => "deletion-pending",
        // A sign-in of a known account is not refused for these. A newer release may know others.
        Some(Refusal::UnknownAccount | Refusal::AddressTaken) | None => "other",
    }
}

/// What an admin can do: variants of the message `console-act`, with the paths of their pages below that of the user.
fn acts(user: &User, has_sessions: bool, has_grace: bool) -> Vec<Value> {
    let is_pending = user.deletion.is_some();
    let is_disabled = user.status == Status::Disabled;
    let is_active = is_active(user);
    let is_admin = user.role == Role::Admin;
    let all = [
        ("keep-account", "keep", is_pending),
        (
            "resend-invitation",
            "invitation",
            user.is_invited() && !is_disabled && !is_pending,
        ),
        ("revoke-invitation", "revoke-invitation", user.is_invited()),
        (
            "send-confirmation",
            "confirmation",
            confirmable_address(user).is_some(),
        ),
        ("send-recovery", "recovery", can_recover(user)),
        (
            "cancel-change",
            "cancel-email-change",
            requested_address(user).is_some(),
        ),
        ("edit-profile", "profile", true),
        ("change-email", "email", is_active),
        ("end-sessions", "sessions", has_sessions),
        ("make-admin", "role", !is_admin),
        ("remove-admin", "role", is_admin),
        ("enable", "status", is_disabled),
        ("disable", "status", !is_disabled),
        ("delete", "delete", !is_pending),
        ("delete-now", "delete-now", is_pending || has_grace),
    ];
    let possible = all.into_iter().filter(|(_, _, is_possible)| *is_possible);
    possible
        .map(|(name, page, _)| context! { name, page })
        .collect()
}

fn session_row(ctx: &Ctx, session: &Session) -> Value {
    let is_multi_factor = session.amr.contains(&AuthMethod::MultiFactor);
    let program = ClientProgram::of(session.user_agent.as_deref());
    context! {
        id => session.id.to_string(),
        is_current => ctx.actor.session_id() == Some(session.id),
        name => program.name,
        system => program.system,
        address => session.address.map(|address| address.to_canonical().to_string()),
        active => ago(session.last_seen_at, ctx.now),
        signed_in => moment(session.created_at),
        proved => moment(session.auth_time),
        method => if is_multi_factor { "mfa" } else { "pwd" },
        expires => moment(session.expires_at),
    }
}

fn factor_rows(factors: &FactorList) -> Vec<Value> {
    let row = |factor: &Factor| {
        context! {
            id => factor.id.to_string(),
            name => factor.own_name(),
            is_active => factor.is_active,
            added => moment(factor.created_at),
            last_used => factor.last_used_at.map(moment),
        }
    };
    factors.factors.iter().map(row).collect()
}
