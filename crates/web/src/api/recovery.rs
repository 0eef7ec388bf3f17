//! `/recovery`: a new password by a mailed link.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::Secret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::confirmation::{MailRequestBody, mail_requested, read_email, read_token};
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::problem::{Code, Problem};
use crate::views::Message;

/// The password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recovery, example = json!({"new_password": "four boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryBody {
    /// The password as it shall be.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// Mails a recovery link, where the address has an account.
#[utoipa::path(post, path = "/recovery", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Taken, whatever is known of the address")))]
pub(crate) async fn request_recovery(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Problem> {
    let (form, sheet) = (Form::of(&fields), caller.sheet());
    let asked = async {
        Ok(app
            .accounts
            .request_recovery(caller.ctx(), &read_email(fields)?)
            .await?)
    };
    match asked.await {
        Err(problem) if caller.wants_html() => {
            let page = app.pages.ask_recovery(sheet, &form.refused(&problem));
            Err(Problem::on_page(problem, page))
        }
        outcome => outcome.map(|()| mail_requested(&app, &caller)),
    }
}

/// Says whether the link can still be used.
#[utoipa::path(get, path = "/recovery/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "The link lives; `POST` a new password to it", body = Message)))]
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let user = app
        .accounts
        .view_recovery(caller.ctx(), &read_token(&token)?)
        .await?;
    if caller.wants_html() {
        return Ok(app
            .pages
            .recover(caller.sheet(), &user, &token, &Form::default())
            .into_response());
    }
    Ok(Json(Message {
        message: "POST a new_password to this URL to set it.",
    })
    .into_response())
}

/// Sets the new password, once. Every session ends, and a notice is mailed.
#[utoipa::path(post, path = "/recovery/{token}", tag = "Account", request_body = RecoveryBody, params(("token" = String, Path, description = "The link's secret")),
    responses((status = 204, description = "Set")))]
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let secret = read_token(&token)?;
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let new = fields.finish(|| new);
    let outcome = match new {
        Ok(new) => app
            .accounts
            .recover(caller.ctx(), &secret, &new)
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let locale = caller.ctx().client.locale;
    match outcome {
        Ok(()) if caller.wants_html() => Ok(app.pages.recovered(locale).into_response()),
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // A person gets the form back with what is wrong, and the link still works.
        Err(problem) if caller.wants_html() && problem.code != Code::LinkExpired => {
            let user = app.accounts.view_recovery(caller.ctx(), &secret).await?;
            let page = app.pages.recover(
                caller.sheet(),
                &user,
                &token,
                &Form::default().refused(&problem),
            );
            Err(problem.on_page(page))
        }
        Err(problem) => Err(problem),
    }
}
