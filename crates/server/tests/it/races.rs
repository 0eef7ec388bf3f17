//! Concurrent requests: an action that may happen once happens once (R-05, Z-04, T-RACE).

use std::collections::BTreeMap;

use doorward_testkit::repeat::repetitions;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Client, OTHER_PASSWORD, PASSWORD, TestApp, path_in};

const MANY: usize = 50;

/// Sends one request from each client at once.
async fn at_once(
    clients: Vec<Client>,
    method: &'static str,
    path: &str,
    version: Option<&str>,
    body: &Value,
) -> Vec<Answer> {
    let mut running = JoinSet::new();
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(clients.len()));
    for client in clients {
        let (path, version, body, start) = (
            path.to_owned(),
            version.map(str::to_owned),
            body.clone(),
            start.clone(),
        );
        running.spawn(async move {
            start.wait().await;
            let draft = client.request(method, &path);
            let draft = if let Some(version) = version {
                draft.header("if-match", &version)
            } else {
                draft
            };
            let draft = if body.is_null() {
                draft
            } else {
                draft.json(&body)
            };
            draft.send().await
        });
    }
    running.join_all().await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

fn statuses(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut counted = BTreeMap::new();
    for answer in answers {
        *counted.entry((answer.status, answer.code())).or_default() += 1;
    }
    counted
}

fn unknown_clients(app: &TestApp) -> Vec<Client> {
    (0..MANY).map(|_| app.anon()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_sign_ups_with_one_name_one_has_it() {
    let app = TestApp::new().await;
    let body = json!({"username": "ben", "password": PASSWORD});
    let answers = at_once(unknown_clients(&app), "POST", "/user", None, &body).await;
    assert_eq!(
        (count(&answers, 201), count(&answers, 409)),
        (1, MANY - 1),
        "{:?}",
        statuses(&answers)
    );
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 || answer.code() == "username-taken")
    );
    let admin = app.admin().await;
    assert_eq!(
        admin.get("/user?role=user").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        admin.get("/audit?event=sign-up&user=ben").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_confirmation_posted_many_times_happens_once_and_says_so_to_all() {
    let app = TestApp::new().await;
    let link = app.pending("ben").await;
    let answers = at_once(unknown_clients(&app), "POST", &link, None, &Value::Null).await;
    assert_eq!(count(&answers, 200), MANY, "{:?}", statuses(&answers));
    let admin = app.admin().await;
    assert_eq!(
        admin.get("/audit?event=email-confirmed").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_recovery_posted_many_times_sets_the_password_once() {
    let app = TestApp::new().await;
    app.user("ben").await;
    app.anon()
        .post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = path_in(&app.one_mail().await);
    let body = json!({"new_password": OTHER_PASSWORD});
    let answers = at_once(unknown_clients(&app), "POST", &link, None, &body).await;
    assert_eq!(
        (count(&answers, 204), count(&answers, 410)),
        (1, MANY - 1),
        "{:?}",
        statuses(&answers)
    );
    assert_eq!(app.mails().await.len(), 1);
    app.anon()
        .post(
            "/auth",
            json!({"username": "ben", "password": OTHER_PASSWORD}),
        )
        .await
        .expect(201);
}

/// H-07.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writes_on_one_version_one_is_kept() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let clients = vec![ben.clone(); MANY];
    let answers = at_once(
        clients,
        "PATCH",
        "/user/me",
        Some("\"1\""),
        &json!({"data": {"a": 1}}),
    )
    .await;
    assert_eq!(
        (count(&answers, 200), count(&answers, 412)),
        (1, MANY - 1),
        "{:?}",
        statuses(&answers)
    );
    assert_eq!(ben.get("/user/me").await.header("etag"), Some("\"2\""));
}

/// Without `If-Match` every write succeeds, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_name_no_version_all_land() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let mut running = JoinSet::new();
    for number in 0..10 {
        let ben = ben.clone();
        running.spawn(async move {
            ben.patch("/user/me", json!({"data": {format!("k{number}"): number}}))
                .await
                .status
        });
    }
    assert!(running.join_all().await.iter().all(|status| *status == 200));
    let user = ben.get("/user/me").await;
    assert_eq!(user.json()["data"].as_object().unwrap().len(), 10);
    assert_eq!(user.header("etag"), Some("\"11\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_admins_who_demote_or_delete_each_other_leave_one() {
    for round in 0..10 {
        let app = TestApp::new().await;
        let root = app.admin().await;
        app.create("other", doorward_domain::model::Role::Admin)
            .await;
        let other = app.sign_in("other").await;
        let ends = |client: Client, whom: &'static str| async move {
            match round % 3 {
                0 => {
                    client
                        .put(&format!("/user/{whom}/role"), json!({"role": "user"}))
                        .await
                }
                1 => {
                    client
                        .put(
                            &format!("/user/{whom}/status"),
                            json!({"status": "disabled"}),
                        )
                        .await
                }
                _ => client.delete(&format!("/user/{whom}")).await,
            }
        };
        let mut running = JoinSet::new();
        running.spawn(ends(root.clone(), "other"));
        running.spawn(ends(other.clone(), "root"));
        let answers = running.join_all().await;
        let done = answers.iter().filter(|answer| answer.status < 300).count();
        assert_eq!(
            done,
            1,
            "{:?}",
            answers.iter().map(Answer::text).collect::<Vec<_>>()
        );
        assert!(
            answers
                .iter()
                .all(|answer| answer.status < 300 || matches!(answer.status, 401 | 403 | 409))
        );
        let survivors = [&root, &other].map(|client| client.get("/audit"));
        let [one, two] = survivors;
        let (one, two) = (one.await.status, two.await.status);
        assert!((one == 200) != (two == 200), "{one} {two}");
        assert!(app.accounts.has_admin().await.unwrap());
    }
}

/// J-08: concurrent renewals all get a token of the same renewal.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewals_at_once_are_one_renewal() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let answers = at_once(
        vec![ben.clone(); 32],
        "POST",
        "/auth/renewal",
        None,
        &Value::Null,
    )
    .await;
    assert_eq!(count(&answers, 200), 32);
    for answer in &answers {
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        ben.with_token(&token).get("/auth").await.expect(200);
    }
    app.advance_seconds(31);
    let last = answers[0].json()["token"].as_str().unwrap().to_owned();
    ben.with_token(&last).get("/auth").await.expect(200);
    ben.get("/auth").await.expect_problem(401, "invalid-token");
}

/// of many pending users of one address, one confirms it and the others are deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_pending_users_of_one_address_one_is_confirmed() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let mut links = Vec::new();
    for _ in 0..8 {
        let body = json!({"email": "ben@example.com", "password": PASSWORD});
        app.anon().post("/user", body).await.expect(201);
        links.push(path_in(&app.one_mail().await));
    }
    let mut running = JoinSet::new();
    for link in links {
        let client = app.anon();
        running.spawn(async move { client.request("POST", &link).send().await });
    }
    let answers = running.join_all().await;
    assert_eq!((count(&answers, 200), count(&answers, 410)), (1, 7));
    let admin = app.admin().await;
    assert_eq!(
        admin.get("/user?role=user").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// S-06, P-12: of many changes with the same current password, one succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_password_changes_one_is_made() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    app.create("ben", doorward_domain::model::Role::User).await;
    let mut running = JoinSet::new();
    for number in 0..8 {
        let client = app.anon();
        running.spawn(async move {
            let body = json!({"username": "ben", "current_password": PASSWORD, "new_password": format!("another one, number {number}")});
            client.put("/password", body).await.status
        });
    }
    let mut statuses = running.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204);
    assert!(
        statuses[1..]
            .iter()
            .all(|status| matches!(status, 401 | 412)),
        "{statuses:?}"
    );
    assert_eq!(app.mails().await.len(), 1);
}

