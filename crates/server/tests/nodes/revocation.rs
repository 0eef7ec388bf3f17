//! What ends a session on one node ends it on that node at once, and on every other within a second
//! of the answer (T-REVOKE).

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;

use crate::cluster::{Cluster, Ground};
use crate::door::Door;
use crate::people::{OTHER_PASSWORD, PASSWORD};

/// The promise.
const WITHIN: Duration = Duration::from_secs(1);
/// How long the other nodes are watched after the answer.
const WATCHED: Duration = Duration::from_millis(1500);
/// Between two looks.
const DENSELY: Duration = Duration::from_millis(5);

/// A session that is about to end, and how to tell.
struct Victim {
    token: String,
    /// What the owner of a live session gets for a `GET` of this, and of an ended one.
    path: &'static str,
    alive: u16,
    ended: u16,
}

impl Victim {
    fn session(token: String) -> Self {
        Self {
            token,
            path: "/auth",
            alive: 200,
            ended: 401,
        }
    }

    /// Looks again and again until told to stop, and gives when each look began and what it saw.
    async fn watch(&self, door: Door, stop: watch::Receiver<bool>) -> Vec<(Instant, u16)> {
        let mut looks = Vec::new();
        while !*stop.borrow() {
            let began = Instant::now();
            looks.push((began, door.get(self.path, &self.token).await.status));
            crate::pass(DENSELY).await;
        }
        looks
    }
}

/// Does it, with the others watching since a while before it until long after; how late the last of
/// them was.
async fn ends(
    what: &str,
    cluster: &Cluster,
    victim: &Victim,
    after: Duration,
    act: impl Future<Output = ()>,
) -> Duration {
    let [a, b, c] = cluster.doors();
    for door in [a, b, c] {
        assert_eq!(
            door.get(victim.path, &victim.token).await.status,
            victim.alive
        );
    }
    let (stopper, stop) = watch::channel(false);
    let acting = async {
        crate::pass(after).await;
        act.await;
        let answered = Instant::now();
        let there = a.get(victim.path, &victim.token).await.status;
        assert_eq!(there, victim.ended, "{what}: at once where it was asked");
        crate::pass(WATCHED).await;
        stopper.send_replace(true);
        answered
    };
    let (answered, on_b, on_c) = tokio::join!(
        acting,
        victim.watch(b, stop.clone()),
        victim.watch(c, stop.clone())
    );
    let mut worst = Duration::ZERO;
    for looks in [on_b, on_c] {
        let after: Vec<_> = looks
            .iter()
            .filter_map(|(began, status)| Some((began.checked_duration_since(answered)?, *status)))
            .collect();
        let late = after.iter().filter(|(at, _)| *at >= WITHIN);
        assert!(
            late.clone().count() > 10,
            "{what}: it was watched to the end"
        );
        for (at, status) in &after {
            if *status == victim.alive {
                worst = worst.max(*at);
            } else {
                assert_eq!(*status, victim.ended, "{what}: after {at:?}");
            }
        }
    }
    println!("{what}: believed {worst:?} longer elsewhere");
    assert!(worst < WITHIN, "{what}: still believed after {worst:?}");
    worst
}

/// Everything that ends sessions, each on a user of its own.
async fn every_act(ground: Ground) {
    let cluster = Cluster::start(ground).await;
    let a = cluster.door(0);
    let admin = cluster.admin().await;
    let mut worst = Duration::ZERO;
    let acts = [
        "sign-out",
        "one session",
        "all sessions",
        "password change",
        "recovery",
        "e-mail change",
        "disable",
        "delete",
        "role change",
    ];
    for (number, act) in acts.into_iter().enumerate() {
        let name = format!("user-{number}");
        cluster.user_with_mail(&name).await;
        let own = a.token(&name, PASSWORD).await;
        let other = cluster.door(1).sign_in(&name, PASSWORD).await;
        let session = format!("/user/me/session/{}", other.text("session_id"));
        let mut victim = Victim::session(other.text("token"));
        // The others have looked it up just before, or almost a second ago.
        let after = Duration::from_millis(10 + 110 * number as u64);
        let as_self = |method, path: &str, body| {
            let (path, own) = (path.to_owned(), own.clone());
            async move { a.send(method, &path, Some(&own), body).await }
        };
        let as_admin = |method, path: String, body| {
            let admin = admin.clone();
            async move { a.send(method, &path, Some(&admin), body).await }
        };
        let done = match act {
            "sign-out" => {
                let token = victim.token.clone();
                let act_now = async {
                    drop(
                        a.send("DELETE", "/auth", Some(&token), None)
                            .await
                            .expect(204),
                    )
                };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "one session" => {
                let act_now = async { drop(as_self("DELETE", &session, None).await.expect(204)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "all sessions" => {
                let act_now = async {
                    drop(
                        as_self("DELETE", "/user/me/session", None)
                            .await
                            .expect(204),
                    )
                };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "password change" => {
                let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
                let act_now =
                    async { drop(as_self("PUT", "/password", Some(body)).await.expect(204)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "recovery" => {
                let address = format!("{name}@example.com");
                a.post("/recovery", json!({"email": address}))
                    .await
                    .expect(202);
                let link = cluster.link_to(&address, "/recovery/").await;
                let body = json!({"new_password": OTHER_PASSWORD});
                let act_now = async { drop(a.post(&link, body).await.expect(204)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "e-mail change" => {
                let address = format!("{name}@example.org");
                let body = json!({"email": address, "password": PASSWORD});
                as_self("PUT", "/user/me/email", Some(body))
                    .await
                    .expect(202);
                let link = cluster.link_to(&address, "/confirmation/").await;
                let act_now = async { drop(a.send("POST", &link, None, None).await.expect(200)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "disable" => {
                let body = json!({"status": "disabled"});
                let path = format!("/user/{name}/status");
                let act_now = async { drop(as_admin("PUT", path, Some(body)).await.expect(200)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            "delete" => {
                let path = format!("/user/{name}");
                let act_now = async { drop(as_admin("DELETE", path, None).await.expect(204)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
            // The session lives on, and what it may do does not.
            _ => {
                let path = format!("/user/{name}/role");
                as_admin("PUT", path.clone(), Some(json!({"role": "admin"})))
                    .await
                    .expect(200);
                crate::pass(WITHIN).await;
                (victim.path, victim.ended) = ("/user?limit=1", 403);
                let body = json!({"role": "user"});
                let act_now = async { drop(as_admin("PUT", path, Some(body)).await.expect(200)) };
                ends(act, &cluster, &victim, after, act_now).await
            }
        };
        worst = worst.max(done);
    }
    println!("on {ground:?} the worst was {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    every_act(Ground::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    every_act(Ground::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    every_act(Ground::MariaDb).await;
}
