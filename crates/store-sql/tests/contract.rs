//! The contract on each database: one module per database and a new database for each case.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use doorward_domain::ports::{Sessions, Store};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::contract::OpenedPort;
use doorward_testkit::{fixtures, servers};

async fn connect(url: String) -> Arc<SqlStore> {
    let settings = SqlSettings::new(url);
    Arc::new(SqlStore::connect(&settings, fixtures::now()).await.unwrap())
}

mod sqlite {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/doorward.db", folder.path().display());
        super::OpenedPort::new(super::connect(url).await, folder)
    }

    async fn open_sessions() -> super::OpenedPort<dyn super::Sessions> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/doorward.db", folder.path().display());
        super::OpenedPort::new(super::connect(url).await, folder)
    }

    doorward_testkit::store_contract!(crate::sqlite::open);
    doorward_testkit::session_contract!(crate::sqlite::open_sessions);
    doorward_testkit::session_sweep_contract!(crate::sqlite::open_sessions);
}

mod postgres {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        super::OpenedPort::new(super::connect(super::servers::postgres().await).await, ())
    }

    async fn open_sessions() -> super::OpenedPort<dyn super::Sessions> {
        super::OpenedPort::new(super::connect(super::servers::postgres().await).await, ())
    }

    doorward_testkit::store_contract!(crate::postgres::open);
    doorward_testkit::session_contract!(crate::postgres::open_sessions);
    doorward_testkit::session_sweep_contract!(crate::postgres::open_sessions);
}

mod mariadb {
    async fn open() -> super::OpenedPort<dyn super::Store> {
        super::OpenedPort::new(super::connect(super::servers::mariadb().await).await, ())
    }

    async fn open_sessions() -> super::OpenedPort<dyn super::Sessions> {
        super::OpenedPort::new(super::connect(super::servers::mariadb().await).await, ())
    }

    doorward_testkit::store_contract!(crate::mariadb::open);
    doorward_testkit::session_contract!(crate::mariadb::open_sessions);
    doorward_testkit::session_sweep_contract!(crate::mariadb::open_sessions);
}
