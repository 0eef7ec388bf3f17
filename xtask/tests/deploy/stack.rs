//! The environments of both nodes of a compose file, with real servers instead of the stack's: the same users,
//! passwords and settings, other addresses.

use std::io::BufRead;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use doorward_testkit::port::Port;
use doorward_testkit::process::Process;
use doorward_testkit::servers::{
    Authority, MariadbOptions, PostgresOptions, RedisOptions, dedicated_mariadb,
    dedicated_postgres, dedicated_redis,
};
use doorward_testkit::wait::TEST_TIMEOUT;
use serde_json::{Value, json};

use crate::files::{Variables, node_variables, nodes, root, succeed, tool};
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
pub struct Catcher {
    reported: Receiver<Value>,
    _process: Process,
}

impl Catcher {
    pub fn start() -> (Self, u16) {
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
        let mail = self.next_mail();
        mail["rcpt_tos"][0].as_str().unwrap().to_owned()
    }

    /// The next mail, as `sink.py` reports it.
    pub fn next_mail(&self) -> Value {
        loop {
            let reported = self
                .reported
                .recv_timeout(TEST_TIMEOUT)
                .expect("a mail arrives");
            if reported["event"] == "mail" {
                return reported;
            }
        }
    }
}

/// Replaces each address of the stack in the environment of a node.
fn relocated(node: &Value, addresses: &[(&str, String)]) -> Variables {
    let mut environment = node_variables(node);
    for (theirs, here) in addresses {
        let values = environment.values_mut();
        let found = values.filter(|value| value.contains(theirs));
        let replaced = found
            .map(|value| *value = value.replace(theirs, here))
            .count();
        assert_eq!(replaced, 1, "{theirs}");
    }
    environment
}

/// Starts both nodes of `file` with these addresses, and signs a user up.
fn live(file: &str, mut addresses: Vec<(&str, String)>) {
    let (catcher, mail_port) = Catcher::start();
    let (plain, tls) = (Port::free(), Port::free());
    let urls = [
        format!("http://localhost:{}", plain.number),
        format!("https://localhost:{}", tls.number),
    ];
    addresses.extend([
        ("127.0.0.1:1025", format!("127.0.0.1:{mail_port}")),
        ("https://localhost:9443", urls[1].clone()),
    ]);
    let listening = |node: &Value, listen: &str, port: &Port| {
        let listen = (listen, format!("0.0.0.0:{}", port.number));
        relocated(node, &[addresses.clone(), vec![listen]].concat())
    };
    let [first, second] = nodes(file);
    let environment = listening(&first, "0.0.0.0:8000", &plain);
    let tls_environment = listening(&second, "0.0.0.0:9443", &tls);

    let image = image();
    let running = Running::start(&mut enter(image.path(), &environment, &["serve"]));
    let mut serve = running.exec(&tls_environment, &["serve"]);
    let _tls = Running::start_until(&mut serve, "Doorward is ready");
    for environment in [&environment, &tls_environment] {
        succeed(&mut running.exec(environment, &["healthcheck", "--ready"]));
    }
    let certificate = running.file("/data/development-certificate.pem");
    let post = |url: &str, path: &str, body: &Value| -> Value {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body"]);
        curl.arg("--cacert").arg(&certificate);
        curl.args(["--json", &body.to_string()]);
        let output = succeed(curl.arg(format!("{url}{path}")));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    post(
        &urls[1],
        "/user",
        &json!({"username": "ben", "email": "ben@example.com", "password": "three boats on a lake"}),
    );
    assert_eq!(catcher.next_recipient(), "ben@example.com");
    let printed = running.printed.join("\n");
    let password = printed
        .split("password `")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    let admin = json!({"username": "admin", "password": password});
    // A session of one node is valid on the other: they have the same stores, keys and public URL.
    for (here, there) in [(&urls[0], &urls[1]), (&urls[1], &urls[0])] {
        let token = post(here, "/auth", &admin)["token"].clone();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body"]);
        curl.arg("--cacert").arg(&certificate);
        curl.args(["--oauth2-bearer", token.as_str().unwrap()]);
        succeed(curl.arg(format!("{there}/user/me")));
    }
    let doctor = running
        .exec(&environment, &["doctor", "--json"])
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{file}: {reported}");
    let report: Value = serde_json::from_str(&reported).unwrap();
    let findings = report["findings"].as_array().unwrap();
    // No authority that the machine knows signed the certificate.
    let warned: Vec<_> = findings
        .iter()
        .filter(|finding| finding["status"] != "passed")
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(warned, ["public URL: TLS"], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_compose_yml_serves_on_postgresql_and_redis() {
    let postgres = dedicated_postgres(PostgresOptions {
        password: Some(PASSWORD),
        ..PostgresOptions::default()
    })
    .await;
    let redis = dedicated_redis(redis_options()).await;
    let addresses = vec![
        ("postgres:5432", postgres.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("docker-compose.yml", addresses));
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
    let addresses = vec![
        ("mysql:3306", mariadb.address().to_string()),
        ("redis:6379", redis.address().to_string()),
    ];
    let lived = tokio::task::spawn_blocking(move || live("compose.mysql.yaml", addresses));
    lived.await.unwrap();
    assert_ne!(redis.command(&["DBSIZE"]).await, "0");
}
