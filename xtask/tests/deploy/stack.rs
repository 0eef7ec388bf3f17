//! The environment that a compose file gives Doorward, with real servers where the stack has its own:
//! the same users, passwords and settings, other addresses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use doorward_testkit::servers::{
    Authority, MariadbOptions, PostgresOptions, RedisOptions, own_mariadb, own_postgres, own_redis,
};
use serde_json::Value;

use crate::files::{Variables, compose, image_variables, root, succeed, tool, variables};
use crate::image::{Running, enter, image};

/// What the compose files have where nobody chose another.
const PASSWORD: &str = "onlyonthismachine";
const PATIENCE: Duration = Duration::from_secs(60);

/// What the stack's own Redis is told.
fn redis_options() -> RedisOptions {
    RedisOptions {
        settings: vec![
            "appendonly yes",
            "appendfsync everysec",
            "maxmemory 192mb",
            "maxmemory-policy noeviction",
        ],
        ..RedisOptions::default()
    }
}

/// The mail catcher's stand-in: it takes every mail and tells of it.
struct Catcher(Child, Receiver<Value>);

impl Catcher {
    fn start() -> (Self, u16) {
        let script = root().join("crates/mail/tests/sink.py");
        let mut command = tool("python");
        command.arg(script).arg("ok");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, told) = channel();
        let lines: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let first: Value = told.recv_timeout(PATIENCE).unwrap();
        let port = first["port"].as_u64().unwrap().try_into().unwrap();
        (Self(child, told), port)
    }

    fn next_recipient(&self) -> String {
        loop {
            let told = self.1.recv_timeout(PATIENCE).expect("a mail arrives");
            if told["event"] == "mail" {
                return told["rcpt_tos"][0].as_str().unwrap().to_owned();
            }
        }
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A request, and the answer's status and body; none where nobody answers.
pub fn post(port: u16, path: &str, body: &Value) -> Option<(u16, Value)> {
    let body = body.to_string();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Looks until there is something to see. For what another process does in its own time.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Brings the stack up as `file` has it, but for these addresses, and lives in it for a moment.
fn live(file: &str, addresses: &[(&str, String)]) {
    let (catcher, mail_port) = Catcher::start();
    let port = free_port();
    let mut environment: Variables = image_variables();
    environment.extend(variables(
        &compose(file)["services"]["doorward"]["environment"],
    ));
    for (theirs, here) in addresses {
        let values = environment.values_mut();
        let found = values.filter(|value| value.contains(theirs));
        let replaced = found
            .map(|value| *value = value.replace(theirs, here))
            .count();
        assert_eq!(replaced, 1, "{file}: {theirs}");
    }
    let own = [
        ("SMTP_URL", format!("smtp://127.0.0.1:{mail_port}")),
        ("DOORWARD_LISTEN", format!("0.0.0.0:{port}")),
        ("DOORWARD_PUBLIC_URL", format!("http://localhost:{port}")),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));

    let image = image();
    let running = Running::start(&mut enter(image.path(), &environment, &["serve"]));
    succeed(&mut running.exec(&environment, &["healthcheck", "--ready"]));
    let (status, _) = post(
        port,
        "/user",
        &serde_json::json!({"username": "ben", "email": "ben@example.com", "password": "three boats on a lake"}),
    )
    .unwrap();
    assert_eq!(status, 201);
    assert_eq!(catcher.next_recipient(), "ben@example.com");
    let said = running.said.join("\n");
    let password = said
        .split("password `")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    let (status, answer) = post(
        port,
        "/auth",
        &serde_json::json!({"username": "admin", "password": password}),
    )
    .unwrap();
    assert_eq!(status, 201);
    assert!(answer["token"].is_string());
    let doctor = running
        .exec(&environment, &["doctor", "--json"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{file}: {told}");
    let report: Value = serde_json::from_str(&told).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let is_ours = |finding: &&Value| {
        finding["part"] == "public URL"
            && finding["found"].as_str().unwrap().contains("this Doorward")
    };
    assert!(findings.iter().any(|finding| is_ours(&finding)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_yaml_serves_on_postgresql_and_redis() {
    let postgres = own_postgres(PostgresOptions {
        password: Some(PASSWORD),
        ..PostgresOptions::default()
    })
    .await;
    let redis = own_redis(redis_options()).await;
    let addresses = [
        ("postgres:5432", postgres.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("compose.yaml", &addresses));
    lived.await.unwrap();
    // Sessions are there, and nowhere else.
    assert_ne!(redis.command(&["DBSIZE"]).await, "0");
    assert_eq!(postgres.query("SELECT count(*) FROM sessions").await, "0");
}

/// `MariaDB` in the place of `MySQL`, with a certificate that nobody knows: the way there is encrypted all
/// the same, and without TLS the server lets nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn compose_mysql_yaml_serves_on_mariadb_by_tls() {
    let mariadb = own_mariadb(MariadbOptions {
        password: Some(PASSWORD),
        certificate: Some(Authority::new().certificate("mysql")),
        ..MariadbOptions::default()
    })
    .await;
    let redis = own_redis(redis_options()).await;
    let addresses = [
        ("mysql:3306", mariadb.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("compose.mysql.yaml", &addresses));
    lived.await.unwrap();
    assert_ne!(redis.command(&["DBSIZE"]).await, "0");
}
