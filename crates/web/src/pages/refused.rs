//! The page of a form that was not taken, because it is not known to have been shown to whoever sent it
//! (W-03): the browser keeps no cookies, somebody has signed in or out meanwhile, or another site sent it.
//!
//! It comes back as it was filled in, all but the passwords. A form on a page of its own gets a line in
//! [`page`]; without one its people get the problem's page.

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
    Some(match route {
        "/auth" => pages.welcome(sheet, &doors(form, Form::default()), has_inbox),
        "/user" => pages.welcome(sheet, &doors(Form::default(), form), has_inbox),
        "/auth/end" => pages.home(sheet, user?, has_inbox, &form),
        "/password" => pages.password(sheet, user, &form),
        "/recovery" => pages.ask_recovery(sheet, &form),
        "/confirmation" => pages.ask_confirmation(sheet, &form),
        _ => return page_of_link(app, caller, uri, route, &form).await,
    })
}

/// The same for a form on the page that a link opens; none where the link is no good any more.
async fn page_of_link(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    route: &str,
    form: &Form,
) -> Option<Html<String>> {
    let token = uri.path().split('/').nth(2)?;
    let page = match route {
        "/email-undo/{token}" => email_undo::page(app, caller, token, form).await,
        "/recovery/{token}" => recovery::page(app, caller, token, form).await,
        "/confirmation/{token}" | "/confirmation/{token}/disown" => {
            confirmation::page(app, caller, token, form).await
        }
        _ => return None,
    };
    page.ok()
}
