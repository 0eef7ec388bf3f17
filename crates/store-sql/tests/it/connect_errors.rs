//! Errors that an operator reads, on real servers; and the privileges for running, which are fewer than those for
//! migrations.

use std::sync::Arc;

use doorward_domain::model::{TABLES, User};
use doorward_domain::sessions::SessionStore;
use doorward_domain::store::{Store, Write};
use doorward_store_sql::{SqlSettings, SqlStore, migrate};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    Authority, MariadbOptions, PostgresOptions, Replication, dedicated_mariadb, dedicated_postgres,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Asserts that connecting fails with these words, without the password.
async fn refused(url: &str, words: &[&str]) {
    let told = SqlStore::connect(&SqlSettings::new(url), fixtures::now()).await;
    let told = told.map(|_| ()).unwrap_err().to_string();
    for word in words {
        assert!(told.contains(word), "{word:?} is not in: {told}");
    }
    for secret in ["hidden", "wrong"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_database() {
    let postgres = dedicated_postgres(PostgresOptions {
        password: Some("hidden"),
        ..PostgresOptions::default()
    })
    .await;
    let mariadb = dedicated_mariadb(MariadbOptions {
        password: Some("hidden"),
        ..MariadbOptions::default()
    })
    .await;
    let sure = "check the password of doorward";
    refused(&postgres.url().replace("hidden", "wrong"), &[sure]).await;
    refused(&mariadb.url().replace("hidden", "wrong"), &[sure]).await;
    let make = "create it with CREATE DATABASE none";
    refused(&nowhere(&postgres.url()), &[make]).await;
    let root = mariadb.user("anyone", "ALL ON *.*").await;
    refused(&nowhere(&root), &[make]).await;
}

/// The same server, with a database that does not exist.
fn nowhere(url: &str) -> String {
    format!("{}none", url.strip_suffix("doorward").unwrap())
}

#[tokio::test]
async fn a_database_with_a_non_utf8_encoding() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = match encoding {
            "LATIN1" => "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
            _ => "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'",
        };
        let server = dedicated_postgres(PostgresOptions {
            database,
            ..PostgresOptions::default()
        })
        .await;
        let words = [encoding, "needs UTF8", "CREATE DATABASE doorward ENCODING"];
        refused(&server.url(), &words).await;
    }
}

#[tokio::test]
async fn a_read_only_server() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let replica = postgres.replica(Replication::Asynchronous).await;
    refused(&replica.url(), &["is read-only"]).await;
    let mariadb = dedicated_mariadb(MariadbOptions {
        settings: vec!["read_only=on"],
        ..MariadbOptions::default()
    })
    .await;
    refused(&mariadb.url(), &["is read-only"]).await;
}

#[tokio::test]
async fn a_server_that_is_too_old() {
    for (version, words) in [
        (
            "version=5.7.44-log",
            ["is MySQL 5.7.44", "needs 8.0 or later"],
        ),
        (
            "version=10.5.29-MariaDB",
            ["is MariaDB 10.5.29", "needs 10.6 or later"],
        ),
    ] {
        let server = dedicated_mariadb(MariadbOptions {
            settings: vec![version],
            ..MariadbOptions::default()
        })
        .await;
        refused(&server.url(), &words).await;
    }
}

#[tokio::test]
async fn a_server_that_is_full() {
    let server = dedicated_postgres(PostgresOptions {
        settings: vec!["max_connections=6", "superuser_reserved_connections=3"],
        ..PostgresOptions::default()
    })
    .await;
    let _full = server.fill().await;
    refused(&server.url(), &["raise the server's max_connections"]).await;
}

/// C-03.
#[tokio::test]
async fn a_server_without_tls() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    for url in [
        format!("{}?sslmode=require", postgres.url()),
        format!("{}?sslmode=verify-full", postgres.url()),
        format!("{}?ssl-mode=REQUIRED", mariadb.url()),
        format!("{}?ssl-mode=VERIFY_IDENTITY", mariadb.url()),
    ] {
        refused(&url, &["enable TLS on the server"]).await;
    }
}

