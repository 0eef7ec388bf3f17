//! An index that is late: the proxy returns the entries of an earlier moment. The rows are read with their latest values, so an
//! entry of a row that has changed since shows nothing, and claims nothing.

use doorward_domain::model::{MailJob, Status, User, UserFilter};
use doorward_domain::store::{Claim, Record, Records, Store, Write};
use doorward_testkit::fixtures::{self, later, next_version};
use doorward_testkit::servers::{Proxy, ProxyMode};

use crate::support::{open, response, scan};

/// After this, a query of an index returns the entries that the index with this number has at the moment of the call.
async fn stop_the_index(proxy: &Proxy, url: &str, slot: usize) {
    let entries = scan(url, Some(format!("index-{slot}"))).await;
    assert_ne!(entries["Count"], 0, "there is no entry");
    let reply = response(200, &entries.to_string());
    let late = ProxyMode::Reply("IndexName", reply, u32::MAX);
    proxy.set(late).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_index_leases_no_job_twice() {
    let (proxy, store, url) = open().await;
    let job = fixtures::mail_job(fixtures::user_id());
    store.apply(vec![Write::insert(&job)]).await.unwrap();
    stop_the_index(&proxy, &url, 0).await;
    let claim = async |now: i64| {
        let claim = Claim {
            table: MailJob::TABLE,
            kinds: MailJob::kinds(),
            now: later(now),
            lease_until: later(now + 100),
            limit: 10,
        };
        store.claim::<MailJob>(claim).await.unwrap().len()
    };
    assert_eq!(claim(0).await, 1);
    assert_eq!(claim(1).await, 0, "it is leased");
    assert_eq!(claim(101).await, 1, "the lease has ended");
    let done = Write::delete::<MailJob>(job.id);
    store.apply(vec![done]).await.unwrap();
    assert_eq!(claim(300).await, 0, "it is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_index_lists_no_row_that_has_changed() {
    let (proxy, store, url) = open().await;
    let [confirmed, deleted, pending] = [(); 3].map(|()| fixtures::pending_user());
    for user in [&confirmed, &deleted, &pending] {
        store.apply(user.insert()).await.unwrap();
    }
    let mut indexes = User::TABLE.indexes.iter();
    let slot = indexes.position(|columns| *columns == ["status"]);
    stop_the_index(&proxy, &url, slot.unwrap()).await;
    let active = User {
        status: Status::Active,
        ..next_version(&confirmed)
    };
    store.apply(active.replace(&confirmed)).await.unwrap();
    store.apply(deleted.delete(later(0))).await.unwrap();
    let filter = UserFilter {
        status: Some(Status::Pending),
        limit: 10,
        ..UserFilter::default()
    };
    let listed: Vec<User> = store.list(filter.query()).await.unwrap();
    assert_eq!(listed, [pending]);
    assert!(proxy.lost() > 0, "the index was not read");
}
