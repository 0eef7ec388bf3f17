//! The access table, the OpenAPI document and the router agree, and every route treats anonymous clients, users
//! and admins as the table specifies (Z-01, H-03).

use std::collections::BTreeSet;

use doorward_domain::values::Role;
use doorward_web::routes::{Authentication, Route, table};
use serde_json::{Value, json};

use crate::openapi::example_of_body;
use crate::support::{Client, FORM, OTHER_PASSWORD, PASSWORD, TestApp, TestResponse};

/// Every method a client might try.
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
];

fn paths() -> BTreeSet<&'static str> {
    table().map(|route| route.path).collect()
}

/// The path with a value for every parameter.
pub fn filled(path: &str, user: &str) -> String {
    let path = path
        .replace("{user}", user)
        .replace("{token}", &"A".repeat(43));
    path.replace("{id}", "019363a0-0000-7000-8000-000000000000")
        .replace("{code}", "forbidden")
        .replace("{file}", "nothing.css")
}

/// A body that the route accepts; `None` if it needs none.
pub fn body_of(route: &Route) -> Option<Value> {
    Some(match (route.method.as_str(), route.path) {
        ("POST", "/user") => json!({"username": "fresh", "password": PASSWORD}),
        ("POST", "/sign-up") => json!({"username": "newcomer", "password": PASSWORD}),
        ("PUT" | "PATCH", "/user/{user}") => json!({"name": "x"}),
        ("PUT", "/user/{user}/email") => json!({"email": "x@example.org", "password": PASSWORD}),
        ("PUT", "/user/{user}/role") | ("POST", "/admin/users/{user}/role") => {
            json!({"role": "user"})
        }
        ("PUT", "/user/{user}/status") | ("POST", "/admin/users/{user}/status") => {
            json!({"status": "active"})
        }
        ("PUT", "/password") => {
            json!({"current_password": OTHER_PASSWORD, "new_password": "a third one for luck", "username": "nobody"})
        }
        ("POST", "/account/password") => {
            json!({"current_password": OTHER_PASSWORD, "new_password": "a third one for luck"})
        }
        ("POST", "/account/delete") => json!({"password": PASSWORD}),
        ("POST", "/account/profile" | "/admin/users/{user}/profile") => json!({"name": "x"}),
        ("POST", "/account/language") => json!({"locale": "en"}),
        ("POST", "/account/email" | "/admin/users/{user}/email") => {
            json!({"email": "x@example.org", "password": PASSWORD})
        }
        ("POST", "/confirmation" | "/recovery" | "/sign-up/sent" | "/recover") => {
            json!({"email": "nobody@example.org"})
        }
        ("POST", "/invitation") => json!({"email": "invited@example.org"}),
        ("POST", "/admin/users/new") => json!({"email": "newcomer@example.org"}),
        ("POST", "/admin/invitations/new") => json!({"people": "newcomer@example.org"}),
        ("POST", "/recovery/{token}") => json!({"new_password": OTHER_PASSWORD}),
        ("POST", "/auth" | "/sign-in" | "/sign-in/keep-account") => {
            json!({"username": "nobody", "password": PASSWORD})
        }
        _ => return example_of_body(route),
    })
}

pub async fn ask(client: &Client, route: &Route, user: &str) -> TestResponse {
    let draft = client.request(route.method.as_str(), &filled(route.path, user));
    match body_of(route) {
        Some(body) => draft.json(&body).send().await,
        None => draft.send().await,
    }
}

#[test]
fn the_document_has_every_route_of_the_table_and_no_other() {
    let document = doorward_web::openapi_document("https://accounts.example");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert((method.to_uppercase(), path.clone()));
        }
    }
    // A page is listed if the API uses its path as well, since `Allow` names it there.
    let has_api = |path| table().any(|row| !row.is_page && row.path == path);
    let listed = table().filter(|route| has_api(route.path));
    let listed: BTreeSet<_> = listed
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    assert_eq!(documented, listed);
    let rows: BTreeSet<_> = table()
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    assert_eq!(rows.len(), table().count(), "a row occurs twice");
}

