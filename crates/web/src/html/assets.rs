//! Files that pages load: compiled in and named by their content, so that browsers cache them permanently.
//!
//! To add one: its file in `templates/`, a static here, its place in [`ALL`].

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::values::Digest;

use crate::http::problem::{Code, Problem};

/// The stylesheet of all pages.
pub(crate) static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "style",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../templates/style.css"),
    )
});
/// The icon in a browser's tab.
pub(crate) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("../../templates/icon.svg"),
    )
});

/// The script of all pages. Pages work without it (P-11).
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "script",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/script.js"),
    )
});

static ALL: [&LazyLock<Asset>; 3] = [&STYLESHEET, &ICON, &SCRIPT];

/// A static file.
pub(crate) struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = Digest::of(text.as_bytes());
        let digest = URL_SAFE_NO_PAD.encode(&digest.as_bytes()[..9]);
        Self {
            name: format!("{stem}-{digest}.{extension}"),
            kind,
            text,
        }
    }

    /// Path of the file.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Serves a file.
pub(crate) async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    let asset = ALL.iter().find(|asset| asset.name == file);
    let asset = asset.ok_or_else(|| Problem::new(Code::NotFound))?;
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of properties, or their ends, that assume text from left to right.
    const PHYSICAL: [&str; 7] = ["left", "right", "top", "bottom", "width", "height", "float"];

    #[test]
    fn the_stylesheet_has_logical_properties_only() {
        let declarations = STYLESHEET.text.split(['{', '}', ';']);
        for declaration in declarations.map(str::trim) {
            let (name, value) = declaration.split_once(':').unwrap_or_default();
            let last = name.split('-').next_back().unwrap_or_default();
            let is_allowed = ["line-height", "stroke-width", "outline-width"].contains(&name)
                || name.starts_with('@');
            assert!(is_allowed || !PHYSICAL.contains(&last), "{declaration}");
            assert!(!["left", "right"].contains(&value.trim()), "{declaration}");
        }
    }
}
