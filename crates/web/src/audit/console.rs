//! The page of the console with the audit log.

use axum::http::Uri;
use axum::response::Html;
use doorward_domain::devices::ClientProgram;
use doorward_domain::limits::GUESS;
use doorward_domain::model::{
    AuditEvent, AuditFilter, AuditKind, AuditVerification, MailKind, Outcome, Status, User,
    actor_id,
};
use doorward_domain::users::People;
use doorward_domain::values::{AuditEventId, DisableReason, Role, UserId};
use jiff::Timestamp;
use minijinja::{Value, context};

use crate::audit::api::AuditQuery;
use crate::audit::named_user::NamedUser;
use crate::html::console::{AdminCaller, ConsoleSection, ListForm, person, user_row};
use crate::html::dates::{end_of_day, first_of_day, moment};
use crate::html::sign_in_name;
use crate::http::paging::{Query, cursor_text};
use crate::http::problem::Problem;

const TEMPLATE: &str = "audit/console";
/// Number of events on a page.
const PAGE_SIZE: usize = 50;
/// The parameters of the page.
const FILTERS: [&str; 8] = [
    "user", "actor", "event", "outcome", "address", "since", "until", "views",
];
/// Kinds that are never written.
const UNWRITTEN: [AuditKind; 2] = [AuditKind::Unreadable, AuditKind::Other];

/// The audit log, newest first. `cursor` in the query selects an older page.
pub(crate) async fn audit_page(caller: AdminCaller, uri: Uri) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?.trimmed();
    let form = ListForm::of_query(&query, &FILTERS);
    let before = query.id_cursor(AuditEventId::from_bytes)?;
    let mut wanted = AuditQuery::take(&mut query, [first_of_day, end_of_day]);
    if let Err(problem) = query.finish() {
        let page = |form: &ListForm| {
            let values = context! { kinds => kinds(), ..form.context() };
            caller.render(ConsoleSection::Audit, TEMPLATE, values)
        };
        return Err(form.rejected(problem, page));
    }
    let user = NamedUser::find(&caller, wanted.user.take().as_deref()).await?;
    let actor = NamedUser::find(&caller, wanted.actor.take().as_deref()).await?;
    let shows_views = wanted.views == Some(true);
    let mut filter = wanted.filter(&caller).await?;
    (filter.user_id, filter.actor_id) = (user.id(), actor.id());
    (filter.before, filter.limit) = (before, PAGE_SIZE);
    // An admin who reads the log would mostly find the views of admins.
    filter.without_views = !shows_views && filter.event.is_none();
    let choices = [("user", &user), ("actor", &actor)].map(|named| choices(&form, named));
    let values = match choices {
        [None, None] => {
            let names_no_user = [&user, &actor]
                .iter()
                .any(|named| matches!(named, NamedUser::Unknown));
            context! { names_no_user, ..events(&caller, &form, &filter).await? }
        }
        [user, actor] => context! { choices => context! { user, actor } },
    };
    let values = context! { ..values, ..form.context() };
    let values = context! { kinds => kinds(), ..values };
    Ok(caller.render(ConsoleSection::Audit, TEMPLATE, values))
}

/// The events that the filter selects, and its users.
async fn events(
    caller: &AdminCaller,
    form: &ListForm,
    filter: &AuditFilter,
) -> Result<Value, Problem> {
    let (ctx, audit) = (&caller.ctx, &caller.doorward().audit);
    let page = audit.list(ctx, filter).await?;
    let people = audit.people(ctx, filter, &page.events).await?;
    let status = audit.status(ctx).await?;
    let selected = |id: Option<UserId>| id.and_then(|id| people.get(&id)).map(user_row);
    let (user, actor) = (selected(filter.user_id), selected(filter.actor_id));
    let with_ids = with_ids(form, filter);
    let next = page.next.map(|next| cursor_text(next.as_bytes()));
    let path = ConsoleSection::Audit.path();
    Ok(context! {
        verified => status.verified.as_ref().map(verification),
        broken_at => status.broken_at.map(moment),
        download => download(&with_ids, filter),
        events => page.events.iter().map(|event| event_row(event, &people)).collect::<Vec<_>>(),
        selected => context! { user, actor },
        first => filter.before.map(|_| with_ids.link(path, &[])),
        next => next.map(|cursor| with_ids.link(path, &[("cursor", &cursor)])),
    })
}

/// The form with the ids of its users, which need no search.
fn with_ids(form: &ListForm, filter: &AuditFilter) -> ListForm {
    let id = |id: Option<UserId>| id.map(|id| id.to_string());
    form.with("user", id(filter.user_id))
        .with("actor", id(filter.actor_id))
}

/// The link to the download of what the list has. It takes times, and the form takes days.
fn download(form: &ListForm, filter: &AuditFilter) -> String {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    form.with("since", time(filter.since))
        .with("until", time(filter.until))
        .with("views", filter.without_views.then(|| "false".to_owned()))
        .link("/audit/export", &[])
}

