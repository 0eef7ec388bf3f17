//! A commit whose answer never came: done or not, what is told is so.

use doorward_domain::changes::{ApplyError, Change, Unique};
use doorward_domain::model::{Credential, Purpose, User};
use doorward_domain::ports::Store;
use doorward_store_sql::SqlStore;
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    MariadbOptions, Mood, PostgresOptions, Proxy, Replication, own_mariadb, own_postgres,
};

use super::{connect, in_time, is_signed_up, is_store_error, sign_up, until_well};

type Lost = fn(&'static str, u32) -> Mood;

/// The commit reached the server and its answer was lost, or the commit itself was.
const LOST: [Lost; 2] = [Mood::LoseAnswer, Mood::LoseRequest];

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    story(&proxy, &proxy.url(&server.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    let server = own_mariadb(MariadbOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    story(&proxy, &proxy.url(&server.url())).await;
}

async fn story(proxy: &Proxy, url: &str) {
    let store = connect(url).await;
    for lost in LOST {
        with_a_line_of_the_audit_log(proxy, &store, lost).await;
        with_a_user_alone(proxy, &store, lost).await;
        with_a_link(proxy, &store, lost).await;
        with_nothing_to_look_for(proxy, &store, lost).await;
        with_nothing_to_look_for_and_no_way_back(proxy, &store, lost).await;
    }
}

async fn lose(proxy: &Proxy, lost: Lost, times: u32) {
    proxy.set(lost("COMMIT", times)).await;
}

async fn lost(proxy: &Proxy, times: u32) {
    assert_eq!(proxy.lost(), times, "nothing was lost");
    proxy.set(Mood::Pass).await;
}

async fn with_a_line_of_the_audit_log(proxy: &Proxy, store: &SqlStore, mood: Lost) {
    for times in [1, 2] {
        let (user, _, changes) = sign_up();
        lose(proxy, mood, times).await;
        in_time(store.apply(changes)).await.unwrap();
        // What was committed is committed once.
        lost(proxy, if is_done(mood) { 1 } else { times }).await;
        assert!(is_signed_up(store, &user).await);
    }
}

/// Whether what was asked for was done before the answer was lost.
fn is_done(mood: Lost) -> bool {
    matches!(mood("", 0), Mood::LoseAnswer(..))
}

/// What others may remove is done where it is there; where it is not, nobody knows.
fn assert_told(told: &Result<(), ApplyError>, mood: Lost) {
    match told {
        Ok(()) if is_done(mood) => {}
        Err(ApplyError::OutcomeUnknown(_)) if !is_done(mood) => {}
        told => panic!("{told:?}"),
    }
}

/// The name is taken by now: by this very user.
async fn with_a_user_alone(proxy: &Proxy, store: &SqlStore, mood: Lost) {
    let user = fixtures::user();
    let insert = |user: &User| vec![Change::InsertUser(Box::new(user.clone()))];
    lose(proxy, mood, 1).await;
    let told = in_time(store.apply(insert(&user))).await;
    lost(proxy, 1).await;
    assert_told(&told, mood);
    let found = store.find_user(user.id).await.unwrap();
    assert_eq!(found, is_done(mood).then(|| user.clone()));
    if found.is_none() {
        store.apply(insert(&user)).await.unwrap();
    }

    let other = User {
        id: fixtures::user_id(),
        email: None,
        ..user
    };
    let refused = store.apply(insert(&other)).await;
    assert!(matches!(refused, Err(ApplyError::Taken(Unique::Username))));
}

async fn with_a_link(proxy: &Proxy, store: &SqlStore, mood: Lost) {
    let user = fixtures::user_id();
    let link = fixtures::link(user, Purpose::Recovery);
    let changes = vec![
        Change::RevokeLinks(user, vec![Purpose::Recovery]),
        Change::PutLink(link.clone()),
    ];
    lose(proxy, mood, 1).await;
    let told = in_time(store.apply(changes)).await;
    lost(proxy, 1).await;
    assert_told(&told, mood);
    let found = store.find_link(&link.digest).await.unwrap();
    assert_eq!(found, is_done(mood).then_some(link));
}

/// Made once more, it does no harm.
async fn with_nothing_to_look_for(proxy: &Proxy, store: &SqlStore, mood: Lost) {
    let user = fixtures::user_id();
    let (first, second) = (fixtures::credential(user), fixtures::credential(user));
    store
        .apply(vec![Change::PutCredential(first)])
        .await
        .unwrap();
    lose(proxy, mood, 1).await;
    in_time(store.apply(vec![Change::PutCredential(second.clone())]))
        .await
        .unwrap();
    lost(proxy, 1).await;
    let kept = store.find_credential(user).await.unwrap().unwrap();
    let hash = |credential: &Credential| credential.password_hash.expose().clone();
    assert_eq!(hash(&kept), hash(&second));
}

/// A link is used once: made again, it would be told to have been used by somebody else.
async fn with_nothing_to_look_for_and_no_way_back(proxy: &Proxy, store: &SqlStore, mood: Lost) {
    let link = fixtures::link(fixtures::user_id(), Purpose::Recovery);
    store
        .apply(vec![Change::PutLink(link.clone())])
        .await
        .unwrap();
    let used = Change::UseLink {
        digest: link.digest,
        at: fixtures::later(1),
    };
    lose(proxy, mood, 1).await;
    let told = in_time(store.apply(vec![used])).await;
    lost(proxy, 1).await;
    assert!(
        matches!(told, Err(ApplyError::OutcomeUnknown(_))),
        "{told:?}"
    );
}

/// The network is gone at the very end, and stays away.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_said_to_be_so() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(&server.url())).await;
    let (user, _, changes) = sign_up();
    lose(&proxy, Mood::LoseAnswer, 1).await;
    let applied = tokio::spawn({
        let store = store.clone();
        async move { in_time(store.apply(changes)).await }
    });
    while proxy.lost() == 0 {
        tokio::task::yield_now().await;
    }
    proxy.cut_off().await;
    let told = applied.await.unwrap();
    proxy.set(Mood::Pass).await;
    // It may have been quicker than the cut.
    match told {
        Err(ApplyError::OutcomeUnknown(_)) | Ok(()) => {}
        told => panic!("{told:?}"),
    }
    assert!(is_signed_up(&store, &user).await);
}

/// Committed at the primary, and waiting for a replica that says nothing: neither done nor not.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_waits_for_a_silent_replica_is_neither() {
    let primary = own_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let store = connect(&primary.url()).await;
    let (user, _, changes) = sign_up();
    replica.pause().await;
    let told = in_time(store.apply(changes)).await;
    assert!(
        matches!(told, Err(ApplyError::OutcomeUnknown(_))),
        "{told:?}"
    );
    assert!(!is_signed_up(&store, &user).await);
    replica.resume().await;
    let is_there = async || match store.find_user(user.id).await.unwrap() {
        Some(_) => Ok(()),
        None => Err("not yet"),
    };
    until_well(is_there).await;
    assert!(is_signed_up(&store, &user).await);
}

/// A worker sends the mail, and removes its row, before anybody can look for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_sent_meanwhile_is_not_sent_again() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(&server.url())).await;
    server
        .query(
            "CREATE TABLE sent (id BYTEA); \
             CREATE FUNCTION work() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN \
               INSERT INTO sent VALUES (NEW.id); DELETE FROM mail_jobs WHERE id = NEW.id; RETURN NULL; \
             END $$; \
             CREATE CONSTRAINT TRIGGER worker AFTER INSERT ON mail_jobs \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION work()",
        )
        .await;
    lose(&proxy, Mood::LoseAnswer, 1).await;
    let mail = Change::EnqueueMail(fixtures::mail_job(fixtures::user_id()));
    let told = in_time(store.apply(vec![mail])).await;
    lost(&proxy, 1).await;
    assert!(
        matches!(told, Err(ApplyError::OutcomeUnknown(_))),
        "{told:?}"
    );
    assert_eq!(server.query("SELECT COUNT(*) FROM sent").await.trim(), "1");
}

