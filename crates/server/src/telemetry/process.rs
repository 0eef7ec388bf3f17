//! The process metrics that every Prometheus client has, from `/proc`. Without `/proc` they are absent.
//!
//! The collector of the `prometheus` crate counts CPU time in whole seconds and needs a second version of `rustix`.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge, Opts, Registry};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};

/// Registers them. `started_at` is in seconds since 1970.
pub fn register(registry: &Registry, started_at: f64) {
    let version = Opts::new(
        "doorward_build_info",
        "Always 1; the version is in the label.",
    )
    .const_label("version", env!("CARGO_PKG_VERSION"));
    let version = IntGauge::with_opts(version).expect("the name is sound");
    version.set(1);
    let started = Gauge::new(
        "process_start_time_seconds",
        "Start time of the process, in seconds since 1970.",
    );
    let started = started.expect("the name is sound");
    started.set(started_at);
    for collector in [
        Box::new(version) as Box<dyn Collector>,
        Box::new(started),
        Box::new(Process::new()),
    ] {
        registry
            .register(collector)
            .expect("no two metrics have one name");
    }
}

/// Reads `/proc` at each scrape.
struct Process {
    cpu: Desc,
    gauges: [Gauge; 5],
}

impl Process {
    fn new() -> Self {
        let gauge = |name: &str, help: &str| Gauge::new(name, help).expect("the name is sound");
        let cpu = Counter::new(CPU.0, CPU.1).expect("the name is sound");
        Self {
            cpu: cpu.desc()[0].clone(),
            gauges: [
                gauge("process_resident_memory_bytes", "Memory in use, in bytes."),
                gauge(
                    "process_virtual_memory_bytes",
                    "Address space in use, in bytes.",
                ),
                gauge("process_open_fds", "File descriptors in use."),
                gauge("process_max_fds", "Maximum number of file descriptors."),
                gauge("process_threads", "Threads."),
            ],
        }
    }
}

const CPU: (&str, &str) = ("process_cpu_seconds_total", "CPU time used, in seconds.");

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.iter().flat_map(Collector::desc);
        [&self.cpu].into_iter().chain(gauges).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kilobytes = |name| field(&status, name).map(|kib| kib * 1024.0);
        let values = [
            kilobytes("VmRSS:"),
            kilobytes("VmSize:"),
            open_files(),
            getrlimit(Resource::Nofile)
                .current
                .map(|limit| limit as f64),
            field(&status, "Threads:"),
        ];
        let mut families = Vec::new();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        if let Some(seconds) = cpu_seconds(&stat, clock_ticks_per_second() as f64) {
            let cpu = Counter::new(CPU.0, CPU.1).expect("the name is sound");
            cpu.inc_by(seconds);
            families.extend(cpu.collect());
        }
        for (gauge, value) in self.gauges.iter().zip(values) {
            if let Some(value) = value {
                gauge.set(value);
                families.extend(gauge.collect());
            }
        }
        families
    }
}

/// The number after a name in `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Number of open files, without the one that lists them.
fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

/// User and system time: the fields 14 and 15 of `/proc/self/stat`. Field 2 is a name in brackets that may
/// contain any character.
fn cpu_seconds(stat: &str, ticks_per_second: f64) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / ticks_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 77 78 20 0";
        for name in ["doorward", "a b) 1 2 (c", ""] {
            let stat = format!("4711 ({name}) {rest}");
            assert_eq!(cpu_seconds(&stat, 100.0), Some(3.0), "{stat}");
        }
        for stat in [
            "",
            "4711 (doorward",
            "4711 (doorward) S 1 2",
            "4711 (x) S 1 2 3 4 5 6 7 8 9 10 a b",
        ] {
            assert_eq!(cpu_seconds(stat, 100.0), None, "{stat}");
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status =
            "Name:\tdoorward\nVmSize:\t  2048 kB\nVmRSS:\t  512 kB\nThreads:\t9\nVmSwap:\n";
        for (name, value) in [
            ("VmRSS:", Some(512.0)),
            ("VmSize:", Some(2048.0)),
            ("Threads:", Some(9.0)),
            ("VmSwap:", None),
            ("RSS:", None),
            ("Name:", None),
        ] {
            assert_eq!(field(status, name), value, "{name}");
        }
    }
}
