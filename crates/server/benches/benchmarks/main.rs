//! Benchmarks of the release binary, each as a share of something measured in the same run
//! on the same machine: `cargo xtask bench`.
//!
//! Rounds alternate between the two sides of a ratio, so that a machine that slows down slows
//! both; what is printed is the median. The load comes from this process over loopback and takes
//! its part of the same cores.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod bare;
mod breached;
mod hashing;
mod load;
mod refusals;
mod server;

use std::time::Duration;

use load::Load;
use server::BenchServer;

const ROUNDS: usize = 3;
const CHECK_TIME: Duration = Duration::from_secs(3);
const SIGN_IN_TIME: Duration = Duration::from_secs(4);
const CHECK_CONNECTIONS: usize = 32;
const SIGN_IN_CONNECTIONS: usize = 16;
const STARTS: usize = 5;

fn main() {
    if std::env::args().any(|argument| argument == bare::ARGUMENT) {
        return bare::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    println!("cores                      {}", hashing::cores());
    println!(
        "binary                     {:.1} MiB",
        server::binary_bytes() as f64 / 1_048_576.0
    );
    start_up().await;
    let server = BenchServer::start(&[]);
    println!(
        "resident memory, idle      {:.1} MiB",
        server.resident_mib()
    );
    server.sign_up_users().await;
    session_checks(&server).await;
    metrics(&server).await;
    sign_ins(&server).await;
    refusals(&server).await;
    breached_passwords();
    println!(
        "resident memory, highest   {:.1} MiB",
        server.peak_resident_mib()
    );
}

async fn start_up() {
    let folder = tempfile::tempdir().unwrap();
    let first = server::time_to_ready(folder.path());
    let again: Vec<f64> = (0..STARTS)
        .map(|_| server::time_to_ready(folder.path()))
        .collect();
    println!("start to ready, first      {first:.0} ms (makes folder, keys, schema, admin)");
    println!("start to ready, again      {:.0} ms", median(again));
}

async fn session_checks(server: &BenchServer) {
    let token = server.sign_in().await;
    let me = Load::get(server.address, "/user/me", Some(&token), CHECK_CONNECTIONS);
    let bare = bare::Bare::start();
    let nothing = Load::get(bare.address, "/", None, CHECK_CONNECTIONS);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(nothing.run(CHECK_TIME).await);
        ours.push(me.run(CHECK_TIME).await);
    }
    report(
        "GET /user/me",
        median(ours),
        "a bare axum handler",
        median(theirs),
    );
}

/// What it costs to be watched.
async fn metrics(server: &BenchServer) {
    let watched = BenchServer::start(&[("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")]);
    watched.sign_up_users().await;
    let load = async |server: &BenchServer| {
        let token = server.sign_in().await;
        Load::get(server.address, "/user/me", Some(&token), CHECK_CONNECTIONS)
    };
    let (with, without) = (load(&watched).await, load(server).await);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(without.run(CHECK_TIME).await);
        ours.push(with.run(CHECK_TIME).await);
    }
    report(
        "GET /user/me, with metrics",
        median(ours),
        "the same without",
        median(theirs),
    );
}

async fn sign_ins(server: &BenchServer) {
    let (mut ours, mut hashes) = (Vec::new(), Vec::new());
    let load = Load::sign_in(server.address, SIGN_IN_CONNECTIONS);
    for _ in 0..ROUNDS {
        hashes.push(hashing::per_second(SIGN_IN_TIME));
        ours.push(load.run(SIGN_IN_TIME).await);
    }
    report(
        "POST /auth",
        median(ours),
        "the bare hash on all cores",
        median(hashes),
    );
}

/// P-02: a password that is too long is refused like a body without one.
async fn refusals(server: &BenchServer) {
    let found = refusals::measure(server).await;
    println!(
        "POST /user, 1,025 bytes    {:.0} µs, {:.2} times an empty body's 422 ({:.0} µs); the slowest {:.1} ms",
        found.overlong,
        found.overlong / found.bare,
        found.bare,
        found.slowest / 1000.0
    );
}

/// P-05: a look-up, beside the hash that follows where the password is new.
fn breached_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let without = BenchServer::start(&[]).resident_mib();
    let built = breached::build(folder.path());
    let hash = 1e6 * hashing::cores() as f64 / hashing::per_second(SIGN_IN_TIME);
    println!(
        "breached, one look-up      {:.1} µs, {:.3} % of one hash ({hash:.0} µs)",
        built.look_up,
        100.0 * built.look_up / hash
    );
    println!(
        "breached, memory           {:+.1} MiB ({without:.1} MiB without)",
        breached::resident_mib(&built) - without
    );
}

fn report(what: &str, ours: f64, beside: &str, theirs: f64) {
    println!(
        "{what:<26} {ours:.0}/s, {:.0} % of {beside} ({theirs:.0}/s)",
        100.0 * ours / theirs
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