/// Whoever tries again while every commit is lost does not do so a thousand times.
#[tokio::test(flavor = "multi_thread")]
async fn commits_that_are_always_lost_are_tried_a_few_times() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(&server.url())).await;
    let (user, _, changes) = sign_up();
    proxy.set(Mood::LoseRequest("COMMIT", u32::MAX)).await;
    let told = in_time(store.apply(changes)).await;
    let lost = proxy.lost();
    proxy.set(Mood::Pass).await;
    assert!((2..=8).contains(&lost), "{lost} commits");
    assert!(is_store_error(&told), "{told:?}");
    assert!(!is_signed_up(&store, &user).await);
}

/// Where too little time is left to find out what became of a commit, none is sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_took_all_the_time_is_not_committed() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    let store = connect(&proxy.url(&server.url())).await;
    server
        .query(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               PERFORM pg_sleep(2.6); RETURN NEW; \
             END $$; \
             CREATE TRIGGER slow BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION dawdle(); \
             CREATE TRIGGER slow BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION dawdle()",
        )
        .await;
    let (user, _, changes) = sign_up();
    lose(&proxy, Mood::LoseAnswer, 1).await;
    let told = in_time(store.apply(changes)).await;
    lost(&proxy, 0).await;
    assert!(is_store_error(&told), "{told:?}");
    assert!(!is_signed_up(&store, &user).await);
}
