//! Endpoints for operators and other services, and responses during failures.

use serde_json::{Value, json};

use crate::support::{PASSWORD, StoreMode, TestApp};

#[tokio::test]
async fn a_healthy_server_reports_only_its_health() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    assert_eq!(
        anonymous.get("/healthz").await.expect(200).json(),
        json!({"status": "ok"})
    );
    assert_eq!(
        anonymous.get("/readyz").await.expect(200).json(),
        json!({"status": "ready"})
    );
    anonymous.get("/").await.expect(200).assert_greeting();
}

/// H-14. The end-to-end tests have a separate session store that is down.
#[tokio::test]
async fn a_store_that_is_down_affects_readiness_only() {
    let app = TestApp::new().await;
    app.set_store_mode(StoreMode::Down);
    app.advance_seconds(1);
    let anonymous = app.anonymous();
    anonymous.get("/healthz").await.expect(200);
    let answer = anonymous.request("GET", "/readyz").send_to_broken().await;
    let problem = answer.expect_problem(503, "store-unavailable");
    let detail = "The database and the session store do not respond.";
    assert_eq!(problem.json()["detail"], detail);
    assert_eq!(problem.header("retry-after"), Some("1"));
    app.set_store_mode(StoreMode::Fine);
    app.advance_seconds(1);
    app.anonymous().get("/readyz").await.expect(200);
}

/// A commit without a response is reported as neither done nor failed.
#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_503_outcome_unknown() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    app.set_store_mode(StoreMode::OutcomeUnknown);
    let draft = ben.request("PUT", "/user/me");
    let answer = draft.json(&json!({"name": "Ben", "data": {}}));
    let problem = answer.send_to_broken().await;
    problem.expect_problem(503, "outcome-unknown");
    // The write was made, and this node has dropped its cached user.
    app.set_store_mode(StoreMode::Fine);
    assert_eq!(ben.get("/user/me").await.json()["name"], "Ben");
}

/// Z-06, S-05: an error during a decision never allows. H-01: it reveals no internals.
#[tokio::test]
async fn with_a_store_that_is_down_or_broken_nothing_succeeds() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let requests: [(&str, &str, Value); 14] = [
        (
            "POST",
            "/auth",
            json!({"username": "ben", "password": PASSWORD}),
        ),
        (
            "POST",
            "/user",
            json!({"username": "new", "password": PASSWORD}),
        ),
        ("GET", "/user", Value::Null),
        ("GET", "/user/ben", Value::Null),
        ("PATCH", "/user/me", json!({"name": "x"})),
        ("DELETE", "/user/me", Value::Null),
        ("PUT", "/user/ben/role", json!({"role": "admin"})),
        (
            "PUT",
            "/user/me/email",
            json!({"email": "x@example.com", "password": PASSWORD}),
        ),
        (
            "PUT",
            "/password",
            json!({"current_password": PASSWORD, "new_password": "two boats and a lamp"}),
        ),
        ("DELETE", "/auth", Value::Null),
        ("POST", "/auth/renewal", Value::Null),
        ("POST", "/recovery", json!({"email": "ben@example.com"})),
        ("GET", "/audit", Value::Null),
        ("GET", "/user/me/session", Value::Null),
    ];
    app.advance_seconds(2);
    for (mode, status, code) in [
        (StoreMode::Down, 503, "store-unavailable"),
        (StoreMode::Panics, 500, "internal-error"),
    ] {
        app.set_store_mode(mode);
        for (method, path, body) in &requests {
            let client = app.anonymous().with_token(if *path == "/user/me" {
                ben.token()
            } else {
                admin.token()
            });
            let draft = client.request(method, path);
            let draft = if body.is_null() {
                draft
            } else {
                draft.json(body)
            };
            let answer = draft.send_to_broken().await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (status, code),
                "{method} {path}: {}",
                answer.text()
            );
            app.advance_seconds(200);
        }
        let page = app
            .anonymous()
            .request("GET", "/readyz")
            .html()
            .send_to_broken()
            .await
            .expect(503);
        assert!(!page.text().contains("secret-of-the-inside"));
    }
    // L-04: the server continues, and none of the requests had an effect.
    app.set_store_mode(StoreMode::Fine);
    ben.get("/auth").await.expect(200);
    admin
        .get("/user/new")
        .await
        .expect_problem(404, "not-found");
    assert_eq!(ben.get("/user/me").await.json()["name"], Value::Null);
    assert!(app.mails().await.is_empty());
}

