//! The journey of an account on three nodes, each step on another node.

use serde_json::json;

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{Cluster, StoreKind};

async fn journey(store: StoreKind) {
    let cluster = Cluster::start(store).await;
    let [a, b, c] = cluster.clients();
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    a.post("/user", body).await.expect(201);
    let link = cluster.link_to("ben@example.com", "/confirmation/").await;
    b.send("POST", &link, None, None).await.expect(200);
    let token = c.token("ben", PASSWORD).await;
    for client in [a, b, c] {
        assert_eq!(client.check(&token).await, 200);
    }
    // The next node builds on the change, by its version.
    let written = json!({"name": "Ben 🦀", "data": {"n": 1}});
    let answer = a.send("PUT", "/user/me", Some(&token), Some(written)).await;
    let answer = answer.expect(200);
    let admin = cluster.admin().await;
    let seen = b.get("/user/ben", &admin).await.expect(200).json();
    assert_eq!(seen, answer.json());
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    c.send("PUT", "/password", Some(&token), Some(change))
        .await
        .expect(204);
    let old = json!({"username": "ben", "password": PASSWORD});
    for client in [a, b, c] {
        client.post("/auth", old.clone()).await.expect(401);
        client.sign_in("ben", OTHER_PASSWORD).await;
    }
    b.post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = cluster.link_to("ben@example.com", "/recovery/").await;
    let body = json!({"new_password": PASSWORD});
    c.post(&link, body.clone()).await.expect(204);
    a.post(&link, body).await.expect(410);
    let token = a.token("ben", PASSWORD).await;
    let sessions = b.get("/user/me/session", &token).await.expect(200).json();
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
    c.send("DELETE", "/user/me", Some(&token), None)
        .await
        .expect(204);
    b.get("/user/ben", &admin).await.expect(404);
    let audit = c
        .get("/audit?event=email-confirmed", &admin)
        .await
        .expect(200)
        .json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    journey(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    journey(StoreKind::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    journey(StoreKind::MariaDb).await;
}
