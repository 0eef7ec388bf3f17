//! Checks of Redis by `doorward doctor`, which leave nothing behind.

use std::sync::Arc;

use doorward_domain::checkup::{Finding, Verdict};
use doorward_domain::memory::SteppedClock;
use doorward_store_redis::{RedisSettings, examine};
use doorward_testkit::servers::{OwnRedis, RedisOptions, own_redis, redis_cluster};
use jiff::Timestamp;

async fn look(url: &str, now: Timestamp) -> Vec<Finding> {
    let settings = RedisSettings {
        url: url.parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    examine(&settings, Arc::new(SteppedClock::new(now))).await
}

/// The time of the server's clock.
async fn time_of(redis: &OwnRedis) -> Timestamp {
    let told = redis.command(&["TIME"]).await;
    let seconds = told.lines().next().unwrap().parse().unwrap();
    Timestamp::from_second(seconds).unwrap()
}

fn verdicts(findings: &[Finding]) -> Vec<(&str, Verdict)> {
    let pair = |finding: &Finding| (finding.part, finding.verdict);
    findings.iter().map(pair).collect()
}

fn of<'a>(findings: &'a [Finding], part: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.part == part);
    found.unwrap_or_else(|| panic!("nothing about {part}: {findings:?}"))
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
async fn a_good_server_passes_and_nothing_is_left_behind() {
    let redis = own_redis(RedisOptions {
        settings: vec!["appendonly yes", "maxmemory-policy noeviction"],
        ..RedisOptions::default()
    })
    .await;
    let findings = look(&redis.url(), time_of(&redis).await).await;
    let expected = ALL.map(|part| (part, Verdict::Fine));
    assert_eq!(verdicts(&findings), expected, "{findings:#?}");
    assert!(of(&findings, "redis").found.contains("standalone"));
    assert_eq!(redis.command(&["DBSIZE"]).await, "0");
}

#[tokio::test]
async fn risky_settings_are_warnings() {
    let redis = own_redis(RedisOptions {
        settings: vec!["maxmemory 100mb", "maxmemory-policy volatile-lru"],
        ..RedisOptions::default()
    })
    .await;
    redis.command(&["CONFIG", "SET", "save", ""]).await;
    let an_hour_off = time_of(&redis).await + jiff::SignedDuration::from_hours(1);
    let findings = look(&redis.url(), an_hour_off).await;
    for part in ["redis: memory", "redis: persistence", "redis: clock"] {
        let finding = of(&findings, part);
        assert_eq!(finding.verdict, Verdict::Warning, "{finding:?}");
        assert!(finding.mend.is_some());
    }
    assert!(
        of(&findings, "redis: memory")
            .found
            .contains("volatile-lru")
    );
    assert_eq!(of(&findings, "redis: rights").verdict, Verdict::Fine);
}

#[tokio::test]
async fn a_missing_right_is_a_fault() {
    let all = "~doorward:* +@all -config -@dangerous";
    for rights in [
        "~doorward:* +@all -hset",
        "~doorward:* +@all -evalsha",
        "~doorward:* +@all -time",
        "~other:* +@all",
    ] {
        let redis = own_redis(RedisOptions {
            user: Some(("doorward", "hunter2", rights)),
            ..RedisOptions::default()
        })
        .await;
        let findings = look(&redis.url(), time_of(&redis).await).await;
        let faults: Vec<_> = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Fault)
            .collect();
        let names_the_right = |finding: &&Finding| {
            let hint = finding.mend.as_ref();
            hint.is_some_and(|hint| hint.contains("grant"))
        };
        assert!(!faults.is_empty(), "{rights}: {findings:?}");
        assert!(faults.iter().all(names_the_right), "{rights}: {faults:?}");
        assert!(!format!("{findings:?}").contains("hunter2"));
    }
    let redis = own_redis(RedisOptions {
        user: Some(("doorward", "hunter2", all)),
        ..RedisOptions::default()
    })
    .await;
    let findings = look(&redis.url(), time_of(&redis).await).await;
    assert_eq!(of(&findings, "redis: rights").verdict, Verdict::Fine);
    let hidden = of(&findings, "redis: persistence");
    assert_eq!(hidden.verdict, Verdict::Warning);
    assert!(hidden.found.contains("CONFIG GET"), "{hidden:?}");
}

#[tokio::test]
async fn a_failed_login_has_its_reason() {
    let redis = own_redis(RedisOptions {
        user: Some(("doorward", "right", "~* +@all")),
        ..RedisOptions::default()
    })
    .await;
    let wrong = redis.url().replace("right", "hunter2");
    let findings = look(&wrong, time_of(&redis).await).await;
    assert_eq!(verdicts(&findings), [("redis", Verdict::Fault)]);
    assert!(findings[0].found.contains("password"), "{findings:?}");
    redis.stop().await;
    let findings = look(&redis.url(), Timestamp::UNIX_EPOCH).await;
    assert_eq!(verdicts(&findings), [("redis", Verdict::Fault)]);
    assert!(findings[0].found.contains("refused"), "{findings:?}");
}

#[tokio::test]
async fn a_cluster_is_checked() {
    let place = redis_cluster().await;
    let findings = look(&place.url, Timestamp::UNIX_EPOCH).await;
    assert!(of(&findings, "redis").found.contains("cluster"));
    assert_eq!(of(&findings, "redis: rights").verdict, Verdict::Fine);
}
