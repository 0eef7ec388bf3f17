//! The texts of pages: the built-in ones, or the operator's (`pages.texts`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_domain::values::Locale;
use doorward_messages::Messages;
use doorward_messages::folder::{self, FolderError};

/// The texts of all languages.
#[derive(Clone)]
pub struct Texts(pub(super) Arc<Messages>);

/// Why a folder of texts was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TextsError {
    /// The folder has an unknown file, or cannot be read.
    #[error("`pages.texts`")]
    Folder(#[from] FolderError),
    /// A message is not accepted.
    #[error("`pages.texts`: {path}, line {line}: {reason}")]
    Invalid {
        /// File.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Reason.
        reason: String,
    },
}

impl Texts {
    /// The built-in texts, and those that the files `LANGUAGE.ftl` of the folder replace. Each is checked, so that no page
    /// fails later.
    pub fn open(folder: Option<&Path>) -> Result<Self, TextsError> {
        let mut messages = Messages::builtin();
        let known = Locale::ALL.map(|locale| format!("{}.ftl", locale.tag()));
        let files = folder
            .map(|folder| folder::read(folder, &known))
            .transpose()?;
        for file in files.into_iter().flatten() {
            let Some(locale) = file.name.strip_suffix(".ftl").and_then(Locale::from_tag) else {
                continue;
            };
            let replaced = messages.replace_with_same_values(locale, &file.source, is_replaceable);
            replaced.map_err(|error| TextsError::Invalid {
                path: file.path,
                line: error.line,
                reason: error.reason,
            })?;
        }
        Ok(Self(Arc::new(messages)))
    }
}

/// The built-in texts.
impl Default for Texts {
    fn default() -> Self {
        Self(Arc::new(Messages::builtin()))
    }
}

/// Returns `true` for the key of a message that pages use. Mails have their own setting.
fn is_replaceable(key: &str) -> bool {
    !key.starts_with("mail-")
}
