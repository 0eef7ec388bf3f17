//! Sessions that were ended, recorded with the users: the record outlives any session store.

use std::sync::Arc;

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::ports::Store;
use doorward_domain::values::SessionId;

use super::{assert_refused, must, race};
use crate::fixtures::{self, later};

fn end(id: SessionId, until: i64) -> Change {
    Change::EndSession {
        user_id: fixtures::user_id(),
        id,
        until: later(until),
    }
}

pub async fn what_was_ended_stays_so(store: Arc<dyn Store>) {
    let (ended, open) = (fixtures::session_id(), fixtures::session_id());
    must(&*store, vec![end(ended, 10)]).await;
    must(&*store, vec![end(ended, 20), end(ended, 5)]).await;
    assert!(store.is_session_ended(ended).await.unwrap());
    assert!(!store.is_session_ended(open).await.unwrap());

    let refused = store
        .apply(vec![end(open, 10), Change::CheckAdminRemains])
        .await;
    assert_refused!(refused, ApplyError::LastAdmin);
    assert!(!store.is_session_ended(open).await.unwrap());
}

pub async fn many_may_end_one_session(store: Arc<dyn Store>) {
    let id = fixtures::session_id();
    let results = race(12, |number| {
        let (store, until) = (store.clone(), number.try_into().unwrap());
        async move { store.apply(vec![end(id, until)]).await }
    });
    for result in results.await {
        result.unwrap();
    }
    assert!(store.is_session_ended(id).await.unwrap());
}

pub async fn the_sweep_takes_what_could_live_no_longer(store: Arc<dyn Store>) {
    let (first, second) = (fixtures::session_id(), fixtures::session_id());
    must(&*store, vec![end(first, 10), end(second, 11)]).await;
    store.sweep(later(10)).await.unwrap();
    assert!(store.is_session_ended(first).await.unwrap());
    store.sweep(later(11)).await.unwrap();
    assert!(!store.is_session_ended(first).await.unwrap());
    assert!(store.is_session_ended(second).await.unwrap());
}