/// C-03: by name and authority.
#[tokio::test]
async fn a_certificate_is_looked_at_where_that_is_asked_for() {
    let authority = Authority::new();
    let ours = authority.path().display().to_string();
    let other = Authority::new();
    let theirs = other.path().display().to_string();
    let postgres = dedicated_postgres(PostgresOptions {
        certificate: Some(authority.certificate("127.0.0.1")),
        ..PostgresOptions::default()
    })
    .await;
    let elsewhere = dedicated_postgres(PostgresOptions {
        certificate: Some(authority.certificate("db.example.com")),
        ..PostgresOptions::default()
    })
    .await;
    let mariadb = dedicated_mariadb(MariadbOptions {
        certificate: Some(authority.certificate("127.0.0.1")),
        ..MariadbOptions::default()
    })
    .await;
    let (postgres, mariadb, elsewhere) = (postgres.url(), mariadb.url(), elsewhere.url());
    let untrusted = ["file of the certificate authority"];
    for url in [
        format!("{postgres}?sslmode=verify-full"),
        format!("{postgres}?sslmode=verify-ca&sslrootcert={theirs}"),
        format!("{elsewhere}?sslmode=verify-full&sslrootcert={ours}"),
        format!("{mariadb}?ssl-mode=VERIFY_CA"),
        format!("{mariadb}?ssl-mode=VERIFY_IDENTITY&ssl-ca={theirs}"),
    ] {
        refused(&url, &untrusted).await;
    }
    for url in [
        postgres.clone(),
        format!("{postgres}?sslmode=require"),
        format!("{postgres}?sslmode=verify-full&sslrootcert={ours}"),
        format!("{elsewhere}?sslmode=verify-ca&sslrootcert={ours}"),
        mariadb.clone(),
        format!("{mariadb}?ssl-mode=VERIFY_IDENTITY&ssl-ca={ours}"),
    ] {
        let store = SqlStore::connect(&SqlSettings::new(&url), fixtures::now()).await;
        Store::ping(&store.unwrap()).await.unwrap();
    }
    // A server may require TLS, too.
    refused(&format!("{postgres}?sslmode=disable"), &["reports"]).await;
    refused(&format!("{mariadb}?ssl-mode=DISABLED"), &["reports"]).await;
}

#[tokio::test]
async fn parameters_that_cannot_be_meant() {
    for (url, words) in [
        (
            "postgres://h/d?ssl=true",
            ["unknown parameter ssl;", "known are sslmode"],
        ),
        (
            "mysql://h/d?tls=1",
            ["unknown parameter tls;", "known are ssl-mode"],
        ),
        (
            "postgres://h/d?sslmode=on",
            ["sslmode must be one of disable", "verify-full"],
        ),
        (
            "mysql://h/d?ssl-mode=verify-full",
            ["ssl-mode must be one of", "verify_identity"],
        ),
        (
            "postgres://h/d?sslmode=disable&ssl-mode=require",
            ["twice", "different values"],
        ),
        (
            "postgres://h/d?sslmode=require&sslrootcert=x",
            ["sslrootcert has no effect", "verify-full"],
        ),
        (
            "postgres://h/d?sslrootcert=x",
            ["sslrootcert has no effect", "verify-full"],
        ),
        (
            "mysql://h/d?ssl-ca=x&ssl-mode=required",
            ["ssl-ca has no effect", "VERIFY_IDENTITY"],
        ),
        (
            "postgres://h/d?sslmode=verify-full&sslcert=x",
            ["sslcert and sslkey", "must be set together"],
        ),
        (
            "mysql://h/d?ssl-cert=x&ssl-key=y",
            ["ssl-cert has no effect", "VERIFY_IDENTITY"],
        ),
        ("postgres://h1,h2/d", ["names several hosts", "a DNS name"]),
    ] {
        refused(url, &words).await;
    }
}

/// Everything that a running server does, with privileges on rows only.
async fn work_on(url: &str) {
    for migrate in [true, false] {
        let settings = SqlSettings {
            migrate,
            ..SqlSettings::new(url)
        };
        let store = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
        let user = fixtures::admin();
        let mut batch = user.insert();
        batch.extend([
            Write::put(&fixtures::credential(user.id)),
            Write::insert(&fixtures::mail_job(user.id)),
            Write::check::<User>(user.id, Vec::new()),
            Write::insert(&fixtures::audit_event(user.id)),
        ]);
        store.apply(batch).await.unwrap();
        let session = fixtures::session(user.id);
        let sessions = SessionStore::new(Arc::new(store.clone()), None);
        sessions.open(&session, Vec::new()).await.unwrap();
        assert!(sessions.delete(user.id, session.id).await.unwrap());
        for table in TABLES {
            store.sweep(table, fixtures::now()).await.unwrap();
        }
        store.apply(user.delete(fixtures::now())).await.unwrap();
        store.purge(TABLES, user.id.into()).await.unwrap();
        Store::ping(&store).await.unwrap();
        store.server_time().await.unwrap().unwrap();
    }
}

