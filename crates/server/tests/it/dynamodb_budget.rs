//! What requests cost on DynamoDB: the limits of decision 0046.

use std::time::{Duration, Instant};

use doorward_domain::values::Role;
use doorward_testkit::servers::{self, Cost, Meter};
use serde_json::json;

use crate::e2e::{Setup, eventually};
use crate::support::{Client, PASSWORD, Stores, TestApp};

/// The delay of a response: longer than the time between requests that are sent together.
const NETWORK: Duration = Duration::from_millis(50);
/// The time over which an idle server is measured.
const IDLE: Duration = Duration::from_secs(10);

/// An application on a new table, with all that costs something.
async fn app() -> (Meter, TestApp) {
    let meter = Meter::before(&servers::dynamodb().await, NETWORK);
    let stores = Stores::dynamo(meter.url()).await;
    let app = TestApp::with(|options| {
        options.stores = Some(stores);
        options.policy.sign_in_notices = true;
    })
    .await;
    (meter, app)
}

async fn sign_in(meter: &Meter, client: &Client) -> (Cost, Client) {
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    let start = Instant::now();
    let answer = client.post("/auth", body).await.expect(201);
    let cost = meter.cost_since(start);
    (
        cost,
        client.with_token(answer.json()["token"].as_str().unwrap()),
    )
}

fn assert_within(cost: Cost, round_trips: usize, reads: f64, writes: f64) {
    let is_within = cost.round_trips <= round_trips && cost.reads <= reads && cost.writes <= writes;
    assert!(
        is_within,
        "{cost:?} is above {round_trips}, {reads}, {writes}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_by_email_costs_nine_round_trips_and_a_session_check_one() {
    let (meter, app) = app().await;
    app.create("ben", Role::User).await;
    let client = app.anonymous();
    let (new_device, _) = sign_in(&meter, &client).await;
    assert_within(new_device, 9, 12.0, 18.0);
    app.advance_seconds(3600);
    let (known_device, ben) = sign_in(&meter, &client).await;
    assert_within(known_device, 9, 12.0, 14.0);

    app.advance_seconds(60);
    let start = Instant::now();
    ben.get("/auth/check").await.expect(200);
    assert_within(meter.cost_since(start), 1, 2.0, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_with_a_mail_costs_26_write_units() {
    let (meter, app) = app().await;
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    let start = Instant::now();
    app.anonymous().post("/user", body).await.expect(201);
    assert_within(meter.cost_since(start), 3, 0.0, 26.0);
    app.mails().await;
}

/// Unknown accounts cost as many round trips as others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_costs_the_same_for_an_unknown_account() {
    let (meter, app) = app().await;
    app.create("ben", Role::User).await;
    let attempt = async |email: &str| {
        let body = json!({"email": email, "password": "three boats on a wrong lake"});
        let start = Instant::now();
        app.anonymous().post("/auth", body).await.expect(401);
        let cost = meter.cost_since(start);
        // The limit of all clients together has recovered.
        app.advance_seconds(60);
        cost
    };
    let known = attempt("ben@example.com").await;
    let unknown = attempt("nobody@example.com").await;
    assert_eq!(
        (known.round_trips, known.reads),
        (unknown.round_trips, unknown.reads)
    );
}

/// Once a minute. It moves an index entry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_a_node_costs_four_write_units() {
    let (meter, app) = app().await;
    let node = crate::nodes::report(&app, "one", "0.1.0").await;
    app.advance_seconds(60);
    let start = Instant::now();
    app.doorward.nodes.report(&node).await.unwrap();
    assert_within(meter.cost_since(start), 1, 0.0, 4.0);
}

#[test]
fn an_idle_server_costs_three_read_units_a_second() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let table = runtime.unwrap().block_on(servers::dynamodb());
    let meter = Meter::before(&table, Duration::ZERO);
    let setup = Setup::on_a_file().with("DATABASE_URL", meter.url());
    let server = setup.start();
    // Its start, and what it does every ten minutes, cost more.
    let begun = Instant::now();
    eventually("it is idle", || {
        let now = Instant::now();
        let cost = meter.cost_since(now.checked_sub(IDLE)?);
        let is_within = now - begun > IDLE && cost.reads <= 3.0 * IDLE.as_secs_f64();
        (is_within && cost.reads > 0.0 && cost.writes == 0.0).then_some(())
    });
    server.stop();
}
