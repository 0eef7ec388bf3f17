//! A statement that commits by itself, whose answer never came.

use doorward_domain::model::Session;
use doorward_domain::ports::Sessions;
use doorward_domain::values::SessionId;
use doorward_store_sql::SqlStore;
use doorward_testkit::fixtures::{self, later, now};
use doorward_testkit::servers::{
    MariadbOptions, Mood, PostgresOptions, Proxy, own_mariadb, own_postgres,
};

use super::{connect, in_time};

/// The bytes of a session's id, which go over the wire as they are.
const NEEDLE: &str = "lost-with-answer";

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let server = own_postgres(PostgresOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    story(&proxy, &connect(&proxy.url(&server.url())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    let server = own_mariadb(MariadbOptions::default()).await;
    let proxy = Proxy::to(server.address()).await;
    story(&proxy, &connect(&proxy.url(&server.url())).await).await;
}

async fn story(proxy: &Proxy, store: &SqlStore) {
    let user = fixtures::user_id();
    for mood in [Mood::LoseAnswer, Mood::LoseRequest] {
        let session = Session {
            id: SessionId::from_bytes(NEEDLE.as_bytes().try_into().unwrap()),
            ..fixtures::session(user)
        };
        proxy.set(mood(NEEDLE, 1)).await;
        in_time(store.insert_session(&session)).await.unwrap();
        assert_eq!(proxy.lost(), 1);
        let open = store.list_sessions(user, now()).await.unwrap();
        assert_eq!(open, std::slice::from_ref(&session));

        let renewed = Session {
            generation: session.generation + 1,
            renewed_at: later(7),
            ..session.clone()
        };
        proxy.set(mood(NEEDLE, 1)).await;
        let expected = session.generation;
        assert!(
            in_time(store.renew_session(&renewed, expected))
                .await
                .unwrap()
        );
        assert_eq!(proxy.lost(), 1);
        // Another's renewal is never taken for one's own.
        let late = Session {
            renewed_at: later(8),
            ..renewed.clone()
        };
        proxy.set(mood(NEEDLE, 1)).await;
        assert!(!in_time(store.renew_session(&late, expected)).await.unwrap());
        assert_eq!(proxy.lost(), 1);

        proxy.set(mood(NEEDLE, 1)).await;
        assert!(
            in_time(store.delete_session(user, session.id))
                .await
                .unwrap()
        );
        assert_eq!(proxy.lost(), 1);
        proxy.set(Mood::Pass).await;
        assert!(!store.delete_session(user, session.id).await.unwrap());
        assert_eq!(store.list_sessions(user, now()).await.unwrap(), []);
    }
}