/// The users that the filter `name` finds, each with the link that selects this user, if there are several.
fn choices(form: &ListForm, (name, found): (&'static str, &NamedUser)) -> Option<Value> {
    let NamedUser::Several(page) = found else {
        return None;
    };
    let choice = |user: &User| {
        let login = sign_in_name(user).map_or_else(|| user.id.to_string(), str::to_owned);
        let selecting = form.with(name, Some(login));
        let path = selecting.link(ConsoleSection::Audit.path(), &[]);
        context! { path, ..user_row(user) }
    };
    let text = form.value(name);
    let all = ListForm::of("q", text).link(ConsoleSection::Users.path(), &[]);
    Some(context! {
        text,
        users => page.users.iter().map(choice).collect::<Vec<_>>(),
        all => page.next.as_ref().map(|_| all),
    })
}

/// The kinds that the form offers.
fn kinds() -> Vec<&'static str> {
    let kinds = AuditKind::ALL.iter();
    let written = kinds.filter(|kind| !UNWRITTEN.contains(kind));
    written.map(|kind| kind.as_str()).collect()
}

fn verification(verified: &AuditVerification) -> Value {
    context! {
        at => moment(verified.at),
        events => verified.events,
        finding => verified.finding.as_deref(),
    }
}

/// An event with its words, which are a variant of the message `console-kind`, and with the names of its users.
pub(crate) fn event_row(event: &AuditEvent, people: &People) -> Value {
    let actor_id = actor_id(&event.actor);
    let person = |id: UserId| person(id, people.get(&id));
    let program = ClientProgram::of(event.user_agent.as_deref());
    context! {
        at => moment(event.at),
        event => event.event.as_str(),
        words => words(event),
        reason => reason(event),
        is_failed => event.outcome == Outcome::Failure,
        user => event.user_id.map(person),
        is_by_user => actor_id.is_some() && actor_id == event.user_id,
        actor => actor_id.map(person),
        actor_name => (actor_id.is_none() && !is_sign_in(event)).then_some(event.actor.as_str()),
        name => program.name,
        system => program.system,
        address => event.address.map(|address| address.to_canonical().to_string()),
        mail => mail(event),
        detail => detail(event),
        request_id => &event.request_id,
    }
}

/// The kind of the mail that the event is about: a variant of the message `console-mail`.
fn mail(event: &AuditEvent) -> Option<&'static str> {
    let is_about_mail = matches!(
        event.event,
        AuditKind::MailSent
            | AuditKind::MailFailed
            | AuditKind::MailViewed
            | AuditKind::MailRetried
            | AuditKind::MailDeleted
    );
    let detail = event.detail.as_deref().filter(|_| is_about_mail)?;
    let (kind, _) = detail.split_once(' ')?;
    MailKind::from_name(kind).map(MailKind::as_str)
}

/// Variant of the message `console-kind`: the kind, or what it did to a role or a status.
fn words(event: &AuditEvent) -> &'static str {
    let detail = event.detail.as_deref().unwrap_or_default();
    let value = detail.split(": ").next().unwrap_or_default();
    match (event.event, event.outcome) {
        (AuditKind::RoleChanged, Outcome::Success) => match Role::from_name(value) {
            Some(Role::Admin) => "made-admin",
            Some(Role::User) => "admin-removed",
            None => event.event.as_str(),
        },
        (AuditKind::StatusChanged, Outcome::Success) => match Status::from_name(value) {
            Some(Status::Disabled) => "disabled",
            Some(Status::Active) => "enabled",
            Some(Status::Pending) | None => event.event.as_str(),
        },
        _ => event.event.as_str(),
    }
}

/// Returns `true` for a sign-in of the user, who is not signed in before it.
fn is_sign_in(event: &AuditEvent) -> bool {
    event.event == AuditKind::SignIn && event.outcome == Outcome::Success && event.user_id.is_some()
}

/// The detail, unless it is a code that the words and the reason say.
fn detail(event: &AuditEvent) -> Option<&str> {
    let detail = event.detail.as_deref()?;
    let is_said = match event.event {
        AuditKind::Throttled => detail == GUESS,
        kind => {
            let has_reason = detail.contains(": ");
            words(event) != kind.as_str() && has_reason == reason(event).is_some()
        }
    };
    (!is_said).then_some(detail)
}

/// Why an account was disabled: a variant of the message `console-reason-name`.
fn reason(event: &AuditEvent) -> Option<&'static str> {
    let (_, reason) = event.detail.as_deref()?.split_once(": ")?;
    let is_change = event.event == AuditKind::StatusChanged;
    let reason = DisableReason::parse(reason).ok().filter(|_| is_change);
    Some(reason?.as_str())
}
