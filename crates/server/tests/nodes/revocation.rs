//! An action that ends a session or voids a mailed link on one node takes effect there at once, and on every other
//! node within a second of the response (T-REVOKE).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::accounts::{OTHER_PASSWORD, PASSWORD};
use crate::cluster::{Cluster, StoreKind};
use crate::node_client::NodeClient;

/// The guaranteed bound.
const WITHIN: Duration = Duration::from_secs(1);
/// Number of checks on the other nodes after that time, however long a check takes.
const LATE_LOOKS: usize = 4;
/// Delay between two checks.
const DENSELY: Duration = Duration::from_millis(5);

/// A session or a link that is about to end, and how to check it.
struct RevocationTarget {
    /// `None` for a link, whose path is its token.
    token: Option<String>,
    /// Path of a `GET` that has status `alive` before the end and `ended` after it.
    path: String,
    alive: u16,
    ended: u16,
}

impl RevocationTarget {
    fn session(token: String) -> Self {
        Self {
            token: Some(token),
            path: "/auth".to_owned(),
            alive: 200,
            ended: 401,
        }
    }

    fn link(path: String) -> Self {
        Self {
            token: None,
            path,
            alive: 200,
            ended: 410,
        }
    }

    /// Its status on this node.
    async fn status(&self, client: NodeClient) -> u16 {
        let asked = client.send("GET", &self.path, self.token.as_deref(), None);
        asked.await.status
    }

    /// Checks repeatedly until there were enough checks after the response. Returns the start and the status of
    /// each.
    async fn watch(
        &self,
        client: NodeClient,
        answered: watch::Receiver<Option<Instant>>,
    ) -> Vec<(Instant, u16)> {
        let (mut looks, mut late) = (Vec::new(), 0);
        while late < LATE_LOOKS {
            let began = Instant::now();
            let is_late = |at: Instant| began.checked_duration_since(at) >= Some(WITHIN);
            late += usize::from(answered.borrow().is_some_and(is_late));
            looks.push((began, self.status(client).await));
            crate::pass(DENSELY).await;
        }
        looks
    }
}

/// The request that ends it.
struct RevokingAction {
    method: &'static str,
    path: String,
    token: Option<String>,
    body: Option<Value>,
    status: u16,
}

