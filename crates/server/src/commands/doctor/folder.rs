//! The data folder and the master key's file: whose they are, and who else can read them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use doorward_domain::checkup::Finding;
use rustix::fs::Access;
use rustix::process::geteuid;

use crate::config::Config;
use crate::master_key;

const PART: &str = "data folder";
const KEY_PART: &str = "master key: file";

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let folder = &config.data_dir;
    let mut findings = vec![match std::fs::metadata(folder) {
        Ok(metadata) => rights(folder, &metadata, keeps_secrets(config)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => to_be_made(folder),
        Err(error) => unreadable(PART, folder, &error),
    }];
    if config.master_key.is_none() {
        findings.extend(key_file(&master_key::path(&config.data_dir)));
    }
    findings
}

/// Whether what others read there would harm: with both elsewhere, the folder stays empty.
fn keeps_secrets(config: &Config) -> bool {
    config.master_key.is_none() || config.database_url.is_none()
}

fn to_be_made(folder: &Path) -> Finding {
    let shown = folder.display();
    match nearest(folder) {
        Some(place) if may_write(&place) => {
            Finding::fine(PART, format!("{shown} is made at the first start"))
        }
        _ => Finding::fault(
            PART,
            format!("{shown} is not there and cannot be made"),
            format!(
                "run `install -d -m 0700 -o {} {shown}` as root, or set `data_dir`",
                geteuid().as_raw()
            ),
        ),
    }
}

fn rights(folder: &Path, metadata: &Metadata, keeps_secrets: bool) -> Finding {
    let shown = folder.display();
    let us = geteuid();
    if !metadata.is_dir() {
        return Finding::fault(
            PART,
            format!("{shown} is not a folder"),
            "name a folder in `data_dir`",
        );
    }
    if !may_write(folder) {
        let found = format!("{shown} cannot be written to by user {}", us.as_raw());
        let mend = format!(
            "run `chown -R {} {shown}`, or mount it for writing",
            us.as_raw()
        );
        return Finding::fault(PART, found, mend);
    }
    if !us.is_root() && metadata.uid() != us.as_raw() && keeps_secrets {
        let found = format!(
            "{shown} belongs to user {}, and this is user {}",
            metadata.uid(),
            us.as_raw()
        );
        let mend = format!("run `chown -R {} {shown}`", us.as_raw());
        return Finding::warning(PART, found, mend);
    }
    if metadata.mode() & 0o077 != 0 && keeps_secrets {
        let found = format!(
            "{shown} is open to others (mode {:04o})",
            metadata.mode() & 0o7777
        );
        return Finding::warning(PART, found, format!("run `chmod 700 {shown}`"));
    }
    Finding::fine(
        PART,
        format!("{shown}, mode {:04o}", metadata.mode() & 0o777),
    )
}

fn key_file(path: &Path) -> Option<Finding> {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        // Whether one may be made is for whoever knows the keys in the database to say.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(unreadable(KEY_PART, path, &error)),
    };
    let found = if metadata.mode() & 0o077 != 0 {
        let found = format!(
            "{shown} can be read by others (mode {:04o}); a start refuses it",
            metadata.mode() & 0o777
        );
        let mend = format!(
            "run `chmod 600 {shown}`; if others were on this machine, `doorward keys rotate`"
        );
        Finding::fault(KEY_PART, found, mend)
    } else if let Err(error) = std::fs::File::open(path) {
        unreadable(KEY_PART, path, &error)
    } else {
        Finding::fine(
            KEY_PART,
            format!("{shown}, its owner's alone; it belongs into every backup"),
        )
    };
    Some(found)
}

fn unreadable(part: &'static str, path: &Path, error: &std::io::Error) -> Finding {
    let us = geteuid().as_raw();
    Finding::fault(
        part,
        format!("{} cannot be read: {error}", path.display()),
        format!("give it to the user that runs Doorward, such as `chown -R {us} …`"),
    )
}

/// The folder itself, or the nearest above it that is there.
pub(super) fn nearest(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute.ancestors().find(|place| place.exists())?;
    Some(there.to_owned())
}

fn may_write(folder: &Path) -> bool {
    folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}
