//! A folder with an operator's files: texts (`en.ftl`), and for mails also templates.
//!
//! An unknown name is an error: its file would never be used. Names that begin with a dot are ignored,
//! because of mounted Kubernetes volumes (`..data`) and `.git`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file of the folder.
pub struct File {
    /// Name.
    pub name: String,
    /// Path.
    pub path: PathBuf,
    /// Content.
    pub source: String,
}

/// Why a folder was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file has an unknown name.
    #[error("{path} has an unknown name; known names: {known}")]
    Unknown {
        /// File or folder.
        path: PathBuf,
        /// Known names.
        known: String,
    },
    /// A file or the folder cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// File or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        cause: io::Error,
    },
}

/// Reads every file of the folder.
pub fn read(folder: &Path, known: &[String]) -> Result<Vec<File>, FolderError> {
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
            return Err(FolderError::Unknown { path, known });
        }
        let source = fs::read_to_string(&path).map_err(|cause| unreadable(&path, cause))?;
        found.push(File { name, path, source });
    }
    Ok(found)
}

fn unreadable(path: &Path, cause: io::Error) -> FolderError {
    FolderError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}
