//! Resources of this machine: file descriptors, memory, disk.

use std::path::Path;

use doorward_domain::diagnostics::Diagnostic;
use rustix::process::{Resource, getrlimit};

use super::folder;
use crate::config::Config;
use crate::listener::file_descriptors;

const MIB: u64 = 1024 * 1024;
/// Below this, the database may be unable to write at any moment.
const DISK_ERROR: u64 = 64 * MIB;
const DISK_WARNING: u64 = 1024 * MIB;

pub(super) fn diagnose(config: &Config) -> Vec<Diagnostic> {
    let mut diagnostics = vec![descriptors(config)];
    diagnostics.extend(available_memory().map(|available| memory(config, available)));
    diagnostics.extend(disk(&config.data_dir));
    diagnostics
}

fn descriptors(config: &Config) -> Diagnostic {
    const PART: &str = "open files";
    let needed = file_descriptors::required_fds(config.connections);
    // The server raises its soft limit up to the hard limit.
    match getrlimit(Resource::Nofile).maximum {
        Some(limit) if limit < needed => Diagnostic::warning(
            PART,
            format!(
                "{limit} are allowed, {} connections need {needed}",
                config.connections
            ),
            "Start it after `ulimit -n 16384`; for services and containers see docs/DEPLOY.md",
        ),
        Some(limit) => {
            Diagnostic::passed(PART, format!("{limit} are allowed, {needed} are needed"))
        }
        None => Diagnostic::passed(PART, "unlimited"),
    }
}

fn memory(config: &Config, available: u64) -> Diagnostic {
    const PART: &str = "memory";
    let each = u64::from(config.hashing.cost.memory_kib) * 1024;
    let all = each * config.hashing.threads as u64;
    let message = format!(
        "{} concurrent hashes need {} MiB, {} MiB are available",
        config.hashing.threads,
        all / MIB,
        available / MIB
    );
    let hint = "Lower `hashing.threads` or `hashing.memory_kib`, or add memory";
    if all > available {
        Diagnostic::failed(PART, message, hint)
    } else if all > available / 2 {
        Diagnostic::warning(PART, message, hint)
    } else {
        Diagnostic::passed(PART, message)
    }
}

/// Memory that is available on the machine, or left in the container.
fn available_memory() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    let number = |name: &str| {
        let text = std::fs::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let left = number("memory.max")
        .zip(number("memory.current"))
        .map(|(limit, used)| limit.saturating_sub(used));
    Some(left.map_or(kib * 1024, |left| left.min(kib * 1024)))
}

fn disk(data_dir: &Path) -> Option<Diagnostic> {
    const PART: &str = "disk";
    let place = folder::nearest_existing(data_dir)?;
    let numbers = rustix::fs::statvfs(&place).ok()?;
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

#[cfg(test)]
mod tests {
    use doorward_domain::diagnostics::CheckStatus;

    use super::*;

    #[test]
    fn concurrent_hashes_must_fit_into_memory() {
        let mut config = Config::default();
        config.hashing.threads = 8;
        let all = 8 * 19 * MIB;
        for (available, status) in [
            (all - 1, CheckStatus::Failed),
            (all, CheckStatus::Warning),
            (2 * all - 1, CheckStatus::Warning),
            (2 * all, CheckStatus::Passed),
        ] {
            assert_eq!(memory(&config, available).status, status, "{available}");
        }
    }

    #[test]
    fn memory_and_disk_are_measured() {
        assert!(available_memory().unwrap() > MIB);
        assert!(disk(Path::new("not-there/at-all")).is_some());
    }
}
