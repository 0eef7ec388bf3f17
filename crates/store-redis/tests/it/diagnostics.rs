//! Checks of Redis by `doorward doctor`, which write nothing.

use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_store_redis::{RedisSettings, diagnose};
use doorward_testkit::servers::{RedisOptions, dedicated_redis, redis_cluster};

use crate::support::RIGHTS;

async fn look(url: &str) -> Vec<Diagnostic> {
    let settings = RedisSettings {
        url: url.parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    diagnose(&settings).await
}

fn statuses(diagnostics: &[Diagnostic]) -> Vec<(&str, CheckStatus)> {
    let pair = |diagnostic: &Diagnostic| (diagnostic.check, diagnostic.status);
    diagnostics.iter().map(pair).collect()
}

fn of<'a>(diagnostics: &'a [Diagnostic], check: &str) -> &'a Diagnostic {
    let found = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.check == check);
    found.unwrap_or_else(|| panic!("nothing about {check}: {diagnostics:?}"))
}

const ALL: [&str; 4] = ["redis", "redis: TLS", "redis: memory", "redis: persistence"];

#[tokio::test]
async fn a_good_server_passes_and_no_key_is_written() {
    let redis = dedicated_redis(RedisOptions {
        settings: vec!["appendonly yes", "maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let diagnostics = look(&redis.url()).await;
    let expected = ALL.map(|check| (check, CheckStatus::Passed));
    assert_eq!(statuses(&diagnostics), expected, "{diagnostics:#?}");
    assert!(of(&diagnostics, "redis").message.contains("standalone"));
    assert_eq!(redis.command(&["DBSIZE"]).await, "0");
}

#[tokio::test]
async fn risky_settings_are_warnings() {
    let redis = dedicated_redis(RedisOptions {
        settings: vec!["maxmemory 100mb", "maxmemory-policy volatile-lru"],
        ..RedisOptions::default()
    })
    .await;
    redis.command(&["CONFIG", "SET", "save", ""]).await;
    let diagnostics = look(&redis.url()).await;
    for check in ["redis: memory", "redis: persistence"] {
        let diagnostic = of(&diagnostics, check);
        assert_eq!(diagnostic.status, CheckStatus::Warning, "{diagnostic:?}");
        assert!(diagnostic.hint.is_some());
    }
    assert!(
        of(&diagnostics, "redis: memory")
            .message
            .contains("volatile-lru")
    );
}

#[tokio::test]
async fn settings_that_the_user_may_not_read_are_a_warning() {
    let redis = dedicated_redis(RedisOptions {
        user: Some(("doorward", "hunter2", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let diagnostics = look(&redis.url()).await;
    let hidden = of(&diagnostics, "redis: persistence");
    assert_eq!(hidden.status, CheckStatus::Warning);
    assert!(hidden.message.contains("CONFIG GET"), "{hidden:?}");
}

#[tokio::test]
async fn a_failed_login_has_its_reason() {
    let redis = dedicated_redis(RedisOptions {
        user: Some(("doorward", "right", "~* +@all")),
        ..RedisOptions::default()
    })
    .await;
    let wrong = redis.url().replace("right", "hunter2");
    let diagnostics = look(&wrong).await;
    assert_eq!(statuses(&diagnostics), [("redis", CheckStatus::Failed)]);
    assert!(
        diagnostics[0].message.contains("password"),
        "{diagnostics:?}"
    );
    redis.stop().await;
    let diagnostics = look(&redis.url()).await;
    assert_eq!(statuses(&diagnostics), [("redis", CheckStatus::Failed)]);
    assert!(
        diagnostics[0].message.contains("refused"),
        "{diagnostics:?}"
    );
}

#[tokio::test]
async fn a_cluster_is_checked() {
    let place = redis_cluster().await;
    let diagnostics = look(&place.url).await;
    assert!(of(&diagnostics, "redis").message.contains("cluster"));
}
