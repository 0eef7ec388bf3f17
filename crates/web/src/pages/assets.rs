//! Files that pages load: compiled in, named by their content, so that they are kept for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::values::Digest;

use crate::problem::{Code, Problem};

const STYLESHEET: &str = include_str!("../../templates/style.css");

static STYLESHEET_NAME: LazyLock<String> = LazyLock::new(|| {
    let digest = Digest::of(STYLESHEET.as_bytes());
    format!("style-{}.css", URL_SAFE_NO_PAD.encode(&digest.as_bytes()[..9]))
});

/// Where the stylesheet is.
pub(crate) fn stylesheet_path() -> String {
    format!("/assets/{}", *STYLESHEET_NAME)
}

/// Serves a file.
pub(crate) async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    if file != *STYLESHEET_NAME {
        return Err(Problem::new(Code::NotFound));
    }
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, STYLESHEET).into_response())
}
