//! Behaviour that depends on how a store represents times and finds audit events, tested over HTTP on each of
//! them, regardless of the stores of this run.

use std::sync::Arc;

use doorward_domain::values::Role;
use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::factors;
use crate::support::{
    Client, Combination, OTHER_PASSWORD, PASSWORD, Stores, TestApp, path_in, summary,
};

const ALL: [Combination; 5] = [
    Combination::Sqlite,
    Combination::Postgres,
    Combination::MariaDb,
    Combination::PostgresRedis,
    Combination::DynamoDb,
];
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const HOME: &str = "192.0.2.7";
const ABROAD: &str = "198.51.100.4";

/// Empty stores of this kind. The folder contains the file, if there is one.
async fn stores_of(combination: Combination) -> (Stores, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let start = "2026-11-21T08:00:00Z".parse().unwrap();
    (Stores::open(combination, &folder, start).await, folder)
}

/// The same stores, for a second node.
fn again(stores: &Stores) -> Stores {
    Stores {
        store: Arc::clone(&stores.store),
        sessions: stores.sessions.clone(),
        rate_limits: Arc::clone(&stores.rate_limits),
    }
}

/// A node with idle timeouts: an hour, and half an hour for admins.
async fn short_limits(stores: Stores) -> TestApp {
    TestApp::with(|options| {
        options.stores = Some(stores);
        options.policy.session_idle_timeout = SignedDuration::from_mins(60);
        options.policy.admin_session_idle_timeout = SignedDuration::from_mins(30);
    })
    .await
}

async fn is_open(app: &TestApp, client: &Client) -> bool {
    let client = app.anonymous().with_token(client.token());
    let answer = client.get("/auth").await;
    match answer.status {
        200 => true,
        401 => {
            answer.expect_problem(401, "invalid-token");
            false
        }
        other => panic!("{other}: {}", answer.text()),
    }
}

/// S-04: a use prolongs the session, and is known to the second node once it is stored. Without one the session
/// ends on both, and is not listed; an admin's ends first.
#[tokio::test]
async fn an_idle_session_ends() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let here = short_limits(again(&stores)).await;
        let beside = short_limits(stores).await;
        let (ben, root) = (here.user("ben").await, here.admin().await);
        let step = |minutes: i64| {
            for app in [&here, &beside] {
                app.advance(SignedDuration::from_mins(minutes));
            }
        };
        step(29);
        for client in [&ben, &root] {
            assert!(is_open(&here, client).await, "{combination:?}");
        }
        here.doorward.last_seen.write().await.unwrap();
        step(29);
        assert!(is_open(&beside, &root).await, "{combination:?}");
        beside.doorward.last_seen.write().await.unwrap();
        step(30);
        assert!(!is_open(&beside, &root).await, "{combination:?}");
        // Ben was last seen 59 minutes ago.
        assert!(is_open(&beside, &ben).await, "{combination:?}");
        beside.doorward.last_seen.write().await.unwrap();
        step(60);
        for app in [&beside, &here] {
            assert!(!is_open(app, &ben).await, "{combination:?}");
        }
        let ben = beside.sign_in("ben").await;
        let open = ben.get("/user/me/session").await.expect(200).json();
        let open = open["items"].as_array().unwrap().len();
        assert_eq!(open, 1, "{combination:?}");
    }
}

async fn try_sign_in(app: &TestApp, address: &str, browser: &str, password: &str, status: u16) {
    let client = app.at(address.parse().unwrap());
    let draft = client
        .request("POST", "/auth")
        .header("user-agent", browser);
    let body = json!({"username": "ben", "password": password});
    draft.json(&body).send().await.expect(status);
}

/// the owner is notified once of a sign-in from elsewhere, and of one after ten wrong passwords.
#[tokio::test]
async fn an_unusual_sign_in_notifies_the_owner() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let app = TestApp::with(|options| {
            options.stores = Some(stores);
            options.policy.sign_in_notices = true;
        })
        .await;
        app.create("ben", Role::User).await;
        for (address, browser, is_new) in [
            (HOME, FIREFOX, false),
            (HOME, FIREFOX, false),
            (ABROAD, FIREFOX, true),
            (ABROAD, FIREFOX, false),
            (HOME, "curl/8.5.0", true),
        ] {
            try_sign_in(&app, address, browser, PASSWORD, 201).await;
            let mails = app.mails().await;
            let expected = [("ben@example.com", "new-sign-in")];
            let expected = &expected[..usize::from(is_new)];
            assert_eq!(summary(&mails), expected, "{combination:?} {address}");
            if let Some(mail) = mails.first() {
                let device = mail.device.as_deref().unwrap_or_default();
                assert!(device.ends_with(address), "{combination:?}: {device}");
            }
            app.advance_seconds(60);
        }
        for _ in 0..10 {
            try_sign_in(&app, ABROAD, "guess/1", OTHER_PASSWORD, 401).await;
            app.advance_seconds(60);
        }
        try_sign_in(&app, HOME, FIREFOX, PASSWORD, 201).await;
        let mails = app.mails().await;
        let expected = [("ben@example.com", "sign-in-after-failures")];
        assert_eq!(summary(&mails), expected, "{combination:?}");
        try_sign_in(&app, HOME, FIREFOX, PASSWORD, 201).await;
        assert!(app.mails().await.is_empty(), "{combination:?}");
    }
}