#[tokio::test]
async fn the_router_has_every_route_of_the_table_and_no_other_method() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    for path in paths() {
        let rows: Vec<_> = table().filter(|route| route.path == path).collect();
        listed.extend(rows.iter().map(|route| route.method.as_str()));
        let allowed: BTreeSet<&str> = rows.iter().map(|route| route.method.as_str()).collect();
        for method in METHODS {
            if allowed.contains(method) {
                continue;
            }
            for client in [&app.anonymous(), &admin] {
                let answer = client.request(method, &filled(path, "ben")).send().await;
                let problem = answer.expect_problem(405, "method-not-allowed");
                let stated: BTreeSet<&str> = problem
                    .header("allow")
                    .unwrap()
                    .split(',')
                    .map(str::trim)
                    .collect();
                let mut expected = allowed.clone();
                if allowed.contains("GET") {
                    expected.insert("HEAD");
                }
                assert_eq!(stated, expected, "{method} {path}");
            }
        }
    }
    assert!(listed.iter().all(|method| METHODS.contains(method)));
}

/// The router has a handler of each row for programs and for browsers, which get the page of the row if it names one.
#[tokio::test]
async fn every_row_is_routed_for_programs_and_for_browsers() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    for (number, route) in table().enumerate() {
        for wants_page in [false, true] {
            let user = app.user(&format!("user{number}{wants_page}")).await;
            let draft = user.request(route.method.as_str(), &filled(route.path, "me"));
            let draft = if wants_page {
                draft.on_our_page()
            } else {
                draft
            };
            let answer = match body_of(route) {
                Some(body) => draft.json(&body).send().await,
                None => draft.send().await,
            };
            assert!(!matches!(answer.status, 405 | 500..), "{route:?}");
        }
    }
    app.allow_unread_mail();
}

/// Method-override fields are ignored (H-03).
#[tokio::test]
async fn a_method_is_not_overridden_by_a_field() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let draft = ben
        .request("GET", "/user/me?_method=DELETE")
        .header("x-http-method-override", "DELETE");
    draft
        .header("x-method-override", "DELETE")
        .header("x-http-method", "DELETE")
        .send()
        .await
        .expect(200);
    ben.get("/user/me").await.expect(200);
}

#[tokio::test]
async fn head_is_get_without_a_body_on_every_route() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for route in table().filter(|route| route.method == "GET") {
        let path = filled(route.path, "root");
        let get = app.anonymous().with_token(admin.token()).get(&path).await;
        let head = app
            .anonymous()
            .with_token(admin.token())
            .request("HEAD", &path)
            .send()
            .await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
    }
}

/// T-MATRIX: each row as an anonymous client.
#[tokio::test]
async fn an_anonymous_client_passes_no_guard() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    for route in table() {
        for user in ["ben", "nobody", "me"] {
            let answer = ask(&app.anonymous(), route, user).await;
            match route.authentication {
                Authentication::Required
                | Authentication::RequiredOrEnrolling
                | Authentication::RequiredOrSignInPage => {
                    drop(answer.expect_problem(401, "authentication-required"));
                }
                Authentication::InvalidRejected => {
                    // Without a body, it names no account.
                    let code = match route.path {
                        "/user/{user}/deletion" => "authentication-required",
                        _ => "invalid-credentials",
                    };
                    drop(answer.expect_problem(401, code));
                }
                Authentication::Ignored | Authentication::InvalidIgnored => assert!(
                    !matches!(answer.status, 403 | 405),
                    "{route:?} {}",
                    answer.text()
                ),
            }
            app.advance_seconds(3600);
        }
        let stale = ask(&app.anonymous().with_token("stale"), route, "ben").await;
        if matches!(
            route.authentication,
            Authentication::Required
                | Authentication::RequiredOrEnrolling
                | Authentication::RequiredOrSignInPage
                | Authentication::InvalidRejected
        ) {
            stale.expect_problem(401, "invalid-token");
        } else {
            assert!(
                !matches!(stale.status, 401 | 403) || stale.code() == "invalid-credentials",
                "{route:?}"
            );
        }
        app.advance_seconds(3600);
    }
    app.allow_unread_mail();
}

