//! The page of the console that removes a second factor of a user.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::Error;

use crate::factors::api;
use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, done};
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::Problem;

/// Asks whether to remove an authenticator app.
pub(crate) async fn confirm_removal(
    caller: AdminCaller,
    Path((user, id)): Path<(String, String)>,
) -> Result<Html<String>, Problem> {
    confirmation(&caller, (&user, &id), &Form::default()).await
}

async fn confirmation(
    caller: &AdminCaller,
    (user, id): (&str, &str),
    form: &Form,
) -> Result<Html<String>, Problem> {
    let accounts = &caller.doorward().accounts;
    let account = accounts.view_account(&caller.ctx, user).await?;
    let mut factors = account.factors.factors.iter();
    let factor = factors.find(|factor| factor.id.to_string() == id);
    let act = AdminAct::new("remove-factor", format!("factors/{id}")).with_proof();
    let act = act.about(factor.ok_or(Error::NotFound)?.own_name());
    Ok(caller.confirmation(&account.user, &act, form).await)
}

/// Removes an authenticator app.
pub(crate) async fn remove(
    caller: AdminCaller,
    Path((user, id)): Path<(String, String)>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let sent = SentAct::new(fields.as_ref());
    match api::remove(&caller, (&user, &id), fields).await {
        Ok(()) => Ok(done(&user, "factor-removed")),
        Err(problem) => match sent.again(&problem) {
            Some(form) => {
                let page = confirmation(&caller, (&user, &id), &form).await?;
                Err(problem.on_page(page))
            }
            None => Err(problem),
        },
    }
}
