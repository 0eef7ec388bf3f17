//! `cargo xtask flood` (T-FLOOD): floods from many addresses, while a client that is already connected requests
//! `/healthz` repeatedly.
//!
//! Prints the measurements, and fails if memory grows too far, if the connected client waits, or if connections
//! over a limit are not closed at once. Each flood is a function in `scenarios`.

#![expect(clippy::unwrap_used, reason = "a flood that fails stops")]

mod legitimate_client;
mod scenarios;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use legitimate_client::LegitimateClient;
use server::FloodServer;

/// Maximum memory in addition to that of an idle server: two concurrent hashes, and 64 KiB for each of 2,048 requests
/// in flight (P-10).
const MEMORY_KIB: u64 = (2 * 19 + 128) * 1024;
/// Maximum latency of the legitimate client's requests.
const P99: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let wanted = rustix::process::Rlimit {
        current: rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum,
        ..rustix::process::getrlimit(rustix::process::Resource::Nofile)
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let chosen = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with("--"));
    let mut faults = Vec::new();
    println!(
        "{:<42} {:>9} {:>9} {:>8} {:>8} {:>7}  result",
        "flood", "idle KiB", "peak KiB", "p50 ms", "p99 ms", "failed"
    );
    for (name, flood) in scenarios::ALL {
        if chosen
            .as_ref()
            .is_some_and(|chosen| !name.contains(chosen.as_str()))
        {
            continue;
        }
        faults.extend(runtime.block_on(run(name, *flood)));
    }
    for fault in &faults {
        println!("FAILED: {fault}");
    }
    match faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn run(name: &str, flood: scenarios::Flood) -> Vec<String> {
    let server = FloodServer::start();
    server.warm_up().await;
    let idle = server.memory_kib();
    let legitimate = LegitimateClient::begin(server.address);
    let result = flood(&server).await;
    let latencies = legitimate.end();
    let peak = server.peak_kib();
    let warnings = server.log_lines("request limit reached");
    println!(
        "{name:<42} {idle:>9} {peak:>9} {:>8.1} {:>8.1} {:>7}  {}; {warnings} warnings in the log",
        latencies.percentile(50),
        latencies.percentile(99),
        latencies.failed,
        result.summary
    );
    let mut faults: Vec<_> = result
        .faults
        .iter()
        .map(|fault| format!("{name}: {fault}"))
        .collect();
    let mut expect = |is_met: bool, what: &str| {
        if !is_met {
            faults.push(format!("{name}: {what}"));
        }
    };
    expect(peak <= idle + MEMORY_KIB, "memory is not bounded");
    expect(
        latencies.percentile(99) < P99.as_secs_f64() * 1000.0,
        "the legitimate client is slow",
    );
    expect(
        latencies.failed == 0,
        "the legitimate client gets no response",
    );
    expect(warnings <= 2, "the log is flooded");
    faults
}