/// Z-02, T-IDOR: the response for another user is the same as for an unknown one.
#[tokio::test]
async fn another_user_gets_403_whether_or_not_the_name_exists() {
    let app = TestApp::new().await;
    let ben = app.create("ben", Role::User).await;
    app.sign_in("ben").await;
    let eve = app.user("eve").await;
    let about_users: Vec<_> = table()
        .filter(|route| route.path.contains("{user}"))
        .collect();
    assert!(about_users.len() >= 16);
    for route in about_users {
        let mut answers = Vec::new();
        for named in [
            "ben",
            "BEN",
            &ben.id.to_string(),
            "nobody",
            "019363a0-0000-7000-8000-000000000000",
            "a%20b",
            "%00",
            "ben@example.com",
        ] {
            let answer = ask(&app.anonymous().with_token(eve.token()), route, named)
                .await
                .expect_problem(403, "forbidden");
            answers.push((
                answer.json_without(&["request_id"]),
                // The remaining limit is the caller's own.
                answer.headers_without(&["x-request-id", "ratelimit"]),
            ));
            // Neither body nor version is checked before authorization.
            let draft = app.anonymous().with_token(eve.token());
            let draft = draft
                .request(route.method.as_str(), &filled(route.path, named))
                .header("if-match", "\"99\"");
            let with_version = match body_of(route) {
                Some(body) => draft.json(&body).send().await,
                None => draft.send().await,
            };
            with_version.expect_problem(403, "forbidden");
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{route:?}");
        // Many routes share a limit.
        app.advance_seconds(60);
    }
    for path in [
        "/user",
        "/audit",
        "/audit/export",
        "/audit/status",
        "/invitation",
        "/totals",
        "/outbox",
        "/signing-key",
        "/node",
    ] {
        eve.get(path).await.expect_problem(403, "forbidden");
    }
    let rotated = eve.post("/signing-key", json!({})).await;
    rotated.expect_problem(403, "forbidden");
    let invite = json!({"email": "invited@example.org"});
    let refused = eve.post("/invitation", invite).await;
    refused.expect_problem(403, "forbidden");
}

/// Each row as an admin, for another user and for an unknown one.
#[tokio::test]
async fn an_admin_has_the_access_of_the_table() {
    // Reauthentication has its own tests.
    let ever = jiff::SignedDuration::ZERO;
    let app = TestApp::with(|options| options.policy.reauthenticate_after = ever).await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    // Routes that end the user or the session come last.
    let mut rows: Vec<_> = table().collect();
    rows.sort_by_key(|route| {
        (
            route.path.ends_with("/keep") || route.path.ends_with("/delete-now"),
            route.method == "DELETE",
            route.path.len() < "/user/{user}/session".len(),
            route.path == "/auth" || route.path == "/auth/sign-out",
        )
    });
    for route in rows {
        if route.path.starts_with("/auth") || route.path.starts_with("/sign-in/") {
            continue;
        }
        let client = app.anonymous().with_token(admin.token());
        // No one, not even an admin, does these for another user, existing or not.
        let is_own_only = matches!(
            (route.method.as_str(), route.path),
            (
                "POST",
                "/user/{user}/factor" | "/user/{user}/factor/{id}" | "/user/{user}/recovery-codes"
            )
        );
        if is_own_only {
            for named in ["ben", "nobody"] {
                let answer = ask(&client, route, named).await;
                answer.expect_problem(403, "forbidden");
            }
            continue;
        }
        if route.path.contains("{user}") {
            ask(&client, route, "nobody")
                .await
                .expect_problem(404, "not-found");
        }
        let answer = ask(&client, route, "ben").await;
        app.advance_seconds(200);
        let expected: &[u16] = match route.path {
            "/user/{user}/factor/{id}" | "/outbox/{id}" | "/outbox/{id}/retry" => &[404],
            "/user/{user}/session/{id}" | "/assets/{file}" => &[404],
            path if path.starts_with("/admin/users/{user}/") && path.ends_with("/{id}") => &[404],
            // Nothing is pending, or the user was deleted.
            "/admin/users/{user}/keep" | "/admin/users/{user}/delete-now" => &[200, 303, 404],
            // The user was not invited.
            "/admin/users/{user}/invitation" | "/admin/users/{user}/revoke-invitation" => {
                &[303, 404]
            }
            path if path.starts_with("/admin/outbox/{id}") => &[200, 404],
            path if path.starts_with("/admin") => &[200, 303],
            "/user/{user}/invitation" => &[404],
            path if path.starts_with("/inbox") => &[404],
            path if path.contains("{token}") => &[410],
            "/account/password" => &[200, 401],
            // The only admin.
            "/account/delete" => &[200, 409],
            path if path.starts_with("/account/factors") => &[200, 303, 404, 415],
            path if path.starts_with("/account/") => &[200, 303],
            "/password" => &[404, 422],
            "/.well-known/change-password" => &[303],
            // A signed-in user is redirected; the name of the form is unknown.
            "/sign-in" => &[303, 401],
            "/sign-up" | "/sign-up/sent" | "/recover" => &[200, 303],
            "/login" | "/signup" | "/register" | "/profile" | "/settings" => &[404],
            "/confirmation" | "/recovery" => &[202, 404],
            _ => &[200, 201, 202, 204],
        };
        assert!(
            expected.contains(&answer.status),
            "{route:?} {}",
            answer.text()
        );
    }
    for (method, path, body, status) in [
        ("GET", "/auth", None, 200),
        ("GET", "/auth/check", None, 200),
        ("POST", "/auth/token", Some(json!({"audience": "x"})), 200),
        ("POST", "/auth/renewal", None, 200),
        (
            "POST",
            "/auth",
            Some(json!({"username": "root", "password": PASSWORD})),
            201,
        ),
        ("DELETE", "/auth", None, 204),
    ] {
        let draft = admin.request(method, path);
        let draft = if let Some(body) = body {
            draft.json(&body)
        } else {
            draft
        };
        draft.send().await.expect(status);
    }
    app.sign_in("root")
        .await
        .request("POST", "/auth/sign-out")
        .send()
        .await
        .expect(303);
    app.allow_unread_mail();
}

/// Z-04, R-09: a user who is no longer active is treated as anonymous, at once.
#[tokio::test]
async fn a_disabled_or_deleted_user_is_anonymous_at_every_guard() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (off, gone) = (app.user("off").await, app.user("gone").await);
    for client in [&off, &gone] {
        client.get("/auth").await.expect(200);
    }
    admin
        .put("/user/off/status", json!({"status": "disabled"}))
        .await
        .expect(200);
    admin.delete("/user/gone").await.expect(204);
    let guarded = |route: &&Route| {
        matches!(
            route.authentication,
            Authentication::Required
                | Authentication::RequiredOrEnrolling
                | Authentication::RequiredOrSignInPage
        )
    };
    for route in table().filter(guarded) {
        for client in [&off, &gone] {
            ask(&app.anonymous().with_token(client.token()), route, "me")
                .await
                .expect_problem(401, "invalid-token");
        }
    }
}

