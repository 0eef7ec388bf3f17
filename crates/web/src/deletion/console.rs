//! The pages of the console that delete a user, and that keep one.

use axum::extract::Path;
use axum::response::Response;
use doorward_domain::access::Action;

use crate::deletion::api;
use crate::deletion::pages::signed_out;
use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, deleted, done};
use crate::http::body::{Fields, optional_proof};
use crate::http::handler::{AnyHandler, handler};
use crate::http::problem::Problem;

/// What to do with an account.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Delete it after some days.
    Request,
    /// Delete it at once.
    Delete,
    /// Cancel its deletion.
    Keep,
}

impl Step {
    fn act(self) -> AdminAct {
        let (name, page) = match self {
            Self::Request => ("delete", "delete"),
            Self::Delete => ("delete-now", "delete-now"),
            Self::Keep => ("keep-account", "keep"),
        };
        AdminAct::new(name, page).with_proof()
    }

    /// Calls what the API calls, and leads to the page that shows the result. Admins whose own account it is are signed out.
    async fn take(
        self,
        caller: &AdminCaller,
        named: &str,
        fields: Option<Fields>,
    ) -> Result<Response, Problem> {
        let (deletion, proof) = (&caller.doorward().deletion, optional_proof(fields)?);
        let own = caller.session().user();
        match self {
            Self::Request => {
                let user = api::request(caller, named, proof, None, None).await?;
                Ok(match user.deletion {
                    _ if user.id == own.id => signed_out(&user),
                    Some(_) => done(&user.id.to_string(), "deletion-requested"),
                    None => deleted(),
                })
            }
            Self::Delete => {
                let ctx = caller.reauthenticate(Action::DeleteUser, named, proof);
                let id = deletion.delete(&ctx.await?, named, None).await?;
                Ok(match id == own.id {
                    true => signed_out(own),
                    false => deleted(),
                })
            }
            Self::Keep => {
                let ctx = caller.reauthenticate(Action::CancelDeletion, named, proof);
                let kept = deletion.cancel(&ctx.await?, named, None).await?;
                Ok(done(&kept.id.to_string(), "kept"))
            }
        }
    }

    async fn respond(
        self,
        caller: &AdminCaller,
        named: &str,
        fields: Option<Fields>,
    ) -> Result<Response, Problem> {
        let sent = SentAct::new(fields.as_ref());
        match self.take(caller, named, fields).await {
            Ok(response) => Ok(response),
            Err(problem) => Err(caller.rejected(named, |_| self.act(), sent, problem).await),
        }
    }
}

/// The page that asks whether to take a step.
pub(crate) fn confirm(step: Step) -> AnyHandler {
    handler(async move |caller: AdminCaller, Path(user): Path<String>| {
        caller.confirm(&user, &step.act()).await
    })
}

/// Takes a step.
pub(crate) fn respond(step: Step) -> AnyHandler {
    handler(
        async move |caller: AdminCaller, Path(user): Path<String>, fields: Option<Fields>| {
            step.respond(&caller, &user, fields).await
        },
    )
}
