//! Benchmarks of the release binary: `cargo xtask bench`, or `cargo xtask bench import [USERS]` for an import alone, or
//! `cargo xtask bench aws [USERS]` for what requests cost on DynamoDB. The others are shown as a share of a baseline that
//! is measured in the same run on the same machine.
//!
//! Rounds alternate between the benchmark and its baseline, so that a slower machine slows down both. The median is
//! printed. The load comes from this process over loopback, and uses the same cores.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails stops")]

mod aws;
mod baseline;
mod breached;
mod hashing;
mod import;
mod load;
mod rejections;
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
    if std::env::args().any(|argument| argument == baseline::ARGUMENT) {
        return baseline::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    let only = arguments.next();
    let users = arguments.next().map(|users| users.parse().unwrap());
    runtime.block_on(async {
        match only.as_deref() {
            Some("aws") => return aws::measure(users.unwrap_or(aws::USERS)).await,
            Some("import") => {}
            _ => measure().await,
        }
        import::measure(users.unwrap_or(import::USERS)).await;
    });
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
    println!("start to ready, first      {first:.0} ms (creates folder, keys, schema, admin)");
    println!("start to ready, again      {:.0} ms", median(again));
}

async fn session_checks(server: &BenchServer) {
    let token = server.sign_in().await;
    let me = Load::get(server.address, "/user/me", Some(&token), CHECK_CONNECTIONS);
    let bare = baseline::Baseline::start();
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

/// Cost of metrics: the same load with and without them.
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
        "GET /user/me, without metrics",
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

/// P-02: an overlong password is rejected as fast as a body without a password.
async fn refusals(server: &BenchServer) {
    let found = rejections::measure(server).await;
    println!(
        "POST /user, 1,025 bytes    {:.0} µs, {:.2} times an empty body's 422 ({:.0} µs); the slowest {:.1} ms",
        found.overlong,
        found.overlong / found.bare,
        found.bare,
        found.slowest / 1000.0
    );
}

/// P-05: the time of a lookup, compared with a hash. A new password needs both.
fn breached_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let without = BenchServer::start(&[]).resident_mib();
    let built = breached::build(folder.path());
    let hash = 1e6 * hashing::cores() as f64 / hashing::per_second(SIGN_IN_TIME);
    println!(
        "breached, one lookup        {:.1} µs, {:.3} % of one hash ({hash:.0} µs)",
        built.look_up,
        100.0 * built.look_up / hash
    );
    println!(
        "breached, memory           {:+.1} MiB ({without:.1} MiB without)",
        breached::resident_mib(&built) - without
    );
}

fn report(what: &str, ours: f64, baseline: &str, theirs: f64) {
    println!(
        "{what:<26} {ours:.0}/s, {:.0} % of {baseline} ({theirs:.0}/s)",
        100.0 * ours / theirs
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
