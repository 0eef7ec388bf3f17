//! The console at `/admin`: who reaches it, its frame, and what its lists share.
//!
//! It does nothing that the API cannot: its handlers, in the `console*.rs` of a feature, call the same services. A row of its
//! pages ends with `.console(…)`, so that the guard hides it from other networks (`console.networks`).

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::access::Action;
use doorward_domain::model::{Status, User};
use doorward_domain::users::ViewedUser;
use doorward_domain::values::{EmailAddress, UserId, Username};
use minijinja::value::Serde;
use minijinja::{Value, context};
use percent_encoding::utf8_percent_encode;

use crate::html::account::AccountCaller;
use crate::html::dates::moment;
use crate::html::display_name;
use crate::html::outcome;
use crate::html::return_to::VALUE_ESCAPES;
use crate::http::paging::{EMPTY_RANGE, Query};
use crate::http::problem::Problem;

/// A part of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleSection {
    Overview,
    Users,
    Invitations,
    Audit,
    Outbox,
    Keys,
    Health,
    Settings,
}

impl ConsoleSection {
    /// All sections, in the order of the navigation.
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Users,
        Self::Invitations,
        Self::Audit,
        Self::Outbox,
        Self::Keys,
        Self::Health,
        Self::Settings,
    ];

    /// Variant of the message `console-section`.
    fn name(self) -> &'static str {
        self.path().strip_prefix("/admin/").unwrap_or("overview")
    }

    /// Name of the icon.
    fn icon(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Users => "profile",
            Self::Invitations => "invitation",
            Self::Audit => "activity",
            Self::Outbox => "email",
            Self::Keys => "password",
            Self::Health => "factors",
            Self::Settings => "settings",
        }
    }

    /// Path of its first page.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Users => "/admin/users",
            Self::Invitations => "/admin/invitations",
            Self::Audit => "/admin/audit",
            Self::Outbox => "/admin/outbox",
            Self::Keys => "/admin/keys",
            Self::Health => "/admin/health",
            Self::Settings => "/admin/settings",
        }
    }
}

/// The admin of a request to the console. A browser without a session is redirected to the sign-in page, and comes back
/// afterwards. A user who is no admin gets the same 403 as from the API (Z-02), with an audit event that has the target.
pub(crate) struct AdminCaller(AccountCaller);

impl Deref for AdminCaller {
    type Target = AccountCaller;

    fn deref(&self) -> &AccountCaller {
        &self.0
    }
}

impl AdminCaller {
    /// Renders a template in the frame.
    pub(crate) fn render(
        &self,
        section: ConsoleSection,
        template: &str,
        values: Value,
    ) -> Html<String> {
        let item = |item: ConsoleSection| context! { name => item.name(), path => item.path(), icon => item.icon() };
        let frame = context! {
            section => section.name(),
            sections => ConsoleSection::ALL.map(item).to_vec(),
        };
        let values = context! { ..frame, ..self.menu(), ..values };
        self.0.deref().render(template, values)
    }

    /// The user that a path names. This is an audit event, unless it is the admin.
    pub(crate) async fn view(&self, named: &str) -> Result<ViewedUser, Problem> {
        let profile = &self.doorward().profile;
        let viewed = profile.view_in_session(&self.ctx, self.session(), named);
        Ok(viewed.await?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AdminCaller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let caller = AccountCaller::from_request_parts(parts, state).await?;
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let user = path.ok().and_then(|Path(mut path)| path.remove("user"));
        let (ctx, action) = (&caller.ctx, Action::ListUsers);
        let allowed = match &user {
            Some(named) => {
                caller
                    .doorward()
                    .authorize_by_name(ctx, action, named)
                    .await
            }
            None => caller.authorize(action).await,
        };
        allowed.map_err(|error| Problem::from(error).into_response())?;
        Ok(Self(caller))
    }
}

/// Path of the page of a user.
pub(crate) fn user_path(named: &str) -> String {
    format!("/admin/users/{}", utf8_percent_encode(named, VALUE_ESCAPES))
}

/// Redirects to the page of a user, which says what was done: a variant of the message `console-done`.
pub(crate) fn done(named: &str, flag: &str) -> Response {
    outcome::redirect(&format!("{}?{flag}", user_path(named)))
}

/// Redirects to the list of users, after one was deleted.
pub(crate) fn deleted() -> Response {
    outcome::redirect("/admin/users?done=deleted")
}

/// Returns `true` if a link to set a new password can be sent.
pub(crate) fn can_recover(user: &User) -> bool {
    user.email.is_some() && is_active(user)
}

/// The address to which a confirmation can be sent.
pub(crate) fn confirmable_address(user: &User) -> Option<&EmailAddress> {
    let address = user.unconfirmed_address();
    address.filter(|_| user.status != Status::Disabled)
}

/// Returns `true` if the account is neither disabled, nor unconfirmed, nor about to be deleted.
pub(crate) fn is_active(user: &User) -> bool {
    user.status == Status::Active && user.deletion.is_none()
}

/// The new address of a change that can be cancelled. That of a sign-up is not a change.
pub(crate) fn requested_address(user: &User) -> Option<&EmailAddress> {
    user.pending_address().filter(|_| user.has_identifier())
}

/// A user that something names by the id: also the display name, unless the user is deleted.
pub(crate) fn person(id: UserId, user: Option<&User>) -> Value {
    let id = id.to_string();
    context! { path => user_path(&id), name => user.and_then(display_name), id }
}

/// A user in a list.
pub(crate) fn user_row(user: &User) -> Value {
    let username = user.username.as_ref().map(Username::as_str);
    let email = user.email.as_ref().or(user.pending_address());
    let email = email.map(EmailAddress::as_str);
    let person = display_name(user);
    context! {
        path => user_path(&user.id.to_string()),
        person,
        username => username.filter(|name| person != Some(name)),
        email => email.filter(|email| person != Some(email)),
        status => status(user),
        role => user.role.as_str(),
        created => moment(user.created_at),
    }
}

/// Variant of the message `console-status`.
pub(crate) fn status(user: &User) -> &'static str {
    match user.deletion {
        Some(_) => "deletion",
        None if user.status == Status::Pending && user.is_invited() => "invited",
        None => user.status.as_str(),
    }
}

