//! The data folder and the file of the master key: owner and mode.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use doorward_domain::diagnostics::Diagnostic;
use rustix::fs::Access;
use rustix::process::geteuid;

use crate::config::Config;
use crate::data_dir::master_key;

const PART: &str = "data folder";
const KEY_PART: &str = "master key: file";

pub(super) fn diagnose(config: &Config) -> Vec<Diagnostic> {
    let folder = &config.data_dir;
    let mut diagnostics = vec![match std::fs::metadata(folder) {
        Ok(metadata) => rights(folder, &metadata, keeps_secrets(config)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => missing_folder(folder),
        Err(error) => unreadable(PART, folder, &error),
    }];
    if config.master_key.is_none() {
        diagnostics.extend(key_file(&master_key::path(&config.data_dir)));
    }
    diagnostics
}

/// Returns `true` if the folder contains the master key or the database.
fn keeps_secrets(config: &Config) -> bool {
    config.master_key.is_none() || config.database_url.is_none()
}

fn missing_folder(folder: &Path) -> Diagnostic {
    let shown = folder.display();
    match nearest_existing(folder) {
        Some(place) if may_write(&place) => {
            Diagnostic::passed(PART, format!("{shown} is created at the first start"))
        }
        _ => Diagnostic::failed(
            PART,
            format!("{shown} does not exist and cannot be created"),
            format!(
                "Run `install -d -m 0700 -o {} {shown}` as root, or set `data_dir`",
                geteuid().as_raw()
            ),
        ),
    }
}

fn rights(folder: &Path, metadata: &Metadata, keeps_secrets: bool) -> Diagnostic {
    let shown = folder.display();
    let us = geteuid();
    if !metadata.is_dir() {
        return Diagnostic::failed(
            PART,
            format!("{shown} is not a folder"),
            "Set `data_dir` to a folder",
        );
    }
    if !may_write(folder) {
        let message = format!("{shown} is not writable for user {}", us.as_raw());
        let hint = format!(
            "Run `chown -R {} {shown}`, or mount it for writing",
            us.as_raw()
        );
        return Diagnostic::failed(PART, message, hint);
    }
    if !us.is_root() && metadata.uid() != us.as_raw() && keeps_secrets {
        let message = format!(
            "{shown} belongs to user {}, Doorward runs as user {}",
            metadata.uid(),
            us.as_raw()
        );
        let hint = format!("Run `chown -R {} {shown}`", us.as_raw());
        return Diagnostic::warning(PART, message, hint);
    }
    if metadata.mode() & 0o077 != 0 && keeps_secrets {
        let message = format!(
            "others can read {shown} (mode {:04o})",
            metadata.mode() & 0o7777
        );
        return Diagnostic::warning(PART, message, format!("Run `chmod 700 {shown}`"));
    }
    Diagnostic::passed(
        PART,
        format!("{shown}, mode {:04o}", metadata.mode() & 0o777),
    )
}

fn key_file(path: &Path) -> Option<Diagnostic> {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        // The check `keys` decides whether one may be created.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(unreadable(KEY_PART, path, &error)),
    };
    let diagnostic = if metadata.mode() & 0o077 != 0 {
        let message = format!(
            "others can read {shown} (mode {:04o}); the server does not start",
            metadata.mode() & 0o777
        );
        let hint = format!(
            "Run `chmod 600 {shown}`. If others have used this machine, run `doorward keys rotate`"
        );
        Diagnostic::failed(KEY_PART, message, hint)
    } else if let Err(error) = std::fs::File::open(path) {
        unreadable(KEY_PART, path, &error)
    } else {
        Diagnostic::passed(
            KEY_PART,
            format!("{shown}, readable by its owner only. Include it in every backup"),
        )
    };
    Some(diagnostic)
}

fn unreadable(check: &'static str, path: &Path, error: &std::io::Error) -> Diagnostic {
    let us = geteuid().as_raw();
    Diagnostic::failed(
        check,
        format!("cannot read {}: {error}", path.display()),
        format!("Make the user that runs Doorward its owner: `chown -R {us} …`"),
    )
}

/// The folder, or its nearest parent that exists.
pub(super) fn nearest_existing(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute.ancestors().find(|place| place.exists())?;
    Some(there.to_owned())
}

fn may_write(folder: &Path) -> bool {
    folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}