/// P-10.
#[tokio::test]
async fn a_full_hashing_queue_rejects_at_once() {
    // Expensive enough that all requests arrive before the first is done.
    let app = TestApp::with(|options| {
        options.hashing_queue = 1;
        options.hashing_cost.memory_kib = 128 * 1024;
        options.hashing_cost.passes = 3;
    })
    .await;
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..64 {
        let client = app.anonymous();
        attempts.spawn(async move {
            let body = json!({"username": format!("user-{number}"), "password": PASSWORD});
            client
                .request("POST", "/user")
                .json(&body)
                .send_to_broken()
                .await
        });
    }
    let answers = attempts.join_all().await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 201)
        .collect();
    assert!(!refused.is_empty() && refused.len() < 64);
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

/// H-05, H-14: otherwise a load balancer would treat an overloaded node as down.
#[tokio::test]
async fn health_checks_work_while_the_server_is_overloaded() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let ask = async |method: &str, path: &str| {
        let draft = anonymous.request(method, path).without_request_slot();
        draft.send_to_broken().await
    };
    for (method, path) in [("GET", "/healthz"), ("HEAD", "/readyz"), ("GET", "/readyz")] {
        assert_eq!(ask(method, path).await.status, 200, "{path}");
    }
    assert_eq!(ask("POST", "/healthz").await.status, 405);
    for path in ["/", "/auth", "/nope", "/healthz/", "/openapi.json"] {
        let refused = ask("GET", path).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (503, "overloaded")
        );
    }
}

#[tokio::test]
async fn each_problem_has_a_page_that_explains_it() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let all = anonymous.get("/problems").await.expect(200).text();
    for code in doorward_web::Code::ALL {
        let page = anonymous
            .get(&format!("/problems/{}", code.as_str()))
            .await
            .expect(200)
            .text();
        assert!(
            page.contains(code.title()) && all.contains(code.title()),
            "{}",
            code.as_str()
        );
        assert!(page.contains(&format!("{} · ", code.status().as_u16())));
    }
    anonymous
        .get("/problems/nonsense")
        .await
        .expect_problem(404, "not-found");
}

#[tokio::test]
async fn documents_have_a_machine_readable_form_and_a_page() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let openapi = anonymous.get("/openapi.json").await.expect(200);
    assert_eq!(openapi.header("content-type"), Some("application/json"));
    assert_eq!(
        openapi.json()["openapi"].as_str().unwrap().get(..3),
        Some("3.1")
    );
    let docs = anonymous.get("/docs").await.expect(200);
    assert_eq!(
        docs.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let away = anonymous
        .get("/.well-known/change-password")
        .await
        .expect(303);
    assert_eq!(away.header("location"), Some("/account/password"));
    anonymous
        .get("/inbox")
        .await
        .expect_problem(404, "not-found");
    anonymous
        .get("/metrics")
        .await
        .expect_problem(404, "not-found");
    anonymous
        .get("/assets/nothing.css")
        .await
        .expect_problem(404, "not-found");
}

#[tokio::test]
async fn an_unknown_path_gets_404() {
    let app = TestApp::new().await;
    for path in [
        "/nope",
        "/user/",
        "/user/me/",
        "/auth/",
        "//",
        "/../etc/passwd",
        "/%2e%2e/",
        "/USER",
        "/user/me/session/1/2",
        "/administrator",
        "/?",
        "/.env",
    ] {
        let answer = app.anonymous().get(path).await;
        let expected = if path == "/?" { 200 } else { 404 };
        assert_eq!(answer.status, expected, "{path}");
    }
}
