//! Nodes are killed and stopped under load, one after the other, and come back. Whoever asks again
//! elsewhere when a connection breaks loses nothing that was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, Ground};
use crate::door::{Door, Reply};
use crate::people::PASSWORD;

/// Asks the nodes in turn until one answers; how often somebody had been asked before.
async fn ask(
    doors: [Door; 3],
    first: usize,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (usize, Reply) {
    for attempt in 0..1000 {
        let door = doors[(first + attempt) % 3];
        match door.try_send(method, path, token, body).await {
            Ok(reply) => return (attempt, reply),
            Err(_) => crate::pass(Duration::from_millis(20)).await,
        }
    }
    panic!("nobody answers: {method} {path}");
}

/// What one person has been told was done.
struct Acknowledged {
    names: Vec<String>,
    written: u64,
    token: String,
}

/// Signs friends up and counts in their own data, until told to stop.
async fn live(
    doors: [Door; 3],
    person: usize,
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Acknowledged {
    let name = format!("person-{person}");
    let body = json!({"username": name, "password": PASSWORD});
    let (_, reply) = ask(doors, person, "POST", "/user", None, Some(&body)).await;
    assert!(matches!(reply.status, 201 | 409), "{}", reply.body);
    let (_, reply) = ask(doors, person, "POST", "/auth", None, Some(&body)).await;
    let mut acknowledged = Acknowledged {
        names: vec![name],
        written: 0,
        token: reply.expect(201).text("token"),
    };
    for turn in 1.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("friend-{person}-{turn}");
        let body = json!({"username": name, "password": PASSWORD});
        let (attempts, reply) = ask(doors, person + turn, "POST", "/user", None, Some(&body)).await;
        // Whose connection broke may have been signed up all the same.
        let is_expected = reply.status == 201 || (reply.status == 409 && attempts > 0);
        assert!(is_expected, "{attempts}: {} {}", reply.status, reply.body);
        acknowledged.names.push(name);
        let token = Some(acknowledged.token.as_str());
        let body = json!({"data": {"count": turn}});
        let (_, reply) = ask(doors, turn, "PATCH", "/user/me", token, Some(&body)).await;
        reply.expect(200);
        acknowledged.written = turn as u64;
        done.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

async fn killing(ground: Ground) {
    let mut cluster = Cluster::start(ground).await;
    let doors = cluster.doors();
    let (is_over, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut people = JoinSet::new();
    for person in 0..6 {
        people.spawn(live(doors, person, is_over.clone(), done.clone()));
    }
    for (round, signal) in ["KILL", "TERM", "KILL", "TERM", "KILL", "TERM"]
        .into_iter()
        .enumerate()
    {
        let node = &mut cluster.nodes[round % 3];
        let so_far = done.load(Ordering::SeqCst);
        let go_on = async || (done.load(Ordering::SeqCst) > so_far + 12).then_some(());
        crate::eventually("they go on with all nodes", go_on).await;
        let status = node.end(signal).await;
        assert_eq!(status.success(), signal == "TERM", "{status}");
        let so_far = done.load(Ordering::SeqCst);
        let go_on = async || (done.load(Ordering::SeqCst) > so_far + 6).then_some(());
        crate::eventually("they go on with two", go_on).await;
        node.start().await;
    }
    is_over.store(true, Ordering::SeqCst);
    let told = people.join_all().await;
    let admin = cluster.admin().await;
    let mut count = 0;
    for (number, person) in told.iter().enumerate() {
        let door = cluster.door(number);
        let kept = door
            .get(&format!("/user/{}", person.names[0]), &admin)
            .await;
        assert_eq!(kept.expect(200).json()["data"]["count"], person.written);
        assert_eq!(door.check(&person.token).await, 200, "a session was lost");
        for name in &person.names {
            door.get(&format!("/user/{name}"), &admin).await.expect(200);
            count += 1;
        }
        // None half done: whoever is there has their password.
        let last = person.names.last().unwrap();
        door.sign_in(last, PASSWORD).await;
    }
    println!("{count} sign-ups and as many changes over six ends, none lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    killing(Ground::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    killing(Ground::PostgresRedis).await;
}
