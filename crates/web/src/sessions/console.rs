//! The pages of the console that end the sessions of a user.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::Error;
use doorward_domain::devices::ClientProgram;
use minijinja::context;

use crate::html::confirmation::AdminAct;
use crate::html::console::{AdminCaller, done};
use crate::html::form::Form;
use crate::http::problem::Problem;

/// Asks whether to end all sessions.
pub(crate) async fn confirm_end_all(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Html<String>, Problem> {
    let act = AdminAct::new("end-sessions", "sessions");
    caller.confirm(&user, &act).await
}

/// Ends all sessions.
pub(crate) async fn end_all(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    sessions.revoke_all(&caller.ctx, &user).await?;
    Ok(done(&user, "sessions-ended"))
}

/// Asks whether to end one session.
pub(crate) async fn confirm_end_one(
    caller: AdminCaller,
    Path((user, id)): Path<(String, String)>,
) -> Result<Html<String>, Problem> {
    let accounts = &caller.doorward().accounts;
    let account = accounts.view_account(&caller.ctx, &user).await?;
    let mut sessions = account.sessions.iter();
    let session = sessions.find(|session| session.id.to_string() == id);
    let session = session.ok_or(Error::NotFound)?;
    let program = ClientProgram::of(session.user_agent.as_deref());
    let device = context! { name => program.name, system => program.system };
    let act = AdminAct::new("end-session", format!("sessions/{id}"));
    let (act, form) = (act.on_device(device), Form::default());
    Ok(caller.confirmation(&account.user, &act, &form).await)
}

/// Ends one session.
pub(crate) async fn end_one(
    caller: AdminCaller,
    Path((user, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let sessions = &caller.doorward().sessions;
    sessions.revoke(&caller.ctx, &user, &id).await?;
    Ok(done(&user, "session-ended"))
}