/// C-05: the minimal privileges suffice.
#[tokio::test]
async fn a_role_with_rights_on_rows_alone_can_run_but_not_migrate() {
    const ROWS: &str = "SELECT, INSERT, UPDATE, DELETE ON";
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let stranger = postgres.role("stranger", "").await;
    let words = [
        "permission denied for schema public",
        "GRANT USAGE, CREATE ON SCHEMA public TO \"stranger\"",
    ];
    refused(&stranger, &words).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    let guest = mariadb.user("guest", &format!("{ROWS} doorward.*")).await;
    refused(&guest, &["denied", "GRANT ALL ON `doorward`.* TO 'guest'"]).await;

    for url in [postgres.url(), mariadb.url()] {
        let made = migrate(&SqlSettings::new(url), fixtures::now()).await;
        assert!(!made.unwrap().is_empty());
    }
    let grants = format!("{ROWS} ALL TABLES IN SCHEMA public");
    work_on(&postgres.role("runner", &grants).await).await;
    work_on(&guest).await;
}

/// Each missing privilege is reported at the start, not at the first use.
#[tokio::test]
async fn a_missing_privilege_is_named() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    for url in [postgres.url(), mariadb.url()] {
        let made = migrate(&SqlSettings::new(url), fixtures::now()).await;
        made.unwrap();
    }
    let of_rows =
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \"reader\"";
    let nothing = postgres.role("reader", "").await;
    refused(&nothing, &["denied", "schema_migrations", of_rows]).await;
    let grant = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader";
    postgres.query(grant).await;
    let may_read = [
        "does not let reader UPDATE on pings, INSERT and UPDATE and DELETE on jobs",
        "INSERT and UPDATE and DELETE on users",
        "INSERT and UPDATE and DELETE on audit_verifications; ",
        of_rows,
    ];
    refused(&nothing, &may_read).await;
    let role = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public";
    let runner = postgres.role("runner", role).await;
    postgres
        .query("REVOKE DELETE ON sessions FROM runner")
        .await;
    refused(&runner, &["does not let runner DELETE on sessions; "]).await;
    // Operations that the store never performs need no privilege.
    let usual = "GRANT DELETE ON sessions TO runner; REVOKE INSERT, DELETE ON pings FROM runner";
    postgres.query(usual).await;
    work_on(&runner).await;

    let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON `doorward`.* TO 'reader'";
    let reader = mariadb.user("reader", "SELECT ON doorward.*").await;
    let may_read = ["UPDATE on pings", grant];
    refused(&reader, &may_read).await;
    let writer = mariadb
        .user("writer", "SELECT, INSERT, UPDATE ON doorward.*")
        .await;
    let words = ["DELETE on jobs, DELETE on links, DELETE on sessions"];
    refused(&writer, &words).await;
    mariadb
        .query("GRANT DELETE ON doorward.* TO writer@'%'")
        .await;
    work_on(&writer).await;
}

/// There is no MySQL 8 here, so this imitates the start of its handshake.
#[tokio::test]
async fn a_mysql_that_requires_tls_for_passwords() {
    const PLUGIN: &[u8] = b"caching_sha2_password\0";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut greeting = b"\x0a8.0.36\0\x01\0\0\0nonce-of\0\xff\xf7\xff\x02\0\xff\xdf\x15".to_vec();
    greeting.extend([0; 10]);
    greeting.extend(b"twelve-bytes\0");
    greeting.extend(PLUGIN);
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut heard = [0; 1024];
        // Its greeting; "authenticate in full"; its public key.
        for (number, packet) in [(0, &greeting[..]), (2, b"\x01\x04"), (4, b"\x01key")] {
            let length = u8::try_from(packet.len()).unwrap();
            client.write_all(&[length, 0, 0, number]).await.unwrap();
            client.write_all(packet).await.unwrap();
            if client.read(&mut heard).await.unwrap() == 0 {
                return;
            }
        }
    });
    let url = format!("mysql://doorward:hidden@127.0.0.1:{port}/doorward");
    refused(&url, &["over TLS only", "?ssl-mode=VERIFY_IDENTITY"]).await;
}
