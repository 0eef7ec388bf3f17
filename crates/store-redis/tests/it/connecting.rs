//! Login and encryption of the connection to Redis.

use doorward_domain::keys::CounterKeys;
use doorward_domain::sessions::SeparateSessions;
use doorward_store_redis::{RedisSettings, RedisStore};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{Authority, RedisOptions, dedicated_redis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{RIGHTS, cause, open, use_it};

#[test]
fn the_docs_list_the_rights() {
    let page = include_str!("../../../../docs/STORES.md");
    let line = format!("ACL SETUSER doorward on >PASSWORD {RIGHTS}\n");
    assert!(page.contains(&line), "the page does not have: {line}");
}

/// C-09.
#[tokio::test]
async fn the_documented_rights_are_sufficient() {
    let redis = dedicated_redis(RedisOptions {
        user: Some(("doorward", "s3cret:%40/", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let url = redis.url().replace("s3cret:%40/", "s3cret%3A%2540%2F");
    let store = open(&url);
    store.connect().await.unwrap();
    use_it(&store).await;
}

#[tokio::test]
async fn a_wrong_password_is_reported_without_the_password() {
    let redis = dedicated_redis(RedisOptions {
        user: Some(("doorward", "right", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    for (login, says) in [
        ("doorward:hunter2@", "WRONGPASS"),
        (":hunter2@", "WRONGPASS"),
        ("", "NOAUTH"),
    ] {
        let url = format!("redis://{login}{}", redis.address());
        let error = open(&url).ping().await.unwrap_err();
        let reported = format!("{} {error:?}", cause(&error));
        assert!(reported.contains(says), "{reported}");
        assert!(!reported.contains("hunter2"), "{reported}");
    }
}

/// C-03.
#[tokio::test]
async fn tls_trusts_only_the_configured_authority() {
    let authority = Authority::new();
    let redis = dedicated_redis(RedisOptions {
        certificate: Some(authority.certificate("127.0.0.1")),
        user: Some(("doorward", "secret", RIGHTS)),
        ..RedisOptions::default()
    })
    .await;
    let trusting = |authority: &Authority| {
        let path = authority.path();
        format!("{}?ca={}", redis.url(), path.display())
    };
    use_it(&open(&trusting(&authority))).await;
    let refused = async |url: &str| open(url).ping().await.unwrap_err();
    let other_authority = Authority::new();
    let error = refused(&trusting(&other_authority)).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    let error = refused(&redis.url()).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    let elsewhere = trusting(&authority).replace("127.0.0.1", "localhost");
    let error = refused(&elsewhere).await;
    assert!(
        cause(&error).to_string().contains("certificate"),
        "{}",
        cause(&error)
    );
    // A server that only uses TLS rejects a plain connection.
    refused(&redis.url().replace("rediss", "redis")).await;
}

#[tokio::test]
async fn a_missing_certificate_file_is_an_error_at_the_start() {
    let settings = RedisSettings {
        url: "rediss://localhost?ca=/nowhere/ca.pem".parse().unwrap(),
        prefix: RedisSettings::PREFIX.to_owned(),
    };
    let fault = RedisStore::open(settings, CounterKeys::for_probes())
        .err()
        .unwrap()
        .to_string();
    assert!(fault.contains("/nowhere/ca.pem"), "{fault}");
}

/// A server that sends this reply to each request.
async fn answering(answer: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            while stream.read(&mut request).await.unwrap_or(0) > 0 {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    format!("redis://{address}")
}

#[tokio::test]
async fn a_redis_that_has_too_many_clients_does_not_stop_the_start() {
    let store = open(&answering("-ERR max number of clients reached\r\n").await);
    store.connect().await.unwrap();
    let error = store.ping().await.unwrap_err();
    let reported = cause(&error).to_string();
    assert!(reported.contains("max number of clients"), "{reported}");
}

#[tokio::test]
async fn a_numbered_database_is_used() {
    let redis = dedicated_redis(RedisOptions::default()).await;
    let third = open(&format!("{}/3", redis.url()));
    let session = fixtures::session(fixtures::user_id());
    third.insert_session(&session).await.unwrap();
    let keys = async |number| redis.command(&["-n", number, "DBSIZE"]).await;
    assert_eq!((keys("3").await, keys("0").await), ("2".into(), "0".into()));
    let error = open(&format!("{}/99", redis.url())).ping().await;
    let text = cause(&error.unwrap_err()).to_string();
    assert!(text.contains("database"), "{text}");
}
