//! Free disk space.

use doorward_domain::diagnostics::Diagnostic;

use crate::config::Config;

const MIB: u64 = 1024 * 1024;
/// Below this, the database may be unable to write at any moment.
const DISK_ERROR: u64 = 64 * MIB;
const DISK_WARNING: u64 = 1024 * MIB;

pub(super) fn diagnose(config: &Config) -> Option<Diagnostic> {
    const PART: &str = "disk";
    let absolute = std::path::absolute(&config.data_dir).ok()?;
    // The folder may not exist before the first start.
    let place = absolute.ancestors().find(|place| place.exists())?;
    let numbers = rustix::fs::statvfs(place).ok()?;
    let free = numbers.f_bavail * numbers.f_frsize;
    let message = format!("{} MiB are free at {}", free / MIB, place.display());
    let hint = "Free disk space: with a full disk the server cannot store anything";
    Some(if free < DISK_ERROR {
        Diagnostic::failed(PART, message, hint)
    } else if free < DISK_WARNING {
        Diagnostic::warning(PART, message, hint)
    } else {
        Diagnostic::passed(PART, message)
    })
}