/// A route with a body accepts it as a form, too, except for lists and the like.
#[tokio::test]
async fn every_route_with_a_body_accepts_only_json_and_forms() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let admin = app.admin().await;
    let takes_body = |route: &&Route| !route.is_page && body_of(route).is_some();
    for route in table().filter(takes_body) {
        let path = filled(route.path, "root");
        let ask = async |kind: Option<&str>, body: &'static str| {
            let client = app.anonymous().with_token(admin.token());
            let draft = client.request(route.method.as_str(), &path);
            match kind {
                Some(kind) => draft.body(kind, body).send().await,
                None => draft.bare_body(body).send().await,
            }
        };
        for kind in [
            None,
            Some("text/plain"),
            Some("multipart/form-data; boundary=x"),
            Some("application/xml"),
            Some(""),
            Some("application/jsonp"),
            Some("json"),
        ] {
            ask(kind, "{}")
                .await
                .expect_problem(415, "unsupported-media-type");
        }
        for (kind, body) in [
            ("application/json; charset=utf-8", "{\"nope\": 1}"),
            ("Application/JSON", "{\"nope\": 1}"),
            (FORM, "nope=1"),
        ] {
            let faults = ask(Some(kind), body).await.faults();
            assert!(
                faults.contains(&("nope".to_owned(), "unknown".to_owned())),
                "{route:?} {faults:?}"
            );
        }
        ask(Some("application/json"), "")
            .await
            .expect_problem(400, "malformed-request");
    }
}
