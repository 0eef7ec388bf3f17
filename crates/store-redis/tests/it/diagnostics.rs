//! Checks of Redis by `doorward doctor`, which leave nothing behind.

use std::sync::Arc;

use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_domain::memory::SteppedClock;
use doorward_store_redis::{RedisSettings, diagnose};
use doorward_testkit::servers::{DedicatedRedis, RedisOptions, dedicated_redis, redis_cluster};
use jiff::Timestamp;

async fn look(url: &str, now: Timestamp) -> Vec<Diagnostic> {
    let settings = RedisSettings {
        url: url.parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    diagnose(&settings, Arc::new(SteppedClock::new(now))).await
}

/// The time of the server's clock.
async fn time_of(redis: &DedicatedRedis) -> Timestamp {
    let time = redis.command(&["TIME"]).await;
    let seconds = time.lines().next().unwrap().parse().unwrap();
    Timestamp::from_second(seconds).unwrap()
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

const ALL: [&str; 6] = [
    "redis",
    "redis: TLS",
    "redis: rights",
    "redis: memory",
    "redis: persistence",
    "redis: clock",
];

#[tokio::test]
async fn a_good_server_passes_and_no_key_is_left() {
    let redis = dedicated_redis(RedisOptions {
        settings: vec!["appendonly yes", "maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let diagnostics = look(&redis.url(), time_of(&redis).await).await;
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
    let an_hour_off = time_of(&redis).await + jiff::SignedDuration::from_hours(1);
    let diagnostics = look(&redis.url(), an_hour_off).await;
    for check in ["redis: memory", "redis: persistence", "redis: clock"] {
        let diagnostic = of(&diagnostics, check);
        assert_eq!(diagnostic.status, CheckStatus::Warning, "{diagnostic:?}");
        assert!(diagnostic.hint.is_some());
    }
    assert!(
        of(&diagnostics, "redis: memory")
            .message
            .contains("volatile-lru")
    );
    assert_eq!(
        of(&diagnostics, "redis: rights").status,
        CheckStatus::Passed
    );
}

#[tokio::test]
async fn a_missing_right_is_a_failure() {
    let all = "~doorward:* +@all -config -@dangerous";
    for rights in [
        "~doorward:* +@all -hset",
        "~doorward:* +@all -evalsha",
        "~doorward:* +@all -time",
        "~other:* +@all",
    ] {
        let redis = dedicated_redis(RedisOptions {
            user: Some(("doorward", "hunter2", rights)),
            ..RedisOptions::default()
        })
        .await;
        let diagnostics = look(&redis.url(), time_of(&redis).await).await;
        let faults: Vec<_> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.status == CheckStatus::Failed)
            .collect();
        let names_the_right = |diagnostic: &&Diagnostic| {
            let hint = diagnostic.hint.as_ref();
            hint.is_some_and(|hint| hint.contains("grant"))
        };
        assert!(!faults.is_empty(), "{rights}: {diagnostics:?}");
        assert!(faults.iter().all(names_the_right), "{rights}: {faults:?}");
        assert!(!format!("{diagnostics:?}").contains("hunter2"));
    }
    let redis = dedicated_redis(RedisOptions {
        user: Some(("doorward", "hunter2", all)),
        ..RedisOptions::default()
    })
    .await;
    let diagnostics = look(&redis.url(), time_of(&redis).await).await;
    assert_eq!(
        of(&diagnostics, "redis: rights").status,
        CheckStatus::Passed
    );
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
    let diagnostics = look(&wrong, time_of(&redis).await).await;
    assert_eq!(statuses(&diagnostics), [("redis", CheckStatus::Failed)]);
    assert!(
        diagnostics[0].message.contains("password"),
        "{diagnostics:?}"
    );
    redis.stop().await;
    let diagnostics = look(&redis.url(), Timestamp::UNIX_EPOCH).await;
    assert_eq!(statuses(&diagnostics), [("redis", CheckStatus::Failed)]);
    assert!(
        diagnostics[0].message.contains("refused"),
        "{diagnostics:?}"
    );
}

#[tokio::test]
async fn a_cluster_is_checked() {
    let place = redis_cluster().await;
    let diagnostics = look(&place.url, Timestamp::UNIX_EPOCH).await;
    assert!(of(&diagnostics, "redis").message.contains("cluster"));
    assert_eq!(
        of(&diagnostics, "redis: rights").status,
        CheckStatus::Passed
    );
}
