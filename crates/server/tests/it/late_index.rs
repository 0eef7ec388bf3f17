//! An index of DynamoDB that is late: no one gets in or stays out because of it, and what it hid is found later.

use doorward_domain::Actor;
use doorward_domain::model::Job;
use doorward_domain::store::Query;
use doorward_domain::values::Role;
use doorward_testkit::servers::{self, Proxy, ProxyMode};
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, Stores, TestApp};

/// What a query of an index returns before the first entry has arrived.
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close\r\ncontent-length: 39\r\n\r\n{\"Count\":0,\"Items\":[],\"ScannedCount\":0}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_index_lets_no_one_in_and_locks_no_one_out() {
    let url = servers::dynamodb().await;
    let (_, address) = url.split_once("http://").unwrap();
    let proxy = Proxy::to(address.parse().unwrap()).await;
    let stores = Stores::dynamo(&proxy.url(&url)).await;
    let store = stores.store.clone();
    let app = TestApp::with(|options| {
        options.stores = Some(stores);
        options.policy.throttle = false;
    })
    .await;
    app.allow_unread_mail();
    let admin = app.admin().await;
    let late = ProxyMode::Reply("IndexName", EMPTY.to_owned(), u32::MAX);
    proxy.set(late).await;

    let id = app.create("ben", Role::User).await.id;
    let (here, there) = (app.sign_in("ben").await, app.sign_in("ben").await);
    let open = here.get("/user/me/session").await.expect(200).json();
    assert_eq!(open["items"].as_array().unwrap().len(), 2);
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    here.put("/password", change).await.expect(204);
    there.get("/auth").await.expect(401);
    let sign_in = async |password: &str| {
        let body = json!({"username": "ben", "password": password});
        app.anonymous().post("/auth", body).await.status
    };
    assert_eq!(sign_in(PASSWORD).await, 401);
    assert_eq!(sign_in(OTHER_PASSWORD).await, 201);
    let set_status = async |status: &str| {
        let body = json!({"status": status});
        admin.put("/user/ben/status", body).await.expect(200);
    };
    set_status("disabled").await;
    here.get("/auth").await.expect(401);
    assert_ne!(sign_in(OTHER_PASSWORD).await, 201);
    set_status("active").await;
    assert_eq!(sign_in(OTHER_PASSWORD).await, 201);
    admin.delete("/user/ben").await.expect(204);
    assert_eq!(sign_in(OTHER_PASSWORD).await, 401);
    app.anonymous()
        .post("/user", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(201);
    assert_eq!(sign_in(PASSWORD).await, 201);

    assert!(proxy.lost() > 0, "no index was read");
    proxy.set(ProxyMode::Forward).await;
    let rest = async || {
        let mails = Query::by::<Job>(&["user_id"]).equal(id);
        store.count_rows(mails).await.unwrap()
    };
    assert!(rest().await > 0, "the purge did not read the index");
    // The worker repeats the purge when it seals the event of the deletion.
    app.advance_seconds(10);
    let ctx = app.ctx(Actor::Worker);
    app.doorward.audit_chain.seal(&ctx).await.unwrap();
    assert_eq!(rest().await, 0);
}
