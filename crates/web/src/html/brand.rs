//! The operator's brand: name, colours, logos and links of the pages. Without one, pages have the name and the colours of
//! Doorward.

use std::path::{Path, PathBuf};

use axum::body::Bytes;

use super::assets::{Asset, Caching};
use super::color::{Accent, Color};

/// Maximum size of an image.
const MAX_IMAGE_BYTES: u64 = 100 * 1024;

/// The brand, as it is set.
#[derive(Debug, Clone, Default)]
pub struct BrandSettings {
    /// Name of the service, on pages and in mails.
    pub name: Option<String>,
    /// Colour of links and buttons.
    pub accent: Option<Color>,
    /// Image that replaces the name at the top of pages: PNG, WebP or SVG.
    pub logo: Option<PathBuf>,
    /// Logo on dark pages.
    pub logo_dark: Option<PathBuf>,
    /// Image in the browser's tab.
    pub icon: Option<PathBuf>,
    /// Page of the terms of use.
    pub terms_url: Option<String>,
    /// Page about privacy.
    pub privacy_url: Option<String>,
    /// Page or address (`mailto:`) of the support.
    pub support: Option<String>,
}

impl BrandSettings {
    /// Says how the accent is changed so that it can be read; `None` if it is used as it is.
    pub fn accent_note(&self) -> Option<String> {
        let color = self.accent?;
        let (light, dark) = (Accent::light(color).accent, Accent::dark(color).accent);
        let used = match (light == color, dark == color) {
            (true, true) => return None,
            (false, true) => format!("light pages use {light}"),
            (true, false) => format!("dark pages use {dark}"),
            (false, false) => format!("light pages use {light}, dark pages {dark}"),
        };
        Some(format!(
            "`brand.accent`: {color} does not stand out enough from the background; {used}"
        ))
    }
}

/// The brand, with its images.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    settings: BrandSettings,
    logo: Option<Asset>,
    logo_dark: Option<Asset>,
    icon: Option<Asset>,
    stylesheet: Option<Asset>,
}

/// Why an image was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BrandError {
    /// The file cannot be read.
    #[error("`{key}`: cannot read {path}")]
    Unreadable {
        /// Setting.
        key: &'static str,
        /// File.
        path: String,
        /// Cause.
        #[source]
        cause: std::io::Error,
    },
    /// The file is too large.
    #[error("`{key}`: {path} is larger than 100 KB")]
    TooLarge {
        /// Setting.
        key: &'static str,
        /// File.
        path: String,
    },
    /// The file is not an image of a known kind.
    #[error("`{key}`: {path} is not a PNG, WebP or SVG image")]
    UnknownKind {
        /// Setting.
        key: &'static str,
        /// File.
        path: String,
    },
}

impl Brand {
    /// Reads the images.
    pub fn open(settings: &BrandSettings) -> Result<Self, BrandError> {
        let image = |key, name, path: &Option<PathBuf>| {
            let path = path.as_deref();
            path.map(|path| read_image(key, name, path)).transpose()
        };
        Ok(Self {
            logo: image("brand.logo", "logo", &settings.logo)?,
            logo_dark: image("brand.logo_dark", "logo-dark", &settings.logo_dark)?,
            icon: image("brand.icon", "brand-icon", &settings.icon)?,
            stylesheet: settings.accent.map(stylesheet),
            settings: settings.clone(),
        })
    }

    /// Name of the service.
    pub fn name(&self) -> &str {
        self.settings.name.as_deref().unwrap_or("Doorward")
    }

    /// The name as the beginning of the names of files: letters and digits in lower case, and hyphens.
    pub(crate) fn file_name(&self) -> String {
        let words = self.name().split(|c: char| !c.is_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        words.join("-").to_lowercase()
    }

    /// Returns `true` if the operator has set the name.
    pub(crate) fn has_name(&self) -> bool {
        self.settings.name.is_some()
    }

    /// The colour of buttons in mails, as `#rrggbb`, with white text on it; `None` for the default.
    pub fn mail_accent(&self) -> Option<String> {
        let accent = self.settings.accent.map(Accent::light);
        accent.map(|colors| colors.accent.to_string())
    }

    /// Path of the logo if mail programs can show it: few show SVG or WebP.
    pub fn mail_logo(&self) -> Option<String> {
        mail_path(self.logo.as_ref())
    }

    /// Path of the logo for a dark background, if mail programs can show it.
    pub fn mail_logo_dark(&self) -> Option<String> {
        mail_path(self.logo_dark.as_ref())
    }

    pub(crate) fn settings(&self) -> &BrandSettings {
        &self.settings
    }

    pub(crate) fn logo(&self) -> Option<String> {
        self.logo.as_ref().map(Asset::path)
    }

    pub(crate) fn logo_dark(&self) -> Option<String> {
        self.logo_dark.as_ref().map(Asset::path)
    }

    pub(crate) fn icon(&self) -> Option<String> {
        self.icon.as_ref().map(Asset::path)
    }

    pub(crate) fn stylesheet(&self) -> Option<String> {
        self.stylesheet.as_ref().map(Asset::path)
    }

    /// The files that pages of this brand load.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &Asset> {
        let assets = [&self.logo, &self.logo_dark, &self.icon, &self.stylesheet];
        assets.into_iter().flatten()
    }
}

