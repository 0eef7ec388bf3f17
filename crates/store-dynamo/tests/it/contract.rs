//! The contract: a new table for each case.

use std::sync::Arc;

use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::RateLimits;
use doorward_domain::sessions::SessionStore;
use doorward_domain::store::Store;
use doorward_store_dynamo::{DynamoRateLimits, DynamoSettings, DynamoStore};
use doorward_testkit::contract::OpenedPort;
use doorward_testkit::servers;

pub async fn connect() -> Arc<DynamoStore> {
    let settings = DynamoSettings {
        url: servers::dynamodb().await.parse().unwrap(),
        migrate: true,
    };
    Arc::new(DynamoStore::connect(&settings).await.unwrap())
}

async fn open() -> OpenedPort<dyn Store> {
    OpenedPort::new(connect().await, ())
}

async fn open_sessions() -> OpenedPort<SessionStore> {
    let store = connect().await;
    let sessions = SessionStore::new(store.clone(), Some(store));
    OpenedPort::new(Arc::new(sessions), ())
}

async fn open_rate_limits() -> OpenedPort<dyn RateLimits> {
    let limits = DynamoRateLimits::new(&*connect().await, CounterKeys::for_probes());
    OpenedPort::new(Arc::new(limits), ())
}

doorward_testkit::store_contract!(crate::contract::open);
doorward_testkit::session_contract!(crate::contract::open_sessions);
doorward_testkit::rate_limits_contract!(crate::contract::open_rate_limits);
