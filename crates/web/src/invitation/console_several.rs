//! The page of the console that invites several users. Each is an invitation as in the API.

use std::collections::BTreeSet;

use axum::response::{Html, IntoResponse, Response};
use doorward_domain::access::{Action, NO_USER};
use doorward_domain::error::chain;
use doorward_domain::invitation::{Invited, NewInvitation};
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{EmailAddress, Invalid, Username};
use doorward_domain::{Ctx, FieldError};
use minijinja::{Value, context};

use crate::html::confirmation::SentAct;
use crate::html::console::AdminCaller;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::invitation::api::Terms;
use crate::invitation::console::{form_page, rejected, row};

const TEMPLATE: &str = "invitation/console-several";
/// Maximum number of users in a form.
const MAX_PEOPLE: usize = 20;

/// A user of the form, and the result.
struct Line {
    text: String,
    result: Result<Invited, Problem>,
}

/// The form that invites several users.
pub(crate) async fn invite_page(caller: AdminCaller) -> Html<String> {
    form_page(&caller, TEMPLATE, &Form::default(), context! {}).await
}

/// Invites the users of the form, and shows the result of each: a link that is not mailed is shown once. The form is shown
/// again with those who were not invited.
pub(crate) async fn invite(caller: AdminCaller, fields: Fields) -> Result<Response, Problem> {
    let sent = SentAct::new(Some(&fields));
    let form = Form::from_fields(&fields);
    let lines = match invite_each(&caller, fields).await {
        Ok(lines) => lines,
        Err(problem) => return Err(rejected(&caller, TEMPLATE, sent, problem).await),
    };
    let (failed, problems): (Vec<&str>, Vec<&Problem>) = lines
        .iter()
        .filter_map(|line| Some((line.text.as_str(), line.result.as_ref().err()?)))
        .unzip();
    let form = match problems.is_empty() {
        true => form,
        false => {
            let failure = Invalid::new("failed", "These users were not invited.");
            form.with_value("people", Some(&failed.join("\n")))
                .with_errors(&invalid_field("people", failure))
        }
    };
    let page = form_page(&caller, TEMPLATE, &form, results(&lines)).await;
    match problems.first() {
        Some(first) if problems.len() == lines.len() => Err((*first).clone().on_page(page)),
        _ => Ok(page.into_response()),
    }
}

async fn invite_each(caller: &AdminCaller, fields: Fields) -> Result<Vec<Line>, Problem> {
    let action = Action::Invite;
    caller.authorize(action).await?;
    let (people, terms, proof) = read(fields)?;
    let ctx = caller.reauthenticate(action, NO_USER, proof).await?;
    let mut lines: Vec<Line> = Vec::new();
    let mut outage: Option<Problem> = None;
    for text in people {
        // The others would fail for the same reason, after the same time.
        let result = match &outage {
            Some(problem) => Err(problem.clone()),
            None => invite_one(caller, &ctx, &text, &terms).await,
        };
        let failed = result.as_ref().err();
        outage = failed
            .filter(|problem| problem.code.status().is_server_error())
            .cloned();
        match result {
            // Required for the role, so for all of them.
            Err(problem)
                if problem.code == Code::ReauthenticationRequired
                    && lines.iter().all(|line| line.result.is_err()) =>
            {
                return Err(problem);
            }
            result => lines.push(Line { text, result }),
        }
    }
    Ok(lines)
}

async fn invite_one(
    caller: &AdminCaller,
    ctx: &Ctx,
    text: &str,
    terms: &Terms,
) -> Result<Invited, Problem> {
    let wanted = parse(text, terms)?;
    let invited = caller.doorward().invitations.invite(ctx, wanted).await;
    invited.map_err(|error| {
        let mut problem = Problem::from(error);
        // Logged here, since most responses are a page of results.
        if let Some(cause) = problem.cause.take() {
            tracing::error!(error = %chain(&*cause), "failed to invite one of several users");
        }
        problem
    })
}

fn read(mut fields: Fields) -> Result<(Vec<String>, Terms, Option<Proof>), Problem> {
    let people = fields.required("people", parse_people);
    let terms = Terms::take(&mut fields);
    let proof = fields.proof();
    fields.finish(|| people.map(|people| (people, terms, proof)))
}

/// Parses the lines. A user who is listed twice is invited once.
fn parse_people(text: &str) -> Result<Vec<String>, Invalid> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut known = BTreeSet::new();
    let people: Vec<_> = lines
        .filter(|line| known.insert(line.to_lowercase()))
        .map(str::to_owned)
        .collect();
    match people.len() {
        0 => Err(Invalid::new("missing", "`people` is required.")),
        1..=MAX_PEOPLE => Ok(people),
        _ => Err(Invalid::new("too-many", "At most 20 users.")),
    }
}

/// Parses a line: a username, an address, or both.
fn parse(line: &str, terms: &Terms) -> Result<NewInvitation, Problem> {
    let fault = |field| move |invalid| invalid_field(field, invalid);
    let words: Vec<&str> = line.split_whitespace().collect();
    let (emails, usernames): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.contains('@'));
    // More than one is not a value of its kind.
    let whole = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(" "));
    let email = whole(emails).map(|text| EmailAddress::parse(&text));
    let username = whole(usernames).map(|text| Username::parse_new(&text));
    Ok(NewInvitation {
        email: email.transpose().map_err(fault("email"))?,
        username: username.transpose().map_err(fault("username"))?,
        ..terms.invitation()
    })
}

fn invalid_field(name: &str, invalid: Invalid) -> Problem {
    Problem::invalid(vec![FieldError::new(name, invalid)])
}

/// The results, for the template.
fn results(lines: &[Line]) -> Value {
    let result = |line: &Line| {
        let invited = line.result.as_ref().ok();
        let fault = |problem: &Problem| Value::from(&Form::default().with_errors(problem));
        context! {
            text => &line.text,
            user => invited.map(|invited| row(&invited.user)),
            url => invited.and_then(|invited| Some(invited.url.as_ref()?.expose())),
            fault => line.result.as_ref().err().map(fault),
        }
    };
    let has_link = |line: &Line| {
        let invited = line.result.as_ref();
        invited.is_ok_and(|invited| invited.url.is_some())
    };
    context! {
        results => lines.iter().map(result).collect::<Vec<_>>(),
        has_links => lines.iter().any(has_link),
    }
}