/// The parameters of a list, for its form and its links.
pub(crate) struct ListForm {
    values: BTreeMap<&'static str, String>,
    /// The invalid ones, each with what it must be: a variant of the message `fault-filter`.
    faults: BTreeMap<&'static str, &'static str>,
}

impl ListForm {
    /// Reads these parameters of a query, and leaves them in it.
    pub(crate) fn of_query(query: &Query, names: &[&'static str]) -> Self {
        let entry = |name: &&'static str| (*name, query.text(name).unwrap_or_default().to_owned());
        Self {
            values: names.iter().map(entry).collect(),
            faults: BTreeMap::new(),
        }
    }

    /// A form with one value.
    pub(crate) fn of(name: &'static str, value: &str) -> Self {
        Self {
            values: BTreeMap::from([(name, value.to_owned())]),
            faults: BTreeMap::new(),
        }
    }

    /// The entered value.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The problem, whose page shows this form again with its errors. One with other parameters has its own page.
    pub(crate) fn rejected(
        mut self,
        problem: Problem,
        page: impl FnOnce(&Self) -> Html<String>,
    ) -> Problem {
        for error in &problem.errors {
            let mut names = self.values.keys().copied();
            let Some(name) = names.find(|name| *name == error.field) else {
                return problem;
            };
            self.faults.insert(name, kind_of(name, error.invalid.code));
        }
        let page = page(&self);
        problem.on_page(page)
    }

    /// The link to another page of the list, with more parameters.
    pub(crate) fn link(&self, path: &str, more: &[(&str, &str)]) -> String {
        let filled = self.values.iter().filter(|(_, text)| !text.is_empty());
        let filled = filled.map(|(name, text)| (*name, text.as_str()));
        let pairs = filled.chain(more.iter().copied());
        let pairs = pairs.map(|(name, text)| {
            let text = utf8_percent_encode(text, VALUE_ESCAPES);
            format!("{name}={text}")
        });
        let pairs: Vec<_> = pairs.collect();
        match pairs.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", pairs.join("&")),
        }
    }

    /// This form with another value.
    pub(crate) fn with(&self, name: &'static str, value: Option<String>) -> Self {
        let mut values = self.values.clone();
        values.insert(name, value.unwrap_or_default());
        Self {
            values,
            faults: self.faults.clone(),
        }
    }

    /// What the templates need: the entered values and their errors.
    pub(crate) fn context(&self) -> Value {
        let names = self.values.keys();
        let fault = |name| self.faults.get(name).copied().unwrap_or_default();
        let faults: BTreeMap<&str, &str> = names.map(|name| (*name, fault(name))).collect();
        context! {
            filters => Value::from(Serde(self.values.clone())),
            faults => Value::from(Serde(faults)),
            form => context! {
                is_rejected => !self.faults.is_empty(),
                is_filled => self.values.values().any(|text| !text.is_empty()),
            },
        }
    }
}

/// What the parameter of a list must be, by the code of its error: a variant of the message `fault-filter`.
fn kind_of(name: &str, code: &str) -> &'static str {
    match name {
        "not_signed_in_since" if code == EMPTY_RANGE => "sign-ins",
        _ if code == EMPTY_RANGE => "range",
        "q" => "text",
        "address" => "network",
        "since"
        | "until"
        | "created_since"
        | "created_until"
        | "signed_in_since"
        | "not_signed_in_since" => "day",
        _ => "choice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_another_page_keeps_what_was_entered() {
        let query = Query::parse(Some("q=b%26n+%C3%BC&status=&cursor=x")).unwrap();
        let form = ListForm::of_query(&query, &["q", "status", "role"]);
        assert_eq!(
            form.link("/admin/users", &[("cursor", "00ff")]),
            "/admin/users?q=b%26n%20%C3%BC&cursor=00ff"
        );
    }

    #[test]
    fn the_name_of_a_user_is_encoded_in_a_path() {
        assert_eq!(user_path("bén/x"), "/admin/users/b%C3%A9n%2Fx");
    }
}
