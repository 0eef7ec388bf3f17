//! What requests cost on DynamoDB: `cargo xtask bench aws [USERS]`. Prints units, round trips, CPU time and dollars per
//! million, in a table with one user and in one with many, on the emulator behind a proxy that measures.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use doorward_testkit::servers::{self, Cost, Meter};
use tokio::time::sleep;

use crate::import;
use crate::load::{Connection, post};
use crate::server::{BINARY, BenchServer, PASSWORD};

/// Number of users unless an argument sets it. The emulator has its table in memory, 50 KiB for each: a million would need
/// 50 GB.
pub const USERS: usize = 20_000;
const RUNS: u32 = 8;
/// The delay of a response: longer than the time between requests that are sent together.
const NETWORK: Duration = Duration::from_millis(20);
/// After this time, a checked session is read again.
const PAUSE: Duration = Duration::from_millis(1100);
/// The time over which an idle server is measured.
const IDLE: Duration = Duration::from_secs(60);
/// Prices of a million units on demand, in us-east-1 in November 2026.
const READ_DOLLARS: f64 = 0.125;
const WRITE_DOLLARS: f64 = 0.625;

pub async fn measure(users: usize) {
    let table = servers::dynamodb().await;
    let meter = Meter::before(&table, NETWORK);
    let server = BenchServer::start(&[
        ("DATABASE_URL", meter.url()),
        ("DOORWARD_THROTTLE__ENABLED", "true"),
    ]);
    create_user(&server, &table);
    println!("                             round trips   read   write     CPU   $ per million");
    let mut bench = Bench {
        meter: &meter,
        server: &server,
        client: 1,
    };
    for users in [1, users] {
        if users > 1 {
            import::fill(&table, users, server.folder());
        }
        println!("users in the table: {users}");
        let sign_in = post(
            "/auth",
            &format!(r#"{{"email":"ben@example.com","password":"{PASSWORD}"}}"#),
        );
        bench
            .print("sign-in by email, password", |_| sign_in.clone())
            .await;
        let token = server.token_of(&sign_in).await;
        let check = format!(
            "GET /auth/check HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        bench
            .print("session check", |_| check.clone().into_bytes())
            .await;
        let sign_up = |run| {
            let body =
                format!(r#"{{"email":"new{run}@{users}.example.com","password":"{PASSWORD}"}}"#);
            post("/user", &body)
        };
        bench.print("sign-up with a mail", sign_up).await;
        bench.print_idle().await;
    }
}

struct Bench<'b> {
    meter: &'b Meter,
    server: &'b BenchServer,
    /// The last byte of the last client's address.
    client: u8,
}

impl Bench<'_> {
    /// The least of several runs: what the worker does in between is not part of the request. The first run is not counted:
    /// its device is new. Each is from an address with limits of its own, in one network.
    async fn print(&mut self, name: &str, request: impl Fn(u32) -> Vec<u8>) {
        let mut costs = Vec::new();
        let mut cpu = Duration::ZERO;
        for run in 0..=RUNS {
            sleep(PAUSE).await;
            self.client += 1;
            let client = Ipv4Addr::new(127, 0, 0, self.client);
            let mut connection = Connection::open_from(client, self.server.address).await;
            let (start, cpu_before) = (Instant::now(), self.server.cpu());
            let (status, _) = connection.ask(&request(run)).await;
            assert!((200..300).contains(&status), "answered {status}");
            if run > 0 {
                costs.push(self.meter.cost_since(start));
                cpu += self.server.cpu() - cpu_before;
            }
        }
        let least = |part: fn(&Cost) -> f64| costs.iter().map(part).min_by(f64::total_cmp).unwrap();
        let (reads, writes) = (least(|cost| cost.reads), least(|cost| cost.writes));
        let round_trips = least(|cost| cost.round_trips as f64);
        println!(
            "  {name:<26} {round_trips:>11} {reads:>6.1} {writes:>7.1} {:>4} ms {:>10.2}",
            (cpu / RUNS).as_millis(),
            dollars(reads, writes)
        );
    }

    async fn print_idle(&self) {
        // The mails of the sign-ups are sent, and the audit log is sealed.
        sleep(Duration::from_secs(12)).await;
        let (start, cpu_before) = (Instant::now(), self.server.cpu());
        sleep(IDLE).await;
        let cost = self.meter.cost_since(start);
        let seconds = IDLE.as_secs_f64();
        let (reads, writes) = (cost.reads / seconds, cost.writes / seconds);
        println!(
            "  {:<38} {reads:>6.1} {writes:>7.1} {:>4.1} ms {:>10.2}",
            "idle, a second",
            (self.server.cpu() - cpu_before).as_secs_f64() * 1000.0 / seconds,
            dollars(reads, writes)
        );
    }
}

/// Of a million.
fn dollars(reads: f64, writes: f64) -> f64 {
    reads * READ_DOLLARS + writes * WRITE_DOLLARS
}

/// Creates the user who signs in, with a confirmed address.
fn create_user(server: &BenchServer, table: &str) {
    let mut create = Command::new(BINARY);
    create.args([
        "user",
        "create",
        "--email",
        "ben@example.com",
        "--password-stdin",
    ]);
    create.env_clear().env("DATABASE_URL", table);
    create.env("DOORWARD_DATA_DIR", server.folder());
    create.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut create = create.spawn().unwrap();
    let mut input = create.stdin.take().unwrap();
    writeln!(input, "{PASSWORD}").unwrap();
    drop(input);
    assert!(create.wait().unwrap().success());
}
