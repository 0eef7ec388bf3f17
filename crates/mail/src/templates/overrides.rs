//! The operator's templates: a file of the folder replaces the built-in template of the same name, and
//! `en.ftl` single messages.
//!
//! An unknown name is an error: its file would never be used. Names that begin with a dot are ignored,
//! because of mounted Kubernetes volumes (`..data`) and `.git`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::TemplateError;

/// A file of the folder.
pub(super) struct Override {
    /// Name.
    pub name: String,
    /// Path.
    pub path: PathBuf,
    /// Content.
    pub source: String,
}

/// Reads every file of the folder.
pub(super) fn read(folder: &Path, known: &[String]) -> Result<Vec<Override>, TemplateError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.into_owned();
        if name.starts_with('.') {
            continue;
        }
        if !known.contains(&name) {
            let known = known.join(", ");
            return Err(TemplateError::Unknown { path, known });
        }
        let source = fs::read_to_string(&path).map_err(|cause| unreadable(&path, cause))?;
        found.push(Override { name, path, source });
    }
    Ok(found)
}

fn unreadable(path: &Path, cause: io::Error) -> TemplateError {
    TemplateError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}
