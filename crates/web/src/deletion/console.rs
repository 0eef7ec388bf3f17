//! The pages of the console that delete a user, and that keep one.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::access::Action;
use doorward_domain::model::User;

use crate::deletion::api;
use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, deleted, done};
use crate::http::body::{Fields, optional_proof};
use crate::http::problem::Problem;

/// What to do with an account.
#[derive(Clone, Copy)]
enum Step {
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

    /// Calls what the API calls. `None` if the user no longer exists.
    async fn take(
        self,
        caller: &AdminCaller,
        user: &str,
        fields: Option<Fields>,
    ) -> Result<Option<User>, Problem> {
        let (doorward, proof) = (caller.doorward(), optional_proof(fields)?);
        match self {
            Self::Request => {
                let requested = api::request(caller, user, proof, None, None).await?;
                Ok(requested.deletion.is_some().then_some(requested))
            }
            Self::Delete => {
                let ctx = caller.reauthenticate(Action::DeleteUser, user, proof);
                doorward.deletion.delete(&ctx.await?, user, None).await?;
                Ok(None)
            }
            Self::Keep => {
                let ctx = caller.reauthenticate(Action::CancelDeletion, user, proof);
                let kept = doorward.deletion.cancel(&ctx.await?, user, None).await?;
                Ok(Some(kept))
            }
        }
    }

    async fn respond(
        self,
        caller: &AdminCaller,
        user: &str,
        fields: Option<Fields>,
    ) -> Result<Response, Problem> {
        let sent = SentAct::new(fields.as_ref());
        match self.take(caller, user, fields).await {
            Ok(Some(user)) if user.deletion.is_some() => {
                Ok(done(&user.id.to_string(), "deletion-requested"))
            }
            Ok(Some(user)) => Ok(done(&user.id.to_string(), "kept")),
            Ok(None) => Ok(deleted()),
            Err(problem) => Err(caller.rejected(user, |_| self.act(), sent, problem).await),
        }
    }
}

/// Asks whether to delete a user after some days.
pub(crate) async fn confirm_request(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Html<String>, Problem> {
    caller.confirm(&user, &Step::Request.act()).await
}

/// Requests the deletion.
pub(crate) async fn request(
    caller: AdminCaller,
    Path(user): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    Step::Request.respond(&caller, &user, fields).await
}

/// Asks whether to delete a user at once.
pub(crate) async fn confirm_delete(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Html<String>, Problem> {
    caller.confirm(&user, &Step::Delete.act()).await
}

/// Deletes a user at once.
pub(crate) async fn delete(
    caller: AdminCaller,
    Path(user): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    Step::Delete.respond(&caller, &user, fields).await
}

/// Asks whether to cancel a deletion.
pub(crate) async fn confirm_keep(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Html<String>, Problem> {
    caller.confirm(&user, &Step::Keep.act()).await
}

/// Cancels a deletion.
pub(crate) async fn keep(
    caller: AdminCaller,
    Path(user): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    Step::Keep.respond(&caller, &user, fields).await
}
