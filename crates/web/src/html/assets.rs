//! Files that pages load. Most are compiled in and named by their content, so that browsers cache them permanently; the
//! images of the brand (`brand`) have fixed names, which mails contain too.
//!
//! To add one: its file in `templates/`, a static here, its place in [`ALL`].

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::values::Digest;

use crate::app::App;
use crate::http::problem::{Code, Problem};

/// The stylesheet of all pages.
pub(crate) static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "style",
        "css",
        "text/css; charset=utf-8",
        Bytes::from_static(include_bytes!("../../templates/style.css")),
    )
});
/// The icon in a browser's tab.
pub(crate) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        Bytes::from_static(include_bytes!("../../templates/icon.svg")),
    )
});

/// The script of all pages. Pages work without it (P-11).
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "script",
        "js",
        "text/javascript; charset=utf-8",
        Bytes::from_static(include_bytes!("../../templates/script.js")),
    )
});

/// The script of the API reference.
pub(crate) static REFERENCE_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "reference",
        "js",
        "text/javascript; charset=utf-8",
        Bytes::from_static(include_bytes!("../../templates/reference/reference.js")),
    )
});

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

static ALL: [&LazyLock<Asset>; 4] = [&STYLESHEET, &ICON, &SCRIPT, &REFERENCE_SCRIPT];

/// A file.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    name: String,
    kind: &'static str,
    content: Bytes,
    caching: Caching,
}

/// How long browsers keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Its name changes with its content.
    Permanent,
    /// Its name stays: an image of the brand.
    Hour,
}

impl Asset {
    /// A file that is named by its content.
    pub(super) fn new(stem: &str, extension: &str, kind: &'static str, content: Bytes) -> Self {
        let digest = Digest::of(&content);
        let digest = URL_SAFE_NO_PAD.encode(&digest.as_bytes()[..9]);
        let name = format!("{stem}-{digest}.{extension}");
        Self::named(name, kind, content, Caching::Permanent)
    }

    pub(super) fn named(
        name: String,
        kind: &'static str,
        content: Bytes,
        caching: Caching,
    ) -> Self {
        Self {
            name,
            kind,
            content,
            caching,
        }
    }

    /// Path of the file.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }

    pub(super) fn is_png(&self) -> bool {
        self.kind == "image/png"
    }
}

/// Serves a file.
pub(crate) async fn asset(
    State(app): State<App>,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let builtin = ALL.iter().map(|asset| &***asset);
    let mut assets = builtin.chain(app.brand.assets());
    let asset = assets.find(|asset| asset.name == file);
    let asset = asset.ok_or_else(|| Problem::new(Code::NotFound))?;
    let (cache, loaded_by) = match asset.caching {
        Caching::Permanent => ("public, max-age=31536000, immutable", "same-origin"),
        // Webmail loads the logo from its own origin.
        Caching::Hour => ("public, max-age=3600", "cross-origin"),
    };
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, cache),
        (RESOURCE_POLICY, loaded_by),
    ];
    Ok((headers, asset.content.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words in the names of properties that assume text from left to right.
    const PHYSICAL: [&str; 7] = ["left", "right", "top", "bottom", "width", "height", "float"];

    #[test]
    fn the_stylesheet_has_logical_properties_only() {
        let declarations = std::str::from_utf8(&STYLESHEET.content)
            .unwrap()
            .split(['{', '}', ';']);
        for declaration in declarations.map(str::trim) {
            let (name, value) = declaration.split_once(':').unwrap_or_default();
            let is_allowed = ["line-height", "stroke-width", "outline-width"].contains(&name)
                || name.starts_with('@');
            let is_named_by_side = name.split('-').any(|word| PHYSICAL.contains(&word));
            assert!(is_allowed || !is_named_by_side, "{declaration}");
            let is_physical = |part| ["left", "right"].contains(&part);
            assert!(!value.split_whitespace().any(is_physical), "{declaration}");
            // The second of four values is on the right.
            let has_sides = ["padding", "margin", "inset"].contains(&name);
            let parts = value.split_whitespace().count();
            assert!(!has_sides || parts < 4, "{declaration}");
        }
    }
}