/// Number of concurrent uses of a link.
const REDEEMERS: usize = 64;

async fn redeemed(app: &TestApp, method: &'static str, link: &str, body: &Value) {
    let clients = (0..REDEEMERS).map(|_| app.anon()).collect();
    let answers = at_once(clients, method, link, None, body).await;
    assert_eq!(
        (count(&answers, 204), count(&answers, 410)),
        (1, REDEEMERS - 1),
        "{method} {link}: {:?}",
        statuses(&answers)
    );
}

/// R-05, T-RACE: 64 concurrent requests, a hundred times, and every recovery link is used once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_recovery_link_is_used_once_however_many_come() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    app.create("ben", doorward_domain::model::Role::User).await;
    for round in 0..repetitions(100) {
        let body = json!({"email": "ben@example.com"});
        app.anon().post("/recovery", body).await.expect(202);
        let link = path_in(&app.one_mail().await);
        let body = json!({"new_password": format!("another one, number {round}")});
        redeemed(&app, "POST", &link, &body).await;
        assert_eq!(app.mails().await.len(), 1, "it is mailed once");
    }
}

/// T-RACE: so is every other link that works once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_link_that_works_once_is_used_once() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let rounds = repetitions(10);
    for round in 0..rounds {
        let link = app.pending("ben").await;
        redeemed(&app, "DELETE", &link, &Value::Null).await;
        let name = format!("ben{round}");
        let ben = app.user(&name).await;
        let new = format!("thief{round}@example.org");
        let body = json!({"email": new, "password": PASSWORD});
        ben.put("/user/me/email", body).await.expect(202);
        let mails = app.mails().await;
        let of = |purpose: &str| {
            let found = mails.iter().map(path_in);
            let mut found = found.filter(|path| path.starts_with(purpose));
            found.next().unwrap()
        };
        let confirm = of("/confirmation/");
        app.anon()
            .request("POST", &confirm)
            .send()
            .await
            .expect(200);
        app.one_mail().await;
        redeemed(&app, "POST", &of("/email-undo/"), &Value::Null).await;
        let told: Vec<_> = app.mails().await;
        assert_eq!(told.len(), 2, "{:?}", crate::support::summary(&told));
    }
    let admin = app.admin().await;
    let undone = admin
        .get("/audit?event=email-change-undone&limit=200")
        .await
        .json();
    assert_eq!(undone["items"].as_array().unwrap().len(), rounds);
}
