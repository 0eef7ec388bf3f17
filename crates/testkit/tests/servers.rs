//! The servers that tests break do break, and the proxy does what its moods specify.

#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use doorward_testkit::servers::{
    Authority, DedicatedServer, MariadbOptions, PostgresOptions, Proxy, ProxyMode, Replication,
    dedicated_mariadb, dedicated_postgres,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const MOMENT: Duration = Duration::from_millis(300);
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

async fn is_refused(server: &DedicatedServer) -> bool {
    TcpStream::connect(server.address()).await.is_err()
}

/// Returns `true` if the server responds to a client that sends bytes.
async fn says_something(server: &DedicatedServer, hello: &[u8]) -> bool {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(hello).await.unwrap();
    let mut byte = [0];
    timeout(MOMENT * 3, stream.read_exact(&mut byte))
        .await
        .is_ok()
}

/// PostgreSQL's request for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test]
async fn a_postgres_can_be_stopped_killed_paused_and_started() {
    let postgres = dedicated_postgres(PostgresOptions {
        settings: vec!["max_connections=7"],
        database: "TEMPLATE template0 ENCODING 'LATIN1'",
        ..PostgresOptions::default()
    })
    .await;
    let ask = "SELECT current_setting('max_connections'), pg_encoding_to_char(encoding), \
               current_setting('fsync') FROM pg_database WHERE datname = current_database()";
    assert_eq!(postgres.query(ask).await, "7|LATIN1|on");
    postgres.query("CREATE TABLE kept (one INTEGER)").await;
    postgres.stop().await;
    assert!(is_refused(&postgres).await);
    postgres.start().await;
    postgres.query("INSERT INTO kept VALUES (1)").await;
    postgres.kill().await;
    assert!(is_refused(&postgres).await);
    postgres.start().await;
    assert_eq!(postgres.query("SELECT one FROM kept").await, "1");
    postgres.pause().await;
    assert!(!says_something(&postgres, &SSL_REQUEST).await);
    postgres.resume().await;
    assert!(says_something(&postgres, &SSL_REQUEST).await);
    assert_eq!(
        postgres.role("reader", "SELECT ON kept").await,
        format!("postgres://reader@{}/doorward", postgres.address())
    );
    let may = "SELECT has_schema_privilege('reader', 'public', 'CREATE'), \
               has_schema_privilege('doorward', 'public', 'CREATE')";
    assert_eq!(postgres.query(may).await, "f|t");
    let house = postgres.fill().await;
    let guests = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'doorward'";
    assert_eq!(
        postgres.query(guests).await,
        "4",
        "three of seven are kept for superusers"
    );
    drop(house);
    // It stops even while it is paused.
    postgres.pause().await;
}

#[tokio::test]
async fn a_replica_has_what_was_acknowledged_when_its_primary_dies() {
    let primary = dedicated_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    primary.query("CREATE TABLE kept AS SELECT 1 AS one").await;
    primary.kill().await;
    replica.promote().await;
    replica.query("INSERT INTO kept VALUES (2)").await;
    assert_eq!(replica.query("SELECT SUM(one) FROM kept").await, "3");
    assert_ne!(replica.url(), primary.url());
}

#[tokio::test]
async fn a_mariadb_can_be_stopped_killed_paused_and_started() {
    let mariadb = dedicated_mariadb(MariadbOptions {
        settings: vec!["max_connections=11", "default_time_zone=-03:00"],
        database: "COLLATE latin1_german1_ci",
        ..MariadbOptions::default()
    })
    .await;
    let ask = "SELECT @@max_connections, @@time_zone, @@collation_database, \
               @@innodb_flush_log_at_trx_commit";
    assert_eq!(mariadb.query(ask).await, "11\t-03:00\tlatin1_german1_ci\t1");
    mariadb.query("CREATE TABLE kept (one INTEGER)").await;
    mariadb.stop().await;
    assert!(is_refused(&mariadb).await);
    mariadb.start().await;
    mariadb.query("INSERT INTO kept VALUES (1)").await;
    mariadb.kill().await;
    assert!(is_refused(&mariadb).await);
    mariadb.start().await;
    assert_eq!(mariadb.query("SELECT one FROM kept").await, "1");
    mariadb.pause().await;
    assert!(!says_something(&mariadb, b"").await);
    mariadb.resume().await;
    assert!(says_something(&mariadb, b"").await);
    let house = mariadb.fill().await;
    let guests = "SELECT count(*) FROM information_schema.processlist WHERE user = 'doorward'";
    assert_eq!(mariadb.query(guests).await, "11");
    drop(house);
    mariadb.pause().await;
}

#[tokio::test]
#[ignore = "the next test runs it in a process of its own, and kills that"]
async fn a_process_with_a_paused_server() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    postgres.pause().await;
    println!("paused at {}", postgres.address());
    std::io::read_to_string(std::io::stdin()).unwrap();
}

#[tokio::test]
async fn a_server_ends_with_its_test_process_even_if_both_cannot_help_it() {
    let mut process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "a_process_with_a_paused_server"])
        .arg("--nocapture")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().split_once("paused at ")?.1.parse().ok())
        .unwrap();
    let is_there = |address: SocketAddr| std::net::TcpStream::connect(address).is_ok();
    assert!(is_there(address));
    process.kill().unwrap();
    process.wait().unwrap();
    let deadline = Instant::now() + TEST_TIMEOUT;
    while is_there(address) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(MOMENT).await;
    }
}

/// Returns `true` if a client of that server, with full verification, connects.
fn is_content(program: &str, arguments: &[&str]) -> bool {
    let mut client = std::process::Command::new(program);
    client.env("PGPASSWORD", "secret").args(arguments);
    let output = client.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    println!("{program} {arguments:?}: {told}");
    output.status.success()
}

