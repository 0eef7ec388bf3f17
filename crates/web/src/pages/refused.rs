//! The page of a form that was not taken, because it is not known to have been shown to whoever sent it
//! (W-03): the browser keeps no cookies, somebody has signed in or out meanwhile, or another site sent it.
//!
//! It comes back as it was filled in, all but the passwords. A form on a page of its own gets a line in
//! [`page`]; without one its people get the problem's page.

use axum::http::Uri;
use axum::response::Html;

use crate::api::confirmation::read_token;
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
    let secret = || {
        let mut parts = uri.path().split('/').skip(2);
        parts
            .next()
            .and_then(|text| Some((text, read_token(text).ok()?)))
    };
    let page = match route {
        "/auth" => {
            let doors = Doors {
                sign_in: form,
                way_back,
                ..Doors::default()
            };
            pages.welcome(sheet, &doors, has_inbox)
        }
        "/user" => {
            let doors = Doors {
                sign_up: form,
                way_back,
                ..Doors::default()
            };
            pages.welcome(sheet, &doors, has_inbox)
        }
        "/auth/end" => pages.home(sheet, user?, has_inbox, &form),
        "/password" => pages.password(sheet, user, &form),
        "/recovery" => pages.ask_recovery(sheet, &form),
        "/confirmation" => pages.ask_confirmation(sheet, &form),
        "/email-undo/{token}" => {
            let (text, secret) = secret()?;
            let link = app
                .accounts
                .view_email_undo(caller.ctx(), &secret)
                .await
                .ok()?;
            pages.undo_email(sheet, &link.email, text, &form)
        }
        "/recovery/{token}" => {
            let (text, secret) = secret()?;
            let user = app
                .accounts
                .view_recovery(caller.ctx(), &secret)
                .await
                .ok()?;
            pages.recover(sheet, &user, text, &form)
        }
        "/confirmation/{token}" | "/confirmation/{token}/disown" => {
            let (text, secret) = secret()?;
            let user = app
                .accounts
                .view_confirmation(caller.ctx(), &secret)
                .await
                .ok()?;
            let asks = app.accounts.confirmation_asks(&user).await.ok()?;
            pages.confirm(sheet, &user, asks, text, &form)
        }
        _ => return None,
    };
    Some(page)
}
