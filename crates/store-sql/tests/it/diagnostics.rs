//! Diagnostics of `doorward doctor` for a database. They change nothing.

use doorward_domain::clock::Clock;
use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_store_sql::{SqlSettings, diagnose, migrate};
use doorward_testkit::servers::{
    Authority, MariadbOptions, PostgresOptions, dedicated_mariadb, dedicated_postgres,
};
use doorward_testkit::{fixtures, servers};
use jiff::Timestamp;

/// A clock that agrees with the server's.
struct ThisMachine;

impl Clock for ThisMachine {
    #[expect(clippy::disallowed_methods, reason = "it is compared with a server's")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct AnotherYear;

impl Clock for AnotherYear {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

async fn examined(url: &str) -> Vec<Diagnostic> {
    let examined = diagnose(&SqlSettings::new(url), &ThisMachine).await;
    let is_away = |diagnostic: &Diagnostic| {
        diagnostic.check == "database" && diagnostic.status != CheckStatus::Passed
    };
    assert_eq!(
        examined.is_usable,
        !examined.diagnostics.iter().any(is_away)
    );
    examined.diagnostics
}

fn of<'f>(diagnostics: &'f [Diagnostic], check: &str) -> &'f Diagnostic {
    let of_check: Vec<_> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.check == check)
        .collect();
    assert_eq!(of_check.len(), 1, "{check}: {diagnostics:#?}");
    of_check[0]
}

fn assert_all_passed(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        assert_eq!(diagnostic.status, CheckStatus::Passed, "{diagnostic:?}");
    }
}

#[tokio::test]
async fn a_healthy_server_is_fine_throughout() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    for (url, name) in [(postgres.url(), "PostgreSQL "), (mariadb.url(), "MariaDB ")] {
        let before = examined(&url).await;
        let schema = of(&before, "database: schema");
        assert_eq!(schema.status, CheckStatus::Warning);
        assert!(
            schema
                .message
                .contains("7 (filters), 8 (nodes), 9 (filter_indexes)"),
            "{}",
            schema.message
        );
        // The check created nothing.
        let made = migrate(&SqlSettings::new(&url), fixtures::now()).await;
        assert_eq!(made.unwrap().len(), 9);
        let diagnostics = examined(&url).await;
        assert_all_passed(&diagnostics);
        assert_eq!(diagnostics.len(), 7, "{diagnostics:#?}");
        assert!(of(&diagnostics, "database").message.contains(name));

        let settings = SqlSettings::new(&url);
        let apart = diagnose(&settings, &AnotherYear).await.diagnostics;
        assert_eq!(of(&apart, "database: clock").status, CheckStatus::Warning);
        let many = SqlSettings {
            max_connections: 500,
            migrate: false,
            ..settings
        };
        let many = diagnose(&many, &ThisMachine).await.diagnostics;
        assert_eq!(
            of(&many, "database: connections").status,
            CheckStatus::Failed
        );
    }
}

/// C-07.
#[tokio::test]
async fn settings_that_lose_commits_are_named() {
    let postgres = examined(&servers::postgres().await).await;
    let weak = of(&postgres, "database: durability");
    assert_eq!(weak.status, CheckStatus::Warning);
    for name in ["fsync = off", "synchronous_commit = off"] {
        assert!(weak.message.contains(name), "{}", weak.message);
    }
    let mariadb = examined(&servers::mariadb().await).await;
    let weak = of(&mariadb, "database: durability");
    assert_eq!(weak.status, CheckStatus::Warning);
    let name = "innodb_flush_log_at_trx_commit = 0";
    assert!(weak.message.contains(name), "{}", weak.message);
}

/// C-03, C-05.
#[tokio::test]
async fn privileges_and_encryption_are_reported() {
    let authority = Authority::new();
    let certificate = Some(authority.certificate("127.0.0.1"));
    let postgres = dedicated_postgres(PostgresOptions {
        certificate: certificate.clone(),
        ..PostgresOptions::default()
    })
    .await;
    let mariadb = dedicated_mariadb(MariadbOptions {
        certificate,
        ..MariadbOptions::default()
    })
    .await;
    for url in [
        postgres.role("stranger", "").await,
        mariadb.user("stranger", "SELECT ON doorward.*").await,
    ] {
        let diagnostics = examined(&url).await;
        assert_eq!(
            of(&diagnostics, "database: privileges").status,
            CheckStatus::Failed
        );
        let tls = of(&diagnostics, "database: TLS");
        assert!(tls.message.starts_with("encrypted with"), "{}", tls.message);
    }
}

#[tokio::test]
async fn an_unavailable_database_is_one_diagnostic() {
    for url in [
        "postgres://ben:hidden@127.0.0.1:1/x",
        "mysql://ben:hidden@127.0.0.1:1/x",
        "postgres://h/x?sslmode=maybe",
        "oracle:x",
    ] {
        let diagnostics = examined(url).await;
        let away = of(&diagnostics, "database");
        assert_eq!(
            (away.status, diagnostics.len()),
            (CheckStatus::Failed, 1),
            "{url}"
        );
        let text = format!("{away:?}");
        assert!(away.hint.is_some() && !text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn sqlite_is_looked_at_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.db");
    let url = format!("sqlite:{}", file.display());
    let none = examined(&url).await;
    assert_eq!(of(&none, "database").status, CheckStatus::Warning);
    assert!(!file.exists());
    migrate(&SqlSettings::new(&url), fixtures::now())
        .await
        .unwrap();
    let diagnostics = examined(&url).await;
    assert_all_passed(&diagnostics);
    assert_eq!(diagnostics.len(), 3, "{diagnostics:#?}");
}

/// A name for this machine that could resolve to another one.
#[tokio::test]
async fn an_unencrypted_connection_is_reported() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    for (url, parameter) in [
        (postgres.url(), "?sslmode=verify-full"),
        (mariadb.url(), "?ssl-mode=VERIFY_IDENTITY"),
    ] {
        let diagnostics = examined(&url.replace("127.0.0.1", "127.1")).await;
        let tls = of(&diagnostics, "database: TLS");
        assert_eq!(tls.status, CheckStatus::Warning);
        assert!(tls.hint.as_ref().unwrap().contains(parameter), "{tls:?}");
    }
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let mariadb = dedicated_mariadb(MariadbOptions::default()).await;
    for url in [postgres.url(), mariadb.url()] {
        let made = migrate(&SqlSettings::new(&url), fixtures::now()).await;
        made.unwrap();
    }
    let of_tables = "SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public";
    for url in [
        postgres.role("writer", of_tables).await,
        mariadb
            .user("writer", "SELECT, INSERT, UPDATE ON doorward.*")
            .await,
    ] {
        let diagnostics = examined(&url).await;
        let rights = of(&diagnostics, "database: privileges");
        assert_eq!(rights.status, CheckStatus::Failed);
        let words = "does not let writer DELETE on jobs, DELETE on links, DELETE on sessions";
        assert!(rights.message.contains(words), "{}", rights.message);
        assert!(!rights.message.contains("UPDATE"), "{}", rights.message);
        let hint = rights.hint.as_ref().unwrap();
        let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON";
        assert!(hint.contains(grant), "{hint}");
    }
}