/// Performs the action while the other nodes are checked, from before it until long after. Returns the delay of the
/// slowest.
async fn ends(
    what: &str,
    cluster: &Cluster,
    victim: &RevocationTarget,
    after: Duration,
    action: RevokingAction,
) -> Duration {
    let [a, b, c] = cluster.clients();
    for client in [a, b, c] {
        assert_eq!(victim.status(client).await, victim.alive, "{what}");
    }
    let (tell, reported) = watch::channel(None);
    let acting = async {
        crate::pass(after).await;
        let done = a.send(
            action.method,
            &action.path,
            action.token.as_deref(),
            action.body,
        );
        done.await.expect(action.status);
        let answered = Instant::now();
        let there = victim.status(a).await;
        assert_eq!(
            there, victim.ended,
            "{what}: at once on the node of the request"
        );
        tell.send_replace(Some(answered));
        answered
    };
    let (answered, on_b, on_c) = tokio::join!(
        acting,
        victim.watch(b, reported.clone()),
        victim.watch(c, reported.clone())
    );
    let mut worst = Duration::ZERO;
    for looks in [on_b, on_c] {
        let after: Vec<_> = looks
            .iter()
            .filter_map(|(began, status)| Some((began.checked_duration_since(answered)?, *status)))
            .collect();
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

/// Actions that end sessions, or change their rights.
const ACTIONS: [&str; 9] = [
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

/// Prepares an action. Returns the session that it affects, and its request.
async fn prepare(
    cluster: &Cluster,
    action: &str,
    name: &str,
) -> (RevocationTarget, RevokingAction) {
    let a = cluster.client(0);
    cluster.user_with_mail(name).await;
    let other = cluster.client(1).sign_in(name, PASSWORD).await;
    let session = other.text("session_id");
    let mut victim = RevocationTarget::session(other.text("token"));
    let own = Some(a.token(name, PASSWORD).await);
    let admin = Some(cluster.admin().await);
    let request = |method, path: &str, token: &Option<String>, body, status| RevokingAction {
        method,
        path: path.to_owned(),
        token: token.clone(),
        body,
        status,
    };
    let action = match action {
        "sign-out" => request("DELETE", "/auth", &victim.token, None, 204),
        "one session" => {
            let path = format!("/user/me/session/{session}");
            request("DELETE", &path, &own, None, 204)
        }
        "all sessions" => request("DELETE", "/user/me/session", &own, None, 204),
        "password change" => {
            let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
            request("PUT", "/password", &own, Some(body), 204)
        }
        "recovery" => {
            let address = format!("{name}@example.com");
            let asked = a.post("/recovery", json!({"email": address}));
            asked.await.expect(202);
            let link = cluster.link_to(&address, "/recovery/").await;
            let body = json!({"new_password": OTHER_PASSWORD});
            request("POST", &link, &None, Some(body), 204)
        }
        "e-mail change" => {
            let address = format!("{name}@example.org");
            let body = json!({"email": address, "password": PASSWORD});
            let asked = a.send("PUT", "/user/me/email", own.as_deref(), Some(body));
            asked.await.expect(202);
            let link = cluster.link_to(&address, "/confirmation/").await;
            request("POST", &link, &None, None, 200)
        }
        "disable" => {
            let body = json!({"status": "disabled"});
            request(
                "PUT",
                &format!("/user/{name}/status"),
                &admin,
                Some(body),
                200,
            )
        }
        "delete" => request("DELETE", &format!("/user/{name}"), &admin, None, 204),
        // The session stays, but its rights end.
        "role change" => {
            let path = format!("/user/{name}/role");
            let body = json!({"role": "admin"});
            let made = a.send("PUT", &path, admin.as_deref(), Some(body));
            made.await.expect(200);
            crate::pass(WITHIN).await;
            (victim.path, victim.ended) = ("/user?limit=1".to_owned(), 403);
            request("PUT", &path, &admin, Some(json!({"role": "user"})), 200)
        }
        other => panic!("unknown action: {other}"),
    };
    (victim, action)
}

/// Actions that void a mailed link, and the purpose of the link.
const LINK_ACTIONS: [(&str, &str); 7] = [
    ("password change", "recovery"),
    ("recovery", "recovery"),
    ("recovery", "confirmation"),
    ("e-mail change", "recovery"),
    ("disable", "recovery"),
    ("disable", "confirmation"),
    ("delete", "recovery"),
];

/// A mailed link of this user, before the action.
async fn link_of(
    cluster: &Cluster,
    leads_to: &str,
    name: &str,
    action: &RevokingAction,
) -> RevocationTarget {
    let a = cluster.client(0);
    let link = match leads_to {
        // The action itself uses it.
        "recovery" if action.path.starts_with("/recovery/") => action.path.clone(),
        "recovery" => {
            let address = format!("{name}@example.com");
            let asked = a.post("/recovery", json!({"email": address}));
            asked.await.expect(202);
            cluster.link_to(&address, "/recovery/").await
        }
        _ => {
            let token = a.token(name, PASSWORD).await;
            let address = format!("{name}@example.net");
            let body = json!({"email": address, "password": PASSWORD});
            let asked = a.send("PUT", "/user/me/email", Some(&token), Some(body));
            asked.await.expect(202);
            cluster.link_to(&address, "/confirmation/").await
        }
    };
    RevocationTarget::link(link)
}

/// Each action with each link that it voids, with a separate user.
async fn every_link(store: StoreKind) {
    let cluster = Cluster::start(store).await;
    for (number, (action, leads_to)) in LINK_ACTIONS.into_iter().enumerate() {
        let name = format!("linked-{number}");
        let (_, request) = prepare(&cluster, action, &name).await;
        let link = link_of(&cluster, leads_to, &name, &request).await;
        let what = format!("{action}, of a link to {leads_to}");
        let after = Duration::from_millis(10 + 110 * number as u64);
        ends(&what, &cluster, &link, after, request).await;
    }
}

/// Each action, with a separate user.
async fn every_action(store: StoreKind) {
    let cluster = Cluster::start(store).await;
    let mut worst = Duration::ZERO;
    for (number, what) in ACTIONS.into_iter().enumerate() {
        let (victim, action) = prepare(&cluster, what, &format!("user-{number}")).await;
        // The other nodes cached the session just before, or almost a second ago.
        let after = Duration::from_millis(10 + 110 * number as u64);
        worst = worst.max(ends(what, &cluster, &victim, after, action).await);
    }
    println!("on {store:?} the worst was {worst:?}");
}

/// T-REVOKE, R-05, R-06, S-06.
#[tokio::test(flavor = "multi_thread")]
async fn of_links_on_postgres() {
    every_link(StoreKind::Postgres).await;
}

/// T-REVOKE, R-05, R-06, S-06.
#[tokio::test(flavor = "multi_thread")]
async fn of_links_on_postgres_and_redis() {
    every_link(StoreKind::PostgresRedis).await;
}

/// T-REVOKE, R-05, R-06, S-06.
#[tokio::test(flavor = "multi_thread")]
async fn of_links_on_mariadb() {
    every_link(StoreKind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    every_action(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_and_redis() {
    every_action(StoreKind::PostgresRedis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    every_action(StoreKind::MariaDb).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread")]
async fn of_links_on_dynamodb() {
    every_link(StoreKind::DynamoDb).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread")]
async fn on_dynamodb() {
    every_action(StoreKind::DynamoDb).await;
}
