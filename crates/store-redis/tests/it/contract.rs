//! The contract on each kind of Redis: one module per kind and one prefix per case.

use std::sync::Arc;

use doorward_domain::keys::CounterKeys;
use doorward_domain::limits::RateLimits;
use doorward_domain::memory::MemoryStore;
use doorward_domain::sessions::SessionStore;
use doorward_store_redis::{RedisSettings, RedisStore};
use doorward_testkit::contract::OpenedPort;
use doorward_testkit::servers::{self, RedisNamespace};

fn connect(place: RedisNamespace) -> Arc<RedisStore> {
    let settings = RedisSettings {
        url: place.url.parse().unwrap(),
        prefix: place.prefix,
    };
    Arc::new(RedisStore::open(settings, CounterKeys::for_probes()).unwrap())
}

/// Sessions apart from the main store.
fn sessions(place: RedisNamespace) -> Arc<SessionStore> {
    let main = Arc::new(MemoryStore::new());
    Arc::new(SessionStore::new(main, Some(connect(place))))
}

mod redis {
    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        super::OpenedPort::new(super::sessions(super::servers::redis().await), ())
    }

    async fn open_rate_limits() -> super::OpenedPort<dyn super::RateLimits> {
        super::OpenedPort::new(super::connect(super::servers::redis().await), ())
    }

    doorward_testkit::session_contract!(crate::contract::redis::open_sessions);
    doorward_testkit::rate_limits_contract!(crate::contract::redis::open_rate_limits);
}

mod cluster {
    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        super::OpenedPort::new(super::sessions(super::servers::redis_cluster().await), ())
    }

    async fn open_rate_limits() -> super::OpenedPort<dyn super::RateLimits> {
        super::OpenedPort::new(super::connect(super::servers::redis_cluster().await), ())
    }

    doorward_testkit::session_contract!(crate::contract::cluster::open_sessions);
    doorward_testkit::rate_limits_contract!(crate::contract::cluster::open_rate_limits);
}

mod valkey {
    async fn open_sessions() -> super::OpenedPort<super::SessionStore> {
        super::OpenedPort::new(super::sessions(super::servers::valkey().await), ())
    }

    async fn open_rate_limits() -> super::OpenedPort<dyn super::RateLimits> {
        super::OpenedPort::new(super::connect(super::servers::valkey().await), ())
    }

    doorward_testkit::session_contract!(crate::contract::valkey::open_sessions);
    doorward_testkit::rate_limits_contract!(crate::contract::valkey::open_rate_limits);
}
