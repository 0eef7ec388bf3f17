//! The pages of the console that change the role and the status of a user.

use axum::extract::Path;
use axum::response::Response;
use doorward_domain::model::{Status, User};
use doorward_domain::values::{DisableReason, Role};

use crate::html::account::Section;
use crate::html::confirmation::{AdminAct, SentAct};
use crate::html::console::{AdminCaller, done};
use crate::http::body::Fields;
use crate::http::problem::Problem;
use crate::http::responses::see_other;
use crate::users::admin;

fn role_act(role: Role) -> AdminAct {
    let name = match role {
        Role::Admin => "make-admin",
        Role::User => "remove-admin",
    };
    let act = AdminAct::new(name, "role").with_proof();
    act.with_field("role", role.as_str())
}

/// Asks whether to give a user the other role.
pub(crate) async fn confirm_role(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let other = |user: &User| match user.role {
        Role::Admin => Role::User,
        Role::User => Role::Admin,
    };
    let act = |user: &User| Some(role_act(other(user)));
    caller.confirm_if(&user, act).await
}

/// Changes the role. Someone who is no longer an admin gets the account page.
pub(crate) async fn change_role(
    caller: AdminCaller,
    Path(user): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let sent = SentAct::new(Some(&fields));
    let (role, proof) = (admin::take_role(&mut fields), fields.proof());
    let changed = match fields.finish(|| role) {
        Ok(role) => admin::set_role(&caller, &user, (role, proof), None).await,
        Err(problem) => Err(problem),
    };
    match (changed, role) {
        (Ok(changed), _) if has_left(&caller, &changed) => Ok(see_other(Section::Overview.path())),
        (Ok(_), _) => Ok(done(&user, "role-changed")),
        (Err(problem), Some(role)) => {
            let act = |_: &User| role_act(role);
            Err(caller.rejected(&user, act, sent, problem).await)
        }
        (Err(problem), None) => Err(problem),
    }
}

/// Returns `true` if the changed user is the one of the request, and no longer an admin.
fn has_left(caller: &AdminCaller, changed: &User) -> bool {
    changed.role != Role::Admin && changed.id == caller.session().user().id
}

fn status_act(status: Status) -> AdminAct {
    let (name, value) = match status {
        Status::Disabled => ("disable", "disabled"),
        Status::Active | Status::Pending => ("enable", "active"),
    };
    let act = AdminAct::new(name, "status").with_proof();
    let act = act.with_field("status", value);
    match status {
        Status::Disabled => {
            act.with_reasons(DisableReason::ALL.iter().map(|reason| reason.as_str()))
        }
        Status::Active | Status::Pending => act,
    }
}

/// Asks whether to disable a user, or to enable a disabled one.
pub(crate) async fn confirm_status(
    caller: AdminCaller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let other = |user: &User| match user.status {
        Status::Disabled => Status::Active,
        Status::Active | Status::Pending => Status::Disabled,
    };
    let act = |user: &User| Some(status_act(other(user)));
    caller.confirm_if(&user, act).await
}

/// Changes the status.
pub(crate) async fn change_status(
    caller: AdminCaller,
    Path(user): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let sent = SentAct::new(Some(&fields));
    let (wanted, proof) = (admin::take_status(&mut fields), fields.proof());
    let changed = match fields.finish(|| wanted) {
        Ok(wanted) => admin::set_status(&caller, &user, (wanted, proof), None).await,
        Err(problem) => Err(problem),
    };
    match (changed, wanted) {
        (Ok(changed), _) if changed.status == Status::Disabled => Ok(done(&user, "disabled")),
        (Ok(_), _) => Ok(done(&user, "enabled")),
        (Err(problem), Some((status, _))) => {
            let act = |_: &User| status_act(status);
            Err(caller.rejected(&user, act, sent, problem).await)
        }
        (Err(problem), None) => Err(problem),
    }
}
