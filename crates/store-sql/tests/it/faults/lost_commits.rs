//! Connections that are lost before or during a commit.

use doorward_domain::model::{Session, User};
use doorward_domain::store::{ApplyError, Records, Store};
use doorward_domain::values::SessionId;
use doorward_store_sql::SqlStore;
use doorward_testkit::fixtures::{self, now};
use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, Proxy, ProxyMode, Replication, dedicated_mariadb,
    dedicated_postgres,
};

use super::{connect, in_time, is_signed_up, sessions, sign_up, wait_until_healthy};

type Loss = fn(&'static str, u32) -> ProxyMode;

/// The bytes of a session's id, which the protocols send unchanged.
const NEEDLE: &str = "lost-with-answer";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_outcome_unknown_on_postgres() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    run_case(&proxy, &proxy.url(&server.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_commit_is_outcome_unknown_on_mariadb() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    run_case(&proxy, &proxy.url(&server.url())).await;
}

async fn run_case(proxy: &Proxy, url: &str) {
    let store = connect(url).await;
    // The commit reached the server and its response was lost; or the commit itself was.
    let losses: [(Loss, bool); 2] = [
        (ProxyMode::DropResponse, true),
        (ProxyMode::DropRequest, false),
    ];
    for (loss, is_done) in losses {
        let (user, batch) = sign_up();
        proxy.set(loss("COMMIT", 1)).await;
        let result = in_time(store.apply(batch)).await;
        assert!(
            matches!(result, Err(ApplyError::OutcomeUnknown(_))),
            "{result:?}"
        );
        assert_eq!(proxy.lost(), 1, "a commit is sent once");
        assert_eq!(is_signed_up(&store, &user).await, is_done);
        a_session(proxy, &store, loss).await;
    }
}

/// The write of a session is retried if the connection is lost before the commit.
async fn a_session(proxy: &Proxy, store: &SqlStore, loss: Loss) {
    let session = Session {
        id: SessionId::from_bytes(NEEDLE.as_bytes().try_into().unwrap()),
        ..fixtures::session(fixtures::user_id())
    };
    proxy.set(loss("COMMIT", 1)).await;
    let sessions = sessions(store);
    let result = in_time(sessions.open(&session, Vec::new())).await;
    assert!(
        matches!(result, Err(ApplyError::OutcomeUnknown(_))),
        "{result:?}"
    );
    let delete = || sessions.delete(session.user_id, session.id);
    delete().await.unwrap();

    proxy.set(loss(NEEDLE, 1)).await;
    in_time(sessions.open(&session, Vec::new())).await.unwrap();
    assert_eq!(proxy.lost(), 1);
    proxy.set(ProxyMode::Forward).await;
    let open = sessions.list(session.user_id, now()).await.unwrap();
    assert_eq!(open, std::slice::from_ref(&session));
    assert!(delete().await.unwrap());
}

/// Committed at the primary, and waiting for a replica that does not respond.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_waits_for_a_replica_is_outcome_unknown() {
    let primary = dedicated_postgres(PostgresOptions::default()).await;
    let replica = primary.replica(Replication::Synchronous).await;
    let store = connect(&primary.url()).await;
    let (user, batch) = sign_up();
    replica.pause().await;
    let result = in_time(store.apply(batch)).await;
    assert!(
        matches!(result, Err(ApplyError::OutcomeUnknown(_))),
        "{result:?}"
    );
    assert!(!is_signed_up(&store, &user).await);
    replica.resume().await;
    let is_there = async || match store.get::<User>(user.id).await.unwrap() {
        Some(_) => Ok(()),
        None => Err("not yet"),
    };
    wait_until_healthy(is_there).await;
    assert!(is_signed_up(&store, &user).await);
}
