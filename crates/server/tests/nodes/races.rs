//! Races over three nodes: an action that may happen once happens once (T-RACE).

use std::time::Duration;

use doorward_testkit::repeat::repetitions;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{ADMIN_PASSWORD, Cluster, StoreKind};
use crate::node_client::NodeClient;

/// Waits for all requests, and counts each status.
async fn statuses(running: JoinSet<u16>) -> Vec<(u16, usize)> {
    let mut all = running.join_all().await;
    all.sort_unstable();
    let counted = all.chunk_by(|one, other| one == other);
    counted.map(|same| (same[0], same.len())).collect()
}

/// The final status. A request that is rejected as overloaded, since sixty others hash on a slow machine, is
/// retried as the response requires.
async fn outcome(client: NodeClient, path: String, body: Option<Value>) -> u16 {
    for _ in 0..100 {
        let reply = client.send("POST", &path, None, body.clone()).await;
        if reply.status != 503 || reply.json()["code"] != "overloaded" {
            return reply.status;
        }
        crate::pass(Duration::from_millis(200)).await;
    }
    503
}

/// Sends the same `POST` sixty-four times, over all nodes.
async fn post_on_all(cluster: &Cluster, path: &str, body: Option<&Value>) -> Vec<(u16, usize)> {
    let mut running = JoinSet::new();
    for number in 0..64 {
        let (client, path, body) = (cluster.client(number), path.to_owned(), body.cloned());
        running.spawn(outcome(client, path, body));
    }
    statuses(running).await
}

/// A recovery link works once. A confirmation succeeds for all requests, and is made once.
async fn a_link_is_used_once(cluster: &Cluster) {
    let admin = cluster.admin().await;
    for round in 0..repetitions(4) {
        let name = format!("linked-{round}");
        let address = format!("{name}@example.com");
        let body = json!({"username": name, "email": address, "password": PASSWORD});
        cluster.client(round).post("/user", body).await.expect(201);
        let link = cluster.link_to(&address, "/confirmation/").await;
        assert_eq!(post_on_all(cluster, &link, None).await, [(200, 64)]);
        let client = cluster.client(round + 1);
        let audit = format!("/audit?event=email-confirmed&user={name}");
        let audit = client.get(&audit, &admin).await.expect(200).json();
        assert_eq!(audit["items"].as_array().unwrap().len(), 1);
        client
            .post("/recovery", json!({"email": address}))
            .await
            .expect(202);
        let link = cluster.link_to(&address, "/recovery/").await;
        let body = json!({"new_password": OTHER_PASSWORD});
        assert_eq!(
            post_on_all(cluster, &link, Some(&body)).await,
            [(204, 1), (410, 63)]
        );
    }
}

/// Sixty sign-ups with one username, in various spellings.
async fn a_username_is_taken_once(cluster: &Cluster) {
    for round in 0..repetitions(1) {
        let mut running = JoinSet::new();
        for number in 0..60 {
            let client = cluster.client(number);
            let name = ["wanted", "Wanted", "WANTED", "ｗanted"][number % 4];
            let body = json!({"username": format!("{name}-{round}"), "password": PASSWORD});
            running.spawn(outcome(client, "/user".to_owned(), Some(body)));
        }
        assert_eq!(statuses(running).await, [(201, 1), (409, 59)]);
    }
}

/// Many users have the same pending address. One confirms it, and the others are deleted.
async fn an_address_is_confirmed_once(cluster: &Cluster) {
    for round in 0..repetitions(1) {
        one_of_nine_users_gets(cluster, &format!("one-{round}@example.com"), round).await;
    }
}

async fn one_of_nine_users_gets(cluster: &Cluster, address: &str, round: usize) {
    let mut links = Vec::new();
    for number in 0..9 {
        let name = format!("claimant-{round}-{number}");
        let body = json!({"username": name, "email": address, "password": PASSWORD});
        let seen = cluster.links_to(address, "/confirmation/");
        cluster.client(number).post("/user", body).await.expect(201);
        let link = crate::eventually("the mail arrives", async || {
            let mut links = cluster.links_to(address, "/confirmation/").into_iter();
            links.find(|link| !seen.contains(link))
        });
        links.push(link.await);
    }
    let mut running = JoinSet::new();
    for (number, link) in links.into_iter().enumerate() {
        let client = cluster.client(number);
        running.spawn(async move { client.send("POST", &link, None, None).await.status });
    }
    assert_eq!(statuses(running).await, [(200, 1), (410, 8)]);
}

/// Two admins demote each other at the same time, on different nodes: one of them stays.
async fn one_admin_stays(cluster: &Cluster) {
    let [a, b, c] = cluster.clients();
    let first = cluster.admin().await;
    cluster.user("second").await;
    for round in 0..repetitions(12) {
        let admin = json!({"role": "admin"});
        let path = "/user/second/role";
        a.send("PUT", path, Some(&first), Some(admin.clone()))
            .await
            .expect(200);
        let second = b.token("second", PASSWORD).await;
        let user = || Some(json!({"role": "user"}));
        let (one, other) = tokio::join!(
            b.send("PUT", path, Some(&first), user()),
            c.send("PUT", "/user/admin/role", Some(&second), user())
        );
        let mut both = [one.status, other.status];
        both.sort_unstable();
        // The slower one was not an admin any longer when it was checked, or would have been the last.
        assert!(
            matches!(both, [200, 403 | 409]),
            "round {round}: {both:?} {} {}",
            one.body,
            other.body
        );
        // The remaining admin promotes the first again.
        let second = a.token("second", PASSWORD).await;
        if other.status == 200 {
            let path = "/user/admin/role";
            a.send("PUT", path, Some(&second), Some(admin))
                .await
                .expect(200);
        }
    }
    let left = a.token("admin", ADMIN_PASSWORD).await;
    a.get("/user?role=admin", &left).await.expect(200);
}

/// Thirty changes of one version of a user: one succeeds.
async fn an_update_is_not_lost(cluster: &Cluster) {
    cluster.user("busy").await;
    let token = cluster.client(0).token("busy", PASSWORD).await;
    let mut running = JoinSet::new();
    for number in 0..30_u32 {
        let (client, token) = (cluster.client(number as usize), token.clone());
        running.spawn(async move {
            let body = json!({"data": {format!("n{number}"): number}});
            client
                .send("PATCH", "/user/me", Some(&token), Some(body))
                .await
                .status
        });
    }
    assert_eq!(statuses(running).await, [(200, 30)]);
    let kept = cluster
        .client(0)
        .get("/user/me", &token)
        .await
        .expect(200)
        .json();
    assert_eq!(kept["data"].as_object().unwrap().len(), 30, "{kept}");
}

async fn all(store: StoreKind) {
    let cluster = Cluster::start(store).await;
    a_link_is_used_once(&cluster).await;
    a_username_is_taken_once(&cluster).await;
    an_address_is_confirmed_once(&cluster).await;
    an_update_is_not_lost(&cluster).await;
    one_admin_stays(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    all(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    all(StoreKind::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    all(StoreKind::MariaDb).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread")]
async fn on_dynamodb() {
    all(StoreKind::DynamoDb).await;
}