/// The path of a logo, if mail programs can show it.
fn mail_path(logo: Option<&Asset>) -> Option<String> {
    logo.filter(|logo| logo.is_png()).map(Asset::path)
}

fn stylesheet(color: Color) -> Asset {
    let tokens = |colors: Accent| {
        format!(
            ":root {{ --accent: {}; --accent-strong: {}; --on-accent: {}; --tint: {}; }}",
            colors.accent, colors.strong, colors.on_accent, colors.tint
        )
    };
    let css = format!(
        "@layer tokens {{\n{}\n@media (prefers-color-scheme: dark) {{ {} }}\n}}\n",
        tokens(Accent::light(color)),
        tokens(Accent::dark(color))
    );
    Asset::new("brand", "css", "text/css; charset=utf-8", css.into())
}

/// Reads an image. Its kind is that of its content, so that the file's name does not matter.
fn read_image(key: &'static str, name: &str, file: &Path) -> Result<Asset, BrandError> {
    let path = file.display().to_string();
    let read = || {
        let size = std::fs::metadata(file)?.len();
        match size > MAX_IMAGE_BYTES {
            true => Ok(None),
            false => std::fs::read(file).map(Some),
        }
    };
    let content = match read() {
        Ok(Some(content)) => content,
        Ok(None) => return Err(BrandError::TooLarge { key, path }),
        Err(cause) => return Err(BrandError::Unreadable { key, path, cause }),
    };
    let Some((extension, kind)) = image_kind(&content) else {
        return Err(BrandError::UnknownKind { key, path });
    };
    let content = Bytes::from(content);
    Ok(Asset::named(
        format!("{name}.{extension}"),
        kind,
        content,
        Caching::Hour,
    ))
}

/// Extension and media type of an image.
fn image_kind(content: &[u8]) -> Option<(&'static str, &'static str)> {
    if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("png", "image/png"));
    }
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some(("webp", "image/webp"));
    }
    let text = std::str::from_utf8(content).ok()?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_svg = (text.starts_with("<svg") || text.starts_with("<?xml")) && text.contains("<svg");
    is_svg.then_some(("svg", "image/svg+xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(content: &[u8]) -> Result<Brand, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo");
        std::fs::write(&path, content).unwrap();
        let settings = BrandSettings {
            logo: Some(path),
            ..BrandSettings::default()
        };
        Brand::open(&settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_kind_of_a_logo_is_that_of_its_content() {
        for (content, path) in [
            (b"\x89PNG\r\n\x1a\nrest".as_slice(), "/assets/logo.png"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "/assets/logo.webp"),
            (
                b"\xef\xbb\xbf<?xml version=\"1.0\"?><svg/>",
                "/assets/logo.svg",
            ),
        ] {
            assert_eq!(open(content).unwrap().logo().as_deref(), Some(path));
        }
    }

    #[test]
    fn other_files_and_large_ones_are_rejected() {
        let rejected = open(b"<html><svg></svg></html>").unwrap_err();
        assert!(
            rejected.contains("is not a PNG, WebP or SVG image"),
            "{rejected}"
        );
        let rejected = open(&[b'x'; 102_401]).unwrap_err();
        assert!(rejected.contains("is larger than 100 KB"), "{rejected}");
        let missing = BrandSettings {
            icon: Some("/nonexistent".into()),
            ..BrandSettings::default()
        };
        let rejected = Brand::open(&missing).unwrap_err().to_string();
        assert_eq!(rejected, "`brand.icon`: cannot read /nonexistent");
    }

    #[test]
    fn a_pale_accent_is_reported() {
        let with = |color: &str| {
            let settings = BrandSettings {
                accent: Some(color.parse().unwrap()),
                ..BrandSettings::default()
            };
            settings.accent_note()
        };
        let note = with("#fff3a0").unwrap();
        assert!(
            note.contains("#fff3a0") && note.contains("light pages use #"),
            "{note}"
        );
        assert!(!note.contains("dark pages"), "{note}");
    }
}
