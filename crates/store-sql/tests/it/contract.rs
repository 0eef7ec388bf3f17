//! The contract on each database: one module per database and a new database for each case.

use std::sync::Arc;

use doorward_domain::session_store::SessionStore;
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
