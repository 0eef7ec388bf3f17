//! The `folder:` transport: writes each mail to an `.eml` file, which a text editor shows decoded.
//!
//! A file appears complete or not at all: it is written under another name, flushed to disk, and
//! renamed. Only the server's user can read it, since its link opens an account. Names sort by time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::outbox::MailError;
use rustix::fs::Access;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::Transport;
use crate::composed_mail::ComposedMail;
use crate::error::{MailSetupError, temporary};

/// Writes mails to a folder.
pub(crate) struct FolderTransport {
    path: PathBuf,
}

impl FolderTransport {
    /// Creates the folder if it does not exist.
    pub fn open(path: &Path) -> Result<Self, MailSetupError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(path)
            .map_err(|cause| MailSetupError::Folder {
                path: path.to_owned(),
                cause,
            })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary_path = self.path.join(format!(".{name}.tmp"));
        let written = write_durably(&temporary_path, bytes).await;
        if let Err(error) = written {
            // Best effort: the disk may be full.
            let _ = tokio::fs::remove_file(&temporary_path).await;
            return Err(error);
        }
        tokio::fs::rename(&temporary_path, self.path.join(name)).await?;
        File::open(&self.path).await?.sync_all().await
    }
}

#[async_trait]
impl Transport for FolderTransport {
    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError> {
        let time = mail.at.strftime("%Y%m%dT%H%M%S.%6fZ");
        let name = format!("{time}-{}-{}.eml", mail.kind.template(), mail.id);
        self.write(&name, &mail.message.formatted())
            .await
            .map_err(temporary)
    }
}

/// Checks that mails can be written to the folder. Creates nothing.
pub(crate) fn diagnose(path: &Path) -> Diagnostic {
    const PART: &str = "mail: folder";
    let shown = path.display();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = absolute.ancestors().find(|place| place.exists());
    let Some(there) = there.filter(|place| place.is_dir()) else {
        let hint = "set a folder in `mail.url`";
        return Diagnostic::failed(PART, format!("{shown} is not a folder"), hint);
    };
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::access(there, rights) {
        Ok(()) if there == absolute => Diagnostic::passed(PART, format!("mails go to {shown}")),
        Ok(()) => Diagnostic::passed(PART, format!("{shown} is created at the first start")),
        Err(error) => Diagnostic::failed(
            PART,
            format!("cannot write to {}: {error}", there.display()),
            "make the user that runs Doorward its owner (`chown`), or set another folder in `mail.url`",
        ),
    }
}

async fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Not `create_new`: a crash may have left a file of that name.
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(bytes).await?;
    file.flush().await?;
    file.sync_all().await
}