#[tokio::test]
async fn tls_has_the_name_and_the_authority_that_it_was_given() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let postgres = |host: &str| {
        let certificate = Some(authority.certificate(host));
        let password = Some("secret");
        dedicated_postgres(PostgresOptions {
            certificate,
            password,
            ..PostgresOptions::default()
        })
    };
    let (right, wrong) = tokio::join!(postgres("127.0.0.1"), postgres("elsewhere.example"));
    for (server, authority, mode, expected) in [
        (&right, &authority, "verify-full", true),
        (&right, &stranger, "verify-full", false),
        (&wrong, &authority, "verify-full", false),
        (&wrong, &authority, "verify-ca", true),
        (&right, &authority, "disable", false),
    ] {
        let root = authority.path();
        let url = format!(
            "{}?sslmode={mode}&sslrootcert={}",
            server.url(),
            root.display()
        );
        let arguments = ["-X", "-c", "SELECT 1", &url];
        assert_eq!(is_content("psql", &arguments), expected, "{url}");
    }
    let certificate = Some(authority.certificate("127.0.0.1"));
    let mariadb = dedicated_mariadb(MariadbOptions {
        certificate,
        ..MariadbOptions::default()
    })
    .await;
    let port = format!("--port={}", mariadb.port());
    let login = [
        "--no-defaults",
        "--host=127.0.0.1",
        &port,
        "--user=doorward",
    ];
    for (flag, expected) in [
        (format!("--ssl-ca={}", authority.path().display()), true),
        (format!("--ssl-ca={}", stranger.path().display()), false),
        ("--skip-ssl".to_owned(), false),
    ] {
        let verify = ["--ssl-verify-server-cert", &flag, "--execute=SELECT 1"];
        let arguments: Vec<&str> = login.iter().chain(&verify).copied().collect();
        assert_eq!(is_content("mariadb", &arguments), expected, "{flag}");
    }
}

/// A server that echoes, and a proxy in front of it.
async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    proxy
}

async fn client(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// Sends a text and returns the echo. An error if the connection is reset.
async fn says(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    timeout(TEST_TIMEOUT, stream.read_exact(&mut answer)).await??;
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn a_proxy_refuses_cuts_and_passes_again() {
    let proxy = echo().await;
    let mut early = client(&proxy).await;
    assert_eq!(says(&mut early, "one").await.unwrap(), "one");
    proxy.set(ProxyMode::Refuse).await;
    // Another program may have the port by now, but it does not echo.
    if let Ok(mut other) = TcpStream::connect(proxy.address()).await {
        assert!(says(&mut other, "not forwarded").await.is_err());
    }
    assert_eq!(says(&mut early, "two").await.unwrap(), "two");
    proxy.reset_connections();
    assert!(says(&mut early, "three").await.is_err());
    proxy.set(ProxyMode::Forward).await;
    assert_eq!(
        says(&mut client(&proxy).await, "four").await.unwrap(),
        "four"
    );
    let behind = proxy.url(&format!("postgres://x@{}/y", proxy.target_address()));
    assert_eq!(behind, format!("postgres://x@{}/y", proxy.address()));
}

#[tokio::test]
async fn a_proxy_stalls_and_is_slow() {
    let proxy = echo().await;
    let mut early = client(&proxy).await;
    assert_eq!(says(&mut early, "one").await.unwrap(), "one");
    proxy.set(ProxyMode::Stall).await;
    let mut late = client(&proxy).await;
    let (first, second) = tokio::join!(
        timeout(MOMENT, says(&mut early, "two")),
        timeout(MOMENT, says(&mut late, "three"))
    );
    assert!(first.is_err() && second.is_err());
    proxy.set(ProxyMode::Slow(MOMENT)).await;
    let started = Instant::now();
    let mut held = [0; 3];
    early.read_exact(&mut held).await.unwrap();
    assert_eq!(&held, b"two", "what was held back goes on its way");
    assert_eq!(says(&mut early, "four").await.unwrap(), "four");
    assert!(started.elapsed() >= MOMENT * 2);
}

#[tokio::test]
async fn a_proxy_loses_an_answer_or_a_request() {
    let proxy = echo().await;
    for mode in [
        ProxyMode::DropResponse("COMMIT", 1),
        ProxyMode::DropRequest("COMMIT", 1),
    ] {
        proxy.set(mode).await;
        let mut stream = client(&proxy).await;
        assert_eq!(says(&mut stream, "begin").await.unwrap(), "begin");
        // In two packets.
        assert_eq!(says(&mut stream, "x COM").await.unwrap(), "x COM");
        assert!(says(&mut stream, "MIT").await.is_err());
        assert_eq!(proxy.lost(), 1);
        let mut stream = client(&proxy).await;
        assert_eq!(says(&mut stream, "COMMIT").await.unwrap(), "COMMIT");
        assert_eq!(proxy.lost(), 1);
    }
}

#[tokio::test]
async fn a_proxy_delivers_late_after_the_client_gave_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await;
    proxy.set(ProxyMode::Delay("COMMIT", MOMENT)).await;
    let mut stream = client(&proxy).await;
    stream.write_all(b"COMMIT").await.unwrap();
    drop(stream);
    let started = Instant::now();
    let mut got = String::new();
    let (mut server, _) = listener.accept().await.unwrap();
    server.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "COMMIT");
    assert!(started.elapsed() > MOMENT / 2);
}

#[test]
fn doorward_serves_stops_and_starts_again_in_its_folder() {
    let server = doorward_testkit::servers::Doorward::start(&[]);
    assert!(server.url().ends_with(&server.port().to_string()));
    assert!(server.folder().join("data/doorward.db").is_file());
    server.stop();
    assert!(server.log().contains("\"stopped\""), "{}", server.log());
    server.start_again();
}
