//! A rolling upgrade: three nodes of the previous release on one database are replaced by this one, one after the
//! other, while clients use all of them. Run by `cargo xtask upgrade`, which builds the previous release and sets
//! its path.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{Cluster, StoreKind};
use crate::load::Load;
use crate::mail::each_mail_arrives_once;
use crate::node_client::NodeClient;

/// The program of the previous release.
#[expect(
    clippy::disallowed_methods,
    reason = "tests read the path of the previous release from the environment"
)]
fn previous() -> PathBuf {
    let path = std::env::var_os("DOORWARD_TEST_PREVIOUS");
    path.expect("run `cargo xtask upgrade`, which builds the previous release")
        .into()
}

/// A change on one node is visible on the other, in both directions.
async fn assert_compatible(
    cluster: &Cluster,
    one: NodeClient,
    other: NodeClient,
    name: &str,
    readers: &[NodeClient],
) {
    let admin = cluster.admin().await;
    let address = format!("{name}@example.com");
    let body = json!({"username": name, "email": address, "password": PASSWORD, "name": "Bén 🦀"});
    one.post("/user", body).await.expect(201);
    let link = cluster.link_to(&address, "/confirmation/").await;
    other.send("POST", &link, None, None).await.expect(200);
    let first = one.token(name, PASSWORD).await;
    let second = other.token(name, PASSWORD).await;
    for token in [&first, &second] {
        assert_eq!(
            (one.check(token).await, other.check(token).await),
            (200, 200)
        );
    }
    let body = json!({"data": {"é 🦀": [null, 0.5]}});
    let written = one
        .send("PATCH", "/user/me", Some(&first), Some(body))
        .await;
    let read = other.get(&format!("/user/{name}"), &admin).await;
    let [mut read, mut written] = [read, written].map(|answer| answer.expect(200).json());
    // Fields of the newer node; the first one only in responses to reads.
    for field in ["last_sign_in_at", "locale"] {
        for user in [&mut read, &mut written] {
            user.as_object_mut().unwrap().remove(field);
        }
    }
    assert_eq!(read, written);
    let renewed = other
        .send("POST", "/auth/renewal", Some(&first), None)
        .await;
    let renewed = renewed.expect(200).text("token");
    for token in [&first, &renewed] {
        assert_eq!(
            (one.check(token).await, other.check(token).await),
            (200, 200)
        );
    }
    // A session that one ends, the other rejects within a second.
    one.send("DELETE", "/auth", Some(&second), None)
        .await
        .expect(204);
    ended(other, &second).await;
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let third = one.token(name, PASSWORD).await;
    assert_eq!(one.check(&renewed).await, 200);
    other
        .send("PUT", "/password", Some(&third), Some(change))
        .await
        .expect(204);
    ended(one, &renewed).await;
    one.post("/recovery", json!({"email": address}))
        .await
        .expect(202);
    let link = cluster.link_to(&address, "/recovery/").await;
    other
        .post(&link, json!({"new_password": PASSWORD}))
        .await
        .expect(204);
    one.post(&link, json!({"new_password": PASSWORD}))
        .await
        .expect(410);
    ended(one, &third).await;
    let fourth = one.token(name, PASSWORD).await;
    let body = json!({"email": format!("{name}@example.org"), "password": PASSWORD});
    one.send("PUT", "/user/me/email", Some(&fourth), Some(body))
        .await
        .expect(202);
    let link = cluster
        .link_to(&format!("{name}@example.org"), "/confirmation/")
        .await;
    other.send("POST", &link, None, None).await.expect(200);
    ended(one, &fourth).await;
    // A newer node reads everything that an older one wrote. The reverse is not true this time (CHANGELOG):
    // starting with this release, unknown values of a later one are skipped.
    let path = format!("/audit?user={name}&limit=100");
    let mut audits: Vec<Value> = Vec::new();
    for reader in readers {
        audits.push(reader.get(&path, &admin).await.expect(200).json());
    }
    assert!(audits.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(audits[0]["items"].as_array().unwrap().len() > 10);
    let path = format!("/user/{name}");
    other
        .send("DELETE", &path, Some(&admin), None)
        .await
        .expect(204);
    one.get(&path, &admin).await.expect(404);
}

/// An old node reads a user whom a newer one has invited, and signs in who has accepted there.
async fn assert_invited(cluster: &Cluster, new: NodeClient, older: NodeClient) {
    let admin = cluster.admin().await;
    let body = json!({"username": "ida"});
    let invited = new.send("POST", "/invitation", Some(&admin), Some(body));
    let url = invited.await.expect(201).text("url");
    let user = older.get("/user/ida", &admin).await.expect(200);
    assert_eq!(user.text("status"), "pending");
    let link = &url[url.find("/invitation/").unwrap()..];
    let body = json!({"password": PASSWORD});
    new.post(link, body).await.expect(200);
    older.token("ida", PASSWORD).await;
}

async fn ended(client: NodeClient, token: &str) {
    crate::pass(std::time::Duration::from_secs(1)).await;
    assert_eq!(client.check(token).await, 401);
}

/// A key created by the command of that node is accepted by all of them.
async fn rotate(cluster: &Cluster, by: usize) {
    let before = cluster
        .client(by)
        .token("admin", crate::cluster::ADMIN_PASSWORD)
        .await;
    let rotated = cluster.nodes[by].run(&["keys", "rotate"]).await;
    assert_eq!(rotated.code, Some(0), "{}", rotated.err);
    for client in cluster.clients() {
        assert_eq!(client.check(&before).await, 200);
    }
}

async fn a_rolling_upgrade(store: StoreKind) {
    let old = previous();
    let mut cluster = Cluster::start_with(store, |mut recipe, _| {
        recipe.program.clone_from(&old);
        recipe
    })
    .await;
    let kept = cluster.admin().await;
    let load = Load::begin(&cluster, "worker", 3);
    load.makes_progress(5).await;

    // The first new node migrates the schema while the old ones run.
    cluster.nodes[0].end("TERM").await;
    cluster.nodes[0].upgrade();
    cluster.nodes[0].start().await;
    load.makes_progress(5).await;
    let [new, older, oldest] = cluster.clients();
    assert_invited(&cluster, new, older).await;
    assert_compatible(&cluster, older, new, "ann", &[new]).await;
    assert_compatible(&cluster, new, oldest, "ben", &[new]).await;
    each_mail_arrives_once(&cluster, "between", 30).await;
    rotate(&cluster, 0).await;
    rotate(&cluster, 1).await;

    // A downgrade works: an old node starts on the migrated database.
    cluster.nodes[1].end("KILL").await;
    cluster.nodes[1].start().await;
    load.makes_progress(5).await;
    assert_compatible(&cluster, older, new, "cid", &[new]).await;

    for number in [1, 2] {
        cluster.nodes[number].end("TERM").await;
        cluster.nodes[number].upgrade();
        cluster.nodes[number].start().await;
        load.makes_progress(5).await;
    }
    assert_compatible(&cluster, older, new, "dan", &[older, new]).await;
    for client in cluster.clients() {
        assert_eq!(client.check(&kept).await, 200, "no session ended early");
    }
    let count = load.end(&cluster).await;
    // The new nodes have counted in a table that the old ones do not know.
    cluster.nodes[0].end("TERM").await;
    cluster.nodes[0].start().await;
    let admin = cluster.admin().await;
    let totals = cluster.client(0).get("/totals?by=day", &admin).await;
    let totals = totals.expect(200).json();
    let days = totals["items"].as_array().unwrap();
    let sign_ups: i64 = days
        .iter()
        .map(|day| day["sign_ups"].as_i64().unwrap())
        .sum();
    assert!(sign_ups > 0);
    // So they have reported: those that still run, and perhaps one that was killed.
    let nodes = cluster.client(0).get("/node", &admin).await;
    let nodes = nodes.expect(200).json();
    assert!(nodes["items"].as_array().unwrap().len() >= 2, "{nodes}");
    println!("{count} sign-ups and as many changes over an upgrade, none lost");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the previous release: `cargo xtask upgrade`"]
async fn on_postgres() {
    a_rolling_upgrade(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the previous release: `cargo xtask upgrade`"]
async fn on_mariadb() {
    a_rolling_upgrade(StoreKind::MariaDb).await;
}
