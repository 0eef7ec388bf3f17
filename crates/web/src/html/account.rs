//! The frame of the account area: the brand and the user's menu above, the sections beside the page.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::error::chain;
use doorward_domain::sessions::Authenticated;
use minijinja::{Value, context};

use crate::html::return_to::{ReturnTo, section_of, sign_in_path, with_return_to};
use crate::html::{display_name, outcome, sign_in_name};
use crate::http::caller::Caller;
use crate::http::cookies::{self, SESSION_COOKIE};
use crate::http::origins::Origins;
use crate::http::responses::see_other;

/// The sign-in page after the session has ended.
const SESSION_ENDED: &str = "/sign-in?session-ended";
/// The sign-in page after a form that was not saved.
const NOT_SAVED: &str = "/sign-in?not-saved";

/// A page of the account area, or several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Profile,
    Email,
    Password,
    Factors,
    Devices,
    Activity,
    Data,
    Delete,
}

impl Section {
    /// All sections, in the order of the navigation.
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Profile,
        Self::Email,
        Self::Password,
        Self::Factors,
        Self::Devices,
        Self::Activity,
        Self::Data,
        Self::Delete,
    ];

    /// Variant of the message `section`, and name of the icon.
    fn name(self) -> &'static str {
        self.path().strip_prefix("/account/").unwrap_or("overview")
    }

    /// Path of its first page.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/account",
            Self::Profile => "/account/profile",
            Self::Email => "/account/email",
            Self::Password => "/account/password",
            Self::Factors => "/account/factors",
            Self::Devices => "/account/devices",
            Self::Activity => "/account/activity",
            Self::Data => "/account/data",
            Self::Delete => "/account/delete",
        }
    }
}

/// The signed-in user of an account page. A browser without a session is redirected to the sign-in page, and comes back
/// afterwards. The row of the page has `RequiredOrSignInPage`.
pub(crate) struct AccountCaller {
    caller: Caller,
    session: Authenticated,
}

impl Deref for AccountCaller {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl AccountCaller {
    /// The session.
    pub(crate) fn session(&self) -> &Authenticated {
        &self.session
    }

    /// Returns whether a proof needs a code, so that a form requires one. `None` if the store does not respond: the
    /// form has the field, and no browser requires it.
    pub(crate) async fn needs_code(&self) -> Option<bool> {
        let needs_code = self.doorward().factors.needs_code(&self.ctx).await;
        let needs_code = needs_code.inspect_err(|error| {
            tracing::warn!(error = %chain(error), "failed to read whether a user has a second factor");
        });
        needs_code.ok()
    }

    /// The names of the user, for the menu.
    pub(crate) fn menu(&self) -> Value {
        let user = self.session.user();
        let (person, login) = (display_name(user), sign_in_name(user));
        context! { person, login => login.filter(|login| person != Some(login)) }
    }

    /// Renders a template in the frame.
    pub(crate) fn render(&self, section: Section, template: &str, values: Value) -> Html<String> {
        let item = |item: Section| context! { name => item.name(), path => item.path() };
        let frame = context! {
            section => section.name(),
            sections => Section::ALL.map(item).to_vec(),
        };
        let values = context! { ..frame, ..self.menu(), ..values };
        self.caller.render(template, values)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AccountCaller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state).await;
        let caller = caller.map_err(IntoResponse::into_response)?;
        match caller.session().cloned() {
            Some(session) => Ok(Self { caller, session }),
            None => {
                let target = page_of(&parts.method, &parts.uri);
                let return_to = ReturnTo::parse(target, &Origins::default());
                Err(to_sign_in(parts, return_to.as_ref()))
            }
        }
    }
}

/// Redirects to the sign-in page, which says that the session has ended and that a form was not saved.
fn to_sign_in(request: &Parts, return_to: Option<&ReturnTo>) -> Response {
    let mut tokens = cookies::values(&request.headers, SESSION_COOKIE);
    let page = match (request.method.is_safe(), tokens.next()) {
        (false, _) => NOT_SAVED,
        (true, Some(_)) => SESSION_ENDED,
        (true, None) => return see_other(&sign_in_path(return_to)),
    };
    outcome::redirect(&with_return_to(page, return_to))
}

/// The page to open after the sign-in: the requested one, or the first page of the section that a form belongs to.
fn page_of<'a>(method: &Method, uri: &'a Uri) -> &'a str {
    if *method == Method::GET {
        return uri.path_and_query().map_or("/", |target| target.as_str());
    }
    section_of(uri.path())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::values::Locale;
    use doorward_messages::Messages;

    use super::*;

    #[test]
    fn each_section_has_a_name_and_an_icon() {
        let (messages, icons) = (
            Messages::builtin(),
            include_str!("../../templates/macros.html"),
        );
        for locale in Locale::ALL {
            let name_of = |section: Section| {
                let values = context! { name => section.name() };
                messages.text(locale, "section", &values).unwrap()
            };
            let names: BTreeSet<_> = Section::ALL.map(name_of).into();
            assert_eq!(names.len(), Section::ALL.len(), "{names:?}");
        }
        for section in Section::ALL {
            let icon = format!("if name == \"{}\" %}}M", section.name());
            assert!(icons.contains(&icon), "no icon: {icon}");
        }
    }
}
