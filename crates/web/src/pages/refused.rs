//! The page of a form that was not taken, because it is not known to have been shown to whoever sent it
//! (W-03): the browser keeps no cookies, somebody has signed in or out meanwhile, or another site sent it.
//!
//! It comes back as it was filled in, all but the passwords. To add a form: its route in [`Stands::of`], which a
//! test holds against the table of routes, and its page below; without them its people get the problem's page.

use axum::http::Uri;
use axum::response::Html;

use crate::api::{confirmation, email_undo, recovery};
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::pages::Doors;
use crate::pages::form::Form;
use crate::pages::way_back::WayBack;
use crate::problem::Problem;

/// Where a form stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    SignIn,
    SignUp,
    SignOut,
    Password,
    AskRecovery,
    AskConfirmation,
    Undo,
    Recover,
    Confirm,
}

impl Stands {
    /// By the route that it posts to.
    fn of(route: &str) -> Option<Self> {
        Some(match route {
            "/auth" => Self::SignIn,
            "/user" => Self::SignUp,
            "/auth/end" => Self::SignOut,
            "/password" => Self::Password,
            "/recovery" => Self::AskRecovery,
            "/confirmation" => Self::AskConfirmation,
            "/email-undo/{token}" => Self::Undo,
            "/recovery/{token}" => Self::Recover,
            "/confirmation/{token}" | "/confirmation/{token}/disown" => Self::Confirm,
            _ => return None,
        })
    }
}

/// The page that the form of that route stands on, with what was typed and what is wrong.
pub(crate) async fn page(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    route: &str,
    mut fields: Fields,
    problem: &Problem,
) -> Option<Html<String>> {
    let (pages, sheet, has_inbox) = (&app.pages, caller.sheet(), app.inbox.is_some());
    let form = Form::of(&fields).refused(problem);
    let way_back = WayBack::of_form(&mut fields, &app.choices.return_origins);
    let user = caller
        .session()
        .map(doorward_domain::flows::sessions::Authenticated::user);
    let doors = |sign_in, sign_up| Doors {
        sign_in,
        sign_up,
        way_back,
    };
    let token = uri.path().split('/').nth(2);
    // The page of a link is none where the link is no good any more.
    let of_link = match Stands::of(route)? {
        Stands::SignIn => {
            return Some(pages.welcome(sheet, &doors(form, Form::default()), has_inbox));
        }
        Stands::SignUp => {
            return Some(pages.welcome(sheet, &doors(Form::default(), form), has_inbox));
        }
        Stands::SignOut => return Some(pages.home(sheet, user?, has_inbox, &form)),
        Stands::Password => return Some(pages.password(sheet, user, &form)),
        Stands::AskRecovery => return Some(pages.ask_recovery(sheet, &form)),
        Stands::AskConfirmation => return Some(pages.ask_confirmation(sheet, &form)),
        Stands::Undo => email_undo::page(app, caller, token?, &form).await,
        Stands::Recover => recovery::page(app, caller, token?, &form).await,
        Stands::Confirm => confirmation::page(app, caller, token?, &form).await,
    };
    of_link.ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;
    use crate::routes::TABLE;

    /// W-03: whatever somebody can post from a page has a page to come back to.
    #[test]
    fn every_form_stands_somewhere() {
        // These are for programs: no page of ours posts there.
        const NO_FORM: [&str; 2] = ["/auth/renewal", "/auth/token"];
        for route in TABLE.iter().filter(|route| route.method == Method::POST) {
            let stands = Stands::of(route.path).is_some();
            assert_eq!(stands, !NO_FORM.contains(&route.path), "{}", route.path);
        }
    }
}
