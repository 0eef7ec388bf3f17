//! The contract on each database: one module per database and a new database for each case.

use std::sync::Arc;

use doorward_domain::sessions::SessionStore;
use doorward_domain::store::Store;
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::contract::OpenedPort;
use doorward_testkit::{fixtures, servers};

async fn connect(url: String) -> Arc<SqlStore> {
    let settings = SqlSettings::new(url);
    Arc::new(SqlStore::connect(&settings, fixtures::now()).await.unwrap())
}

async fn sessions(url: String) -> Arc<SessionStore> {
    Arc::new(SessionStore::new(connect(url).await, None))
}

mod sqlite {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/doorward.db", folder.path().display());
        super::OpenedPort::new(super::connect(url).await, folder)
    }

    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/doorward.db", folder.path().display());
        super::OpenedPort::new(super::sessions(url).await, folder)
    }

    doorward_testkit::store_contract!(crate::contract::sqlite::open);
    doorward_testkit::session_contract!(crate::contract::sqlite::open_sessions);
}

mod postgres {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        super::OpenedPort::new(
            super::connect(super::servers::postgres_for_store().await).await,
            (),
        )
    }

    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        super::OpenedPort::new(
            super::sessions(super::servers::postgres_for_store().await).await,
            (),
        )
    }

    doorward_testkit::store_contract!(crate::contract::postgres::open);
    doorward_testkit::session_contract!(crate::contract::postgres::open_sessions);
}

mod mariadb {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        super::OpenedPort::new(
            super::connect(super::servers::mariadb_for_store().await).await,
            (),
        )
    }

    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        super::OpenedPort::new(
            super::sessions(super::servers::mariadb_for_store().await).await,
            (),
        )
    }

    doorward_testkit::store_contract!(crate::contract::mariadb::open);
    doorward_testkit::session_contract!(crate::contract::mariadb::open_sessions);
}

/// A stand-in for engines whose transactions are always serializable: they also fail at the commit. The proxy changes
/// the isolation that the store sets for each connection.
mod postgres_serializable {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use doorward_testkit::servers::{
        DedicatedPostgres, PostgresOptions, Proxy, ProxyMode, dedicated_postgres,
    };
    use tokio::sync::OnceCell;

    static SERVER: OnceCell<(DedicatedPostgres, Proxy)> = OnceCell::const_new();
    static DATABASES: AtomicUsize = AtomicUsize::new(0);

    /// A server whose database `doorward` is migrated.
    async fn start() -> (DedicatedPostgres, Proxy) {
        let server = dedicated_postgres(PostgresOptions::default()).await;
        let settings = super::SqlSettings::new(server.url());
        let migrated = doorward_store_sql::migrate(&settings, super::fixtures::now());
        migrated.await.unwrap();
        let proxy = Proxy::to(server.address()).await;
        let set = ProxyMode::Replace("'read committed'", "'serializable'  ");
        proxy.set(set).await;
        (server, proxy)
    }

    async fn open() -> super::OpenedPort<dyn super::Store> {
        let (server, proxy) = SERVER.get_or_init(start).await;
        let name = format!("case_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
        let sql = format!("CREATE DATABASE {name} OWNER doorward TEMPLATE doorward");
        server.query(&sql).await;
        let url = proxy.url(&server.url());
        let url = format!("{}{name}", url.strip_suffix("doorward").unwrap());
        let before = proxy.lost();
        let store = super::connect(url).await;
        assert!(proxy.lost() > before, "the isolation was not changed");
        super::OpenedPort::new(store, ())
    }

    doorward_testkit::store_contract!(open, contract_in_one_test);
}
