//! Which files with secrets others may read, and which folder others may write to (C-01, C-07).
//!
//! A master key that others can read refuses the start (`master_key`): Doorward made that file. The others are made
//! by people and by what runs containers, which mounts secrets as it likes, so these are warned of, at every start
//! and by `config check`. Who is in the file's group is the operator's to say.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::Config;
use crate::wiring;

const READ_OR_WRITTEN: u32 = 0o006;
const WRITTEN: u32 = 0o002;

/// A sentence for each that is open to everybody on this machine, with how to mend it.
pub(super) fn open_to_others(config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let mut look = |path: &Path, what: &str, bits: u32| {
        let is_open = std::fs::metadata(path).is_ok_and(|found| found.mode() & bits != 0);
        if is_open {
            let (to_do, path) = (closing(path), path.display());
            told.push(format!(
                "{path} {what}, and everybody on this machine may get at it: {to_do}"
            ));
        }
    };
    for file in &config.secret_files {
        look(
            file,
            "has secrets of the configuration in it",
            READ_OR_WRITTEN,
        );
    }
    if let Some(key) = &config.tls_key {
        look(key, "is the key of `tls.key`", READ_OR_WRITTEN);
    }
    if let Some(database) = wiring::sql_settings(config).file() {
        look(&database, "is the database", READ_OR_WRITTEN);
    }
    look(&config.data_dir, "is the data folder", WRITTEN);
    for file in config.files.difference(&config.secret_files) {
        look(file, "is the configuration", WRITTEN);
    }
    told.extend(config.files.iter().filter_map(|file| of_another(file)));
    told
}

/// What takes everybody else's rights. What Kubernetes mounts is written anew, and by it alone; it is told by a folder
/// of a moment, such as `..2026_01_31_12_00_00.1`, that all files of a secret are in.
fn closing(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_default();
    let is_mounted = real
        .components()
        .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"..2"));
    match is_mounted {
        true => "set `defaultMode` to 0440 for its volume in the pod, and `fsGroup` in the pod's `securityContext` to the group that Doorward runs as".to_owned(),
        false => format!("run `chmod o-rwx {}`", path.display()),
    }
}

/// Whose the configuration is can change it, and have mail and data elsewhere.
fn of_another(file: &Path) -> Option<String> {
    let owner = std::fs::metadata(file).ok()?.uid();
    let (us, file) = (geteuid().as_raw(), file.display());
    (owner != 0 && owner != us).then(|| {
        format!("{file} is the configuration and belongs to user {owner}, who can change it: run `chown {us} {file}`")
    })
}
