//! `GET /user/{user}/export`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::params::UserParam;
use crate::http::problem::Problem;
use crate::profile::export_document::{ExportDocument, ExportView};

/// Returns everything stored about the user as one document, to the user or an admin.
#[utoipa::path(get, path = "/user/{user}/export", tag = "Account", params(UserParam),
    responses((status = 200, description = "The document", body = ExportView, headers(("Content-Disposition" = String, description = "`attachment`, with a name for the file")))))]
pub(crate) async fn export_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let data = app
        .doorward
        .profile
        .export_user(caller.ctx(), &user)
        .await?;
    let name = format!("attachment; filename=\"{}.json\"", data.user.id);
    let document = ExportDocument::new(app.doorward.clone(), data, caller.ctx());
    // The next page is read after the client has received the previous one.
    let chunks = stream::try_unfold(document, |mut document| async {
        let chunk = document.next().await;
        if let Err(error) = &chunk {
            tracing::error!(%error, "data export aborted");
        }
        chunk.map(|chunk| chunk.map(|chunk| (chunk, document)))
    });
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
