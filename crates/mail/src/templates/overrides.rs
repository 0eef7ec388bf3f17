//! The operator's templates: files of a folder replace built-in templates of the same name.
//!
//! An unknown name is an error: its file would never be used. Names that begin with a dot are ignored,
//! because of mounted Kubernetes volumes (`..data`) and `.git`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::TemplateError;

/// A file that replaces a template.
pub(super) struct Override {
    /// Name of the template.
    pub name: &'static str,
    /// Path of the file.
    pub path: PathBuf,
    /// Content.
    pub source: String,
}

/// Reads every file of the folder.
pub(super) fn read(folder: &Path, known: &[&'static str]) -> Result<Vec<Override>, TemplateError> {
    let mut found = Vec::new();
    read_level(folder, "", known, &mut found)?;
    Ok(found)
}

fn read_level(
    folder: &Path,
    prefix: &str,
    known: &[&'static str],
    found: &mut Vec<Override>,
) -> Result<(), TemplateError> {
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
        let file_name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if file_name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        // Follows symbolic links, which mounted volumes consist of.
        let is_folder = fs::metadata(&path)
            .map_err(|cause| unreadable(&path, cause))?
            .is_dir();
        if is_folder {
            let prefix = format!("{name}/");
            if !known.iter().any(|known| known.starts_with(&prefix)) {
                return Err(unknown(path, known));
            }
            read_level(&path, &prefix, known, found)?;
            continue;
        }
        let Some(name) = known.iter().copied().find(|known| *known == name) else {
            return Err(unknown(path, known));
        };
        let source = fs::read_to_string(&path).map_err(|cause| unreadable(&path, cause))?;
        found.push(Override { name, path, source });
    }
    Ok(())
}

fn unknown(path: PathBuf, known: &[&str]) -> TemplateError {
    TemplateError::Unknown {
        path,
        known: known.join(", "),
    }
}

fn unreadable(path: &Path, cause: io::Error) -> TemplateError {
    TemplateError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}
