//! Files with secrets that every user of the machine can read, and folders that they can write to (C-01, C-07).
//!
//! The server does not start with a master key that others can read (`master_key`), since Doorward created that file.
//! The other files are created by operators and container runtimes, so they only cause a warning, at each start
//! and in `config check`. The operator decides who is in the group of a file.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::Config;
use crate::database::Database;

const READ_OR_WRITTEN: u32 = 0o006;
const WRITTEN: u32 = 0o002;

/// Returns a warning for each, with a fix.
pub(super) fn exposed_files(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut look = |path: &Path, what: &str, bits: u32| {
        let is_open = std::fs::metadata(path).is_ok_and(|found| found.mode() & bits != 0);
        if is_open {
            let (fix, path) = (fix(path), path.display());
            warnings.push(format!(
                "{path} {what}, and every user of this machine can access it. {fix}"
            ));
        }
    };
    for file in &config.secret_files {
        look(
            file,
            "contains secrets of the configuration",
            READ_OR_WRITTEN,
        );
    }
    if let Some(key) = &config.tls_key {
        look(key, "is the key of `tls.key`", READ_OR_WRITTEN);
    }
    if let Some(database) = Database::file(config) {
        look(&database, "is the database", READ_OR_WRITTEN);
    }
    look(&config.data_dir, "is the data folder", WRITTEN);
    for file in config.files.difference(&config.secret_files) {
        look(file, "is the configuration", WRITTEN);
    }
    warnings.extend(config.files.iter().filter_map(|file| foreign_owner(file)));
    warnings
}

/// Fix that restricts access. Kubernetes sets the mode of the files it mounts; such a file is in a folder with a name
/// such as `..2026_01_31_12_00_00.1`.
fn fix(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_default();
    let is_mounted = real
        .components()
        .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"..2"));
    match is_mounted {
        true => "Set `defaultMode` to 0440 for its volume in the pod, and `fsGroup` in the pod's `securityContext` to the group that Doorward runs as".to_owned(),
        false => format!("Run `chmod o-rwx {}`", path.display()),
    }
}

/// Warns of a configuration file of another user, who can change it.
fn foreign_owner(file: &Path) -> Option<String> {
    let owner = std::fs::metadata(file).ok()?.uid();
    let (us, file) = (geteuid().as_raw(), file.display());
    (owner != 0 && owner != us).then(|| {
        format!("{file} is the configuration and belongs to user {owner}, who can change it. Run `chown {us} {file}`")
    })
}
