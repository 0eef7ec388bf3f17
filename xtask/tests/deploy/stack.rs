//! The environment of a compose file, with real servers instead of the stack's: the same users, passwords and
//! settings, other addresses.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, channel};

use doorward_testkit::http;
use doorward_testkit::port::Port;
use doorward_testkit::process::Process;
use doorward_testkit::servers::{
    Authority, MariadbOptions, PostgresOptions, RedisOptions, dedicated_mariadb,
    dedicated_postgres, dedicated_redis,
};
use doorward_testkit::wait::TEST_TIMEOUT;
use serde_json::Value;

use crate::files::{Variables, compose, image_variables, root, succeed, tool, variables};
use crate::image::{Running, enter, image};

/// Default password of the compose files.
const PASSWORD: &str = "onlyonthismachine";

/// Settings of the stack's Redis.
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

/// Replaces the mail catcher: accepts every mail and reports it.
struct Catcher {
    reported: Receiver<Value>,
    _process: Process,
}

impl Catcher {
    fn start() -> (Self, u16) {
        let script = root().join("crates/mail/tests/sink.py");
        let mut command = tool("python");
        command.arg(script).arg("ok");
        let (process, lines) = Process::read(&command);
        let (sender, reported) = channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let first: Value = reported.recv_timeout(TEST_TIMEOUT).unwrap();
        let port = first["port"].as_u64().unwrap().try_into().unwrap();
        let catcher = Self {
            reported,
            _process: process,
        };
        (catcher, port)
    }

    fn next_recipient(&self) -> String {
        loop {
            let reported = self
                .reported
                .recv_timeout(TEST_TIMEOUT)
                .expect("a mail arrives");
            if reported["event"] == "mail" {
                return reported["rcpt_tos"][0].as_str().unwrap().to_owned();
            }
        }
    }
}

/// Starts the stack of `file` with these addresses, and signs a user up.
fn live(file: &str, addresses: &[(&str, String)]) {
    let (catcher, mail_port) = Catcher::start();
    let kept = Port::free();
    let port = kept.number;
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
    let post = |path: &str, body: &Value| {
        http::send(
            "POST",
            &format!("http://localhost:{port}{path}"),
            None,
            Some(body),
        )
    };
    post(
        "/user",
        &serde_json::json!({"username": "ben", "email": "ben@example.com", "password": "three boats on a lake"}),
    )
    .expect(201);
    assert_eq!(catcher.next_recipient(), "ben@example.com");
    let printed = running.printed.join("\n");
    let password = printed
        .split("password `")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    let admin = serde_json::json!({"username": "admin", "password": password});
    let answer = post("/auth", &admin).expect(201).json();
    assert!(answer["token"].is_string());
    let doctor = running
        .exec(&environment, &["doctor", "--json"])
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{file}: {reported}");
    let report: Value = serde_json::from_str(&reported).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let is_ours = |finding: &&Value| {
        finding["check"] == "public URL"
            && finding["message"]
                .as_str()
                .unwrap()
                .contains("this Doorward")
    };
    assert!(findings.iter().any(|finding| is_ours(&finding)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_yaml_serves_on_postgresql_and_redis() {
    let postgres = dedicated_postgres(PostgresOptions {
        password: Some(PASSWORD),
        ..PostgresOptions::default()
    })
    .await;
    let redis = dedicated_redis(redis_options()).await;
    let addresses = [
        ("postgres:5432", postgres.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("compose.yaml", &addresses));
    lived.await.unwrap();
    // Sessions are in Redis only.
    assert_ne!(redis.command(&["DBSIZE"]).await, "0");
    assert_eq!(postgres.query("SELECT count(*) FROM sessions").await, "0");
}

/// `MariaDB` instead of `MySQL`, with an untrusted certificate: the connection is still encrypted, and the server
/// rejects clients without TLS.
#[tokio::test(flavor = "multi_thread")]
async fn compose_mysql_yaml_serves_on_mariadb_over_tls() {
    let mariadb = dedicated_mariadb(MariadbOptions {
        password: Some(PASSWORD),
        certificate: Some(Authority::new().certificate("mysql")),
        ..MariadbOptions::default()
    })
    .await;
    let redis = dedicated_redis(redis_options()).await;
    let addresses = [
        ("mysql:3306", mariadb.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("compose.mysql.yaml", &addresses));
    lived.await.unwrap();
    assert_ne!(redis.command(&["DBSIZE"]).await, "0");
}
