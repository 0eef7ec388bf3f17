//! `GET /user/{user}/export`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::app::App;
use crate::guard::Caller;
use crate::held::{Document, ExportView};
use crate::problem::Problem;

/// Everything held on the user as one document, to themselves or an admin.
#[utoipa::path(get, path = "/user/{user}/export", tag = "Account", params(("user" = String, Path, description = "`me`, a user name or a user id")),
    responses((status = 200, description = "The document", body = ExportView, headers(("Content-Disposition" = String, description = "`attachment`, with a name for the file")))))]
pub(crate) async fn export_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let held = app.accounts.export_user(caller.ctx(), &user).await?;
    let name = format!("attachment; filename=\"{}.json\"", held.user.id);
    let document = Document::new(app.accounts.clone(), held, caller.ctx());
    // Whoever reads slowly is read for slowly: the next page is fetched once the last one has gone.
    let pieces = stream::try_unfold(document, |mut document| async {
        let piece = document.next().await;
        if let Err(error) = &piece {
            tracing::error!(%error, "an export was broken off");
        }
        piece.map(|piece| piece.map(|piece| (piece, document)))
    });
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
