//! `GET /`: a greeting; to somebody signed in, themselves.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use doorward_domain::flows::sessions::Authenticated;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::guard::Caller;
use crate::pages::WelcomeForms;
use crate::pages::form::Form;
use crate::problem::Problem;
use crate::views::{Message, UserView};

/// The greeting.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Home {
    #[serde(flatten)]
    message: Message,
    #[serde(flatten)]
    #[schema(value_type = Option<UserView>)]
    user: Option<UserView>,
}

/// Greets; with a valid session, shows its user as well. An invalid token counts as none.
#[utoipa::path(get, path = "/", tag = "Start", responses((status = 200, description = "The greeting", body = Home)))]
pub(crate) async fn home(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let user = caller.session().map(Authenticated::user);
    if caller.wants_html() {
        let (locale, has_inbox) = (caller.locale(), app.inbox.is_some());
        let page = match user {
            Some(user) => app.pages.home(locale, user, has_inbox, &Form::default()),
            None => app
                .pages
                .welcome(locale, &WelcomeForms::default(), has_inbox),
        };
        return Ok(page.into_response());
    }
    let home = Home {
        message: Message {
            message: "Hello World",
        },
        user: user.map(UserView::from),
    };
    Ok(Json(home).into_response())
}