/// L-05: network addresses and user agents of a deleted account are erased from the audit log that an admin reads.
/// The user is only an id.
#[tokio::test]
async fn a_deleted_user_is_only_an_id_in_the_audit_log() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let app = TestApp::with(|options| options.stores = Some(stores)).await;
        let ben = app.create("ben", Role::User).await;
        try_sign_in(&app, ABROAD, FIREFOX, OTHER_PASSWORD, 401).await;
        try_sign_in(&app, ABROAD, FIREFOX, PASSWORD, 201).await;
        let own = app.sign_in("ben").await;
        own.delete("/user/me").await.expect(204);
        let worker = || app.ctx(doorward_domain::Actor::Worker);
        app.advance_seconds(60);
        while app
            .doorward
            .audit_chain
            .seal(&worker())
            .await
            .unwrap()
            .events
            > 0
        {}
        let root = app.admin().await;
        let path = format!("/audit?user={}", ben.id);
        let log = root.get(&path).await.expect(200).json();
        let rows = log["items"].as_array().unwrap();
        assert!(rows.len() >= 4, "{combination:?}: {log}");
        for row in rows {
            assert!(row["address"].is_null(), "{combination:?}: {row}");
            assert!(row["user_agent"].is_null(), "{combination:?}: {row}");
        }
        assert!(!log.to_string().contains("ben"), "{combination:?}: {log}");
    }
}

/// T-REVOKE, R-06: voided links are void on every store, on the node that voided them and on a second one.
#[tokio::test]
async fn a_voided_link_is_void_on_every_node() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let here = TestApp::with(|options| options.stores = Some(again(&stores))).await;
        let beside = TestApp::with(|options| options.stores = Some(stores)).await;
        let ben = here.user("ben").await;
        let asked = here.anonymous();
        let body = json!({"email": "ben@example.com"});
        asked.post("/recovery", body).await.expect(202);
        let link = path_in(&here.one_mail().await);
        beside.anonymous().get(&link).await.expect(200);
        let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        ben.put("/password", change).await.expect(204);
        for app in [&here, &beside] {
            let body = json!({"new_password": "three lamps in a harbour"});
            let refused = app.anonymous().post(&link, body).await;
            refused.expect_problem(410, "link-expired");
        }
        here.mails().await;
    }
}

/// M-01: a code is used up on every node, also if two nodes receive it at the same time. Five wrong codes end a challenge
/// on all of them.
#[tokio::test]
async fn a_code_works_once_on_all_nodes() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let here = unthrottled(again(&stores)).await;
        let beside = unthrottled(stores).await;
        let ben = here.user("ben").await;
        let (enrolment, codes) = factors::enrol(&here, &ben, "Phone").await;
        beside.allow_unread_mail();
        beside.advance_seconds(30);
        let code = factors::code(&here, &enrolment);
        for (kind, code) in [("totp", &code), ("recovery-code", &codes[0])] {
            let (one, two) = (here.anonymous(), beside.anonymous());
            let challenges = [
                factors::challenge(&one, "ben").await,
                factors::challenge(&two, "ben").await,
            ];
            let body =
                |challenge: &str| json!({"challenge": challenge, "kind": kind, "code": code});
            let (first, second) = tokio::join!(
                one.post("/auth/factor", body(&challenges[0])),
                two.post("/auth/factor", body(&challenges[1])),
            );
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 401], "{combination:?} {kind}");
            let again = beside.anonymous();
            let challenge = factors::challenge(&again, "ben").await;
            let replayed = again.post("/auth/factor", body(&challenge)).await;
            replayed.expect_problem(401, "invalid-code");
        }
        let client = here.anonymous();
        let challenge = factors::challenge(&client, "ben").await;
        let body =
            json!({"challenge": challenge, "kind": "recovery-code", "code": "0000-0000-0000-0000"});
        for app in [&here, &beside, &here, &beside, &here] {
            let wrong = app.anonymous().post("/auth/factor", body.clone()).await;
            wrong.expect_problem(401, "invalid-code");
        }
        for app in [&here, &beside] {
            let late = app.anonymous().post("/auth/factor", body.clone()).await;
            late.expect_problem(410, "challenge-expired");
        }
    }
}

/// M-02, T-RACE: requests in parallel on two nodes leave one unfinished enrolment for each session, and five for the user.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn enrolments_in_parallel_do_not_exceed_their_limits() {
    for combination in ALL {
        let (stores, _folder) = stores_of(combination).await;
        let here = unthrottled(again(&stores)).await;
        let beside = unthrottled(stores).await;
        for (name, sessions, expected) in [("ada", 1, 1), ("ben", 8, 5)] {
            here.create(name, Role::User).await;
            let mut clients = Vec::new();
            for _ in 0..sessions {
                clients.push(here.sign_in(name).await);
            }
            let mut running = JoinSet::new();
            for number in 0..24 {
                let token = clients[number % sessions].token();
                let node = if number % 2 == 0 { &here } else { &beside };
                let client = node.anonymous().with_token(token);
                running.spawn(async move {
                    let body = json!({"kind": "totp", "name": "Phone"});
                    client.post("/user/me/factor", body).await.status
                });
            }
            let statuses = running.join_all().await;
            let is_expected = |status: &u16| *status == 201 || sessions > 1 && *status == 422;
            assert!(
                statuses.iter().all(is_expected),
                "{combination:?}: {statuses:?}"
            );
            let listed = clients[0].get("/user/me/factor").await.expect(200).json();
            let count = listed["items"].as_array().unwrap().len();
            assert_eq!(count, expected, "{combination:?} {name}");
        }
    }
}

async fn unthrottled(stores: Stores) -> TestApp {
    TestApp::with(|options| {
        options.stores = Some(stores);
        options.policy.throttle = false;
    })
    .await
}
