//! `Load`: clients that sign up users and increment counters in their own data, on all nodes in turn, and retry on
//! another node when a connection breaks. No acknowledged write may be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::accounts::PASSWORD;
use crate::cluster::Cluster;
use crate::node_client::{NodeClient, Reply};

/// Sends the request to the nodes in turn until one responds. Returns the number of failed attempts. A busy node (503 with
/// `Retry-After`) has changed nothing, and counts as one that does not respond.
async fn ask(
    clients: [NodeClient; 3],
    first: usize,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (usize, Reply) {
    for attempt in 0..1000 {
        let client = clients[(first + attempt) % 3];
        match client.try_send(method, path, token, body).await {
            Ok(reply) if reply.status != 503 => return (attempt, reply),
            _ => crate::pass(Duration::from_millis(20)).await,
        }
    }
    panic!("no node responds: {method} {path}");
}

/// The acknowledged writes of one client.
struct AcknowledgedState {
    names: Vec<String>,
    written: u64,
    token: String,
}

struct Person {
    clients: [NodeClient; 3],
    name: String,
    /// The node that is tried first.
    first: usize,
}

impl Person {
    async fn live(self, is_over: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> AcknowledgedState {
        let (clients, first) = (self.clients, self.first);
        let body = json!({"username": self.name, "password": PASSWORD});
        let (_, reply) = ask(clients, first, "POST", "/user", None, Some(&body)).await;
        assert!(matches!(reply.status, 201 | 409), "{}", reply.body);
        let (_, reply) = ask(clients, first, "POST", "/auth", None, Some(&body)).await;
        let mut acknowledged = AcknowledgedState {
            names: vec![self.name.clone()],
            written: 0,
            token: reply.expect(201).text("token"),
        };
        for turn in 1.. {
            if is_over.load(Ordering::SeqCst) {
                break;
            }
            let name = format!("{}-friend-{turn}", self.name);
            let body = json!({"username": name, "password": PASSWORD});
            let asked = ask(clients, first + turn, "POST", "/user", None, Some(&body));
            let (attempts, reply) = asked.await;
            // If the connection broke, the sign-up may have succeeded all the same.
            let is_expected = reply.status == 201 || (reply.status == 409 && attempts > 0);
            assert!(is_expected, "{attempts}: {} {}", reply.status, reply.body);
            acknowledged.names.push(name);
            let token = Some(acknowledged.token.as_str());
            let body = json!({"data": {"count": turn}});
            let (_, reply) = ask(clients, turn, "PATCH", "/user/me", token, Some(&body)).await;
            reply.expect(200);
            acknowledged.written = turn as u64;
            done.fetch_add(1, Ordering::SeqCst);
        }
        acknowledged
    }
}

/// Running clients.
pub struct Load {
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    people: JoinSet<AcknowledgedState>,
}

impl Load {
    /// Starts `count` clients. Their usernames start with `prefix`.
    pub fn begin(cluster: &Cluster, prefix: &str, count: usize) -> Self {
        let (is_over, done) = (Arc::default(), Arc::default());
        let mut people = JoinSet::new();
        for person in 0..count {
            let person = Person {
                clients: cluster.clients(),
                name: format!("{prefix}-{person}"),
                first: person,
            };
            people.spawn(person.live(Arc::clone(&is_over), Arc::clone(&done)));
        }
        Self {
            is_over,
            done,
            people,
        }
    }

    /// Waits for this many more successes.
    pub async fn makes_progress(&self, turns: usize) {
        let so_far = self.done.load(Ordering::SeqCst);
        crate::eventually("they go on", async || {
            (self.done.load(Ordering::SeqCst) >= so_far + turns).then_some(())
        })
        .await;
    }

    /// Stops the clients, and asserts that their acknowledged writes are stored. Returns the number of sign-ups.
    pub async fn end(self, cluster: &Cluster) -> usize {
        self.is_over.store(true, Ordering::SeqCst);
        let acknowledged = self.people.join_all().await;
        let admin = cluster.admin().await;
        let mut count = 0;
        for (number, person) in acknowledged.iter().enumerate() {
            let client = cluster.client(number);
            let kept = client
                .get(&format!("/user/{}", person.names[0]), &admin)
                .await;
            let kept = kept.expect(200).json();
            assert_eq!(kept["data"]["count"].as_u64().unwrap_or(0), person.written);
            assert_eq!(client.check(&person.token).await, 200, "a session was lost");
            for name in &person.names {
                client
                    .get(&format!("/user/{name}"), &admin)
                    .await
                    .expect(200);
                count += 1;
            }
            // No user is half created: each has the password.
            client.sign_in(person.names.last().unwrap(), PASSWORD).await;
        }
        count
    }
}
