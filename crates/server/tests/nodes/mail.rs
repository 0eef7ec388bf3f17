//! Three workers, one outbox: no mail is sent twice while all work, and none is lost when one dies.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::accounts::PASSWORD;
use crate::cluster::{Cluster, StoreKind};
use crate::node_client::NodeClient;

/// Number of concurrent sign-ups; each causes one mail.
const PEOPLE: usize = 300;
/// As in `crates/server/src/worker/mod.rs`: mails that a worker sends at a time.
const MAILS_AT_ONCE: usize = 4;

/// Signs up users, and retries while the server is overloaded: the queue of unknown clients holds fewer passwords
/// than this, and on a slow machine rejects requests after four seconds.
async fn sign_up(clients: &[NodeClient], batch: &str, people: usize) {
    let mut running = JoinSet::new();
    for number in 0..people {
        let client = clients[number % clients.len()];
        let body = json!({"email": format!("{batch}-{number}@example.com"), "password": PASSWORD});
        running.spawn(async move {
            // Two minutes of pauses, longer than all hashes take.
            for _ in 0..600 {
                match client.post("/user", body.clone()).await.status {
                    503 => crate::pass(Duration::from_millis(200)).await,
                    status => return status,
                }
            }
            503
        });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|status| *status == 201), "{answers:?}");
}

/// Signs up users on all nodes. Each gets one mail, and no second one from another worker.
pub async fn each_mail_arrives_once(cluster: &Cluster, batch: &str, people: usize) {
    sign_up(&cluster.clients(), batch, people).await;
    crate::eventually("every mail arrives", async || {
        (cluster.mailboxes(batch).len() >= people).then_some(())
    })
    .await;
    // Each node checks the outbox again.
    crate::pass(Duration::from_secs(3)).await;
    let all = cluster.mailboxes(batch);
    let mut once = all.clone();
    once.dedup();
    assert_eq!((once.len(), all.len()), (people, people));
}

/// Number of mails to each mailbox of the batch, per node.
fn arrived(cluster: &Cluster, batch: &str) -> BTreeMap<String, [usize; 3]> {
    let mut arrived = BTreeMap::<String, [usize; 3]>::new();
    for (node, mail_server) in cluster.mail.iter().enumerate() {
        for mail in mail_server.mails() {
            if mail.to.starts_with(batch) {
                arrived.entry(mail.to).or_default()[node] += 1;
            }
        }
    }
    arrived
}

/// Number of mailboxes of a batch with a mail from the first or the third node.
fn by_running_nodes(all: &BTreeMap<String, [usize; 3]>) -> usize {
    all.values().filter(|[a, _, c]| a + c > 0).count()
}

async fn with_all_nodes(cluster: &Cluster) {
    each_mail_arrives_once(cluster, "well", PEOPLE).await;
    let by_node = arrived(cluster, "well");
    let shares = by_node
        .values()
        .fold([0; 3], |sum, by| [0, 1, 2].map(|n| sum[n] + by[n]));
    let all_send = shares.iter().all(|share| *share > 0);
    assert!(all_send, "each node sends: {shares:?}");
    println!("{PEOPLE} mails by {shares:?}");
}

/// One node is killed while it sends mails, which the mail server has received and not acknowledged.
async fn with_a_killed_node(cluster: &mut Cluster, ask: impl Fn(&str, &str) -> String) {
    let [first, second, third] = cluster.clients();
    let living = [first, third];
    let (dying, mail_server) = (&mut cluster.nodes[1], &cluster.mail[1]);
    mail_server.stall();
    // A request to a node wakes its own worker, which sooner or later is the first to take the mail.
    let mut own = 0;
    let kill = async {
        while mail_server.held() == 0 {
            assert!(own < 100, "it never takes one of its own mails");
            sign_up(&[second], &format!("kill-own-{own}"), 1).await;
            own += 1;
            crate::pass(Duration::from_millis(50)).await;
        }
        dying.end("KILL").await
    };
    tokio::join!(sign_up(&living, "kill", PEOPLE), kill);
    let people = PEOPLE + own;
    crate::eventually("the others send all but what is leased to it", async || {
        let sent = by_running_nodes(&arrived(cluster, "kill"));
        (sent >= people - MAILS_AT_ONCE).then_some(())
    })
    .await;
    let held = cluster.mail[1].held();
    let so_far = arrived(cluster, "kill");
    let taken = so_far.values().filter(|[a, b, c]| a + c > 0 && *b > 0);
    assert_eq!(taken.count(), 0, "no node sends a leased mail again");

    // The other nodes must not be sending: all leases are about to be shortened.
    let database = cluster.nodes[0].variable("DATABASE_URL").to_owned();
    crate::eventually("the others write down what they sent", async || {
        let left: usize = ask(&database, LEFT).parse().unwrap();
        crate::pass(Duration::from_secs(1)).await;
        let is_still = ask(&database, LEFT).parse() == Ok(left);
        let sent = by_running_nodes(&arrived(cluster, "kill"));
        (is_still && left == people - sent).then_some(())
    })
    .await;
    ask(&database, OUTLIVED);
    crate::eventually("what it held arrives", async || {
        (by_running_nodes(&arrived(cluster, "kill")) == people).then_some(())
    })
    .await;
    let mut twice = 0;
    for (mailbox, [a, by_the_dead, c]) in arrived(cluster, "kill") {
        assert_eq!(a + c, 1, "{mailbox}: once by those who live");
        twice += by_the_dead;
    }
    assert_eq!(twice, held, "only what it held arrives twice");
    println!("after the kill {twice} of {people} arrived a second time");
}

async fn mails(store: StoreKind, ask: impl Fn(&str, &str) -> String) {
    let mut cluster = Cluster::start(store).await;
    with_all_nodes(&cluster).await;
    with_a_killed_node(&mut cluster, ask).await;
}

/// Shortens all leases by two minutes.
const OUTLIVED: &str = "UPDATE jobs SET due_at = due_at - 120000000";

const LEFT: &str = "SELECT COUNT(*) FROM jobs";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{reported}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    mails(StoreKind::Postgres, |url, sql| {
        run(Command::new("psql").args(["-X", "-q", "-t", "-A", "-c", sql, url]))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    mails(StoreKind::MariaDb, |url, sql| {
        let (path, socket) = url.split_once("?socket=").unwrap();
        let database = path.rsplit('/').next().unwrap();
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--user=root", "--socket", socket]);
        client.args(["--batch", "--skip-column-names", "--execute", sql]);
        run(client.arg(database))
    })
    .await;
}
