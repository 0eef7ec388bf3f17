//! What this machine has to give: file descriptors, memory, room on the disk.

use std::path::Path;

use doorward_domain::checkup::Finding;
use rustix::process::{Resource, getrlimit};

use super::folder;
use crate::config::Config;
use crate::listener::shortage;

const MIB: u64 = 1024 * 1024;
/// Below this, nobody knows how long the database can still write.
const DISK_FAULT: u64 = 64 * MIB;
const DISK_WARNING: u64 = 1024 * MIB;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![descriptors(config)];
    findings.extend(available_memory().map(|available| memory(config, available)));
    findings.extend(disk(&config.data_dir));
    findings
}

fn descriptors(config: &Config) -> Finding {
    const PART: &str = "open files";
    let needed = shortage::needed(config.connections);
    // The server asks for as many as the hard limit lets it have.
    match getrlimit(Resource::Nofile).maximum {
        Some(limit) if limit < needed => Finding::warning(
            PART,
            format!(
                "{limit} are allowed here, and {} connections at once need {needed}",
                config.connections
            ),
            "start it after `ulimit -n 16384`; as a service or container, see docs/DEPLOY.md",
        ),
        Some(limit) => Finding::fine(PART, format!("{limit} are allowed here, {needed} needed")),
        None => Finding::fine(PART, "as many as it wants"),
    }
}

fn memory(config: &Config, available: u64) -> Finding {
    const PART: &str = "memory";
    let each = u64::from(config.hashing_cost.memory_kib) * 1024;
    let all = each * config.hashing_threads as u64;
    let found = format!(
        "{} hashes at once take {} MiB, and {} MiB are free",
        config.hashing_threads,
        all / MIB,
        available / MIB
    );
    let mend = "lower `hashing.threads` (or `hashing.memory_kib`), or give it more memory";
    if all > available {
        Finding::fault(PART, found, mend)
    } else if all > available / 2 {
        Finding::warning(PART, found, mend)
    } else {
        Finding::fine(PART, found)
    }
}

/// What a process may still take: what the machine has, or the container has left.
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

fn disk(data_dir: &Path) -> Option<Finding> {
    const PART: &str = "disk";
    let place = folder::nearest(data_dir)?;
    let numbers = rustix::fs::statvfs(&place).ok()?;
    let free = numbers.f_bavail * numbers.f_frsize;
    let found = format!("{} MiB are free at {}", free / MIB, place.display());
    let mend = "make room: where the disk is full, nothing that people do is kept";
    Some(if free < DISK_FAULT {
        Finding::fault(PART, found, mend)
    } else if free < DISK_WARNING {
        Finding::warning(PART, found, mend)
    } else {
        Finding::fine(PART, found)
    })
}

#[cfg(test)]
mod tests {
    use doorward_domain::checkup::Verdict;

    use super::*;

    #[test]
    fn hashes_have_to_fit_into_memory() {
        let config = Config {
            hashing_threads: 8,
            ..Config::default()
        };
        let all = 8 * 19 * MIB;
        for (available, verdict) in [
            (all - 1, Verdict::Fault),
            (all, Verdict::Warning),
            (2 * all - 1, Verdict::Warning),
            (2 * all, Verdict::Fine),
        ] {
            assert_eq!(memory(&config, available).verdict, verdict, "{available}");
        }
    }

    #[test]
    fn this_machine_tells_what_it_has() {
        assert!(available_memory().unwrap() > MIB);
        assert!(disk(Path::new("not-there/at-all")).is_some());
    }
}
