//! Every route of the table, as every kind of client, with every field, and with failing stores. No route is named
//! here, so new ones are included.

use std::collections::BTreeSet;

use doorward_domain::model::TABLES;
use doorward_domain::values::Role;
use doorward_web::routes::{Authentication, Route, table};
use serde_json::{Value, json};

use crate::access_table::{ask, body_of, filled};
use crate::support::{Client, FORM, OTHER_PASSWORD, PASSWORD, StoreMode, TestApp, path_in};

async fn unthrottled() -> TestApp {
    TestApp::with(|options| options.policy.throttle = false).await
}

fn guarded() -> impl Iterator<Item = &'static Route> {
    let asks = |route: &&Route| {
        matches!(
            route.authentication,
            Authentication::Required
                | Authentication::RequiredOrEnrolling
                | Authentication::RequiredOrSignInPage
                | Authentication::InvalidRejected
        )
    };
    table().filter(asks)
}

/// A session for each way to end one, and how it was ended.
async fn ended(app: &TestApp) -> Vec<(&'static str, Client)> {
    let admin = app.admin().await;
    let mut all = Vec::new();
    for how in [
        "signed out",
        "disabled",
        "deleted",
        "password",
        "recovered",
        "all ended",
        "one ended",
        "surplus",
        "address",
    ] {
        let name = how.replace(' ', "-");
        let client = app.user(&name).await;
        let other = app.sign_in(&name).await;
        let own = format!("{name}@example.com");
        match how {
            "signed out" => drop(client.delete("/auth").await.expect(204)),
            "disabled" => {
                let path = format!("/user/{name}/status");
                let body = json!({"status": "disabled"});
                drop(admin.put(&path, body).await.expect(200));
            }
            "deleted" => drop(admin.delete(&format!("/user/{name}")).await.expect(204)),
            "password" => {
                let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
                drop(other.put("/password", body).await.expect(204));
                // The session that changed it stays.
                other.get("/auth").await.expect(200);
            }
            "recovered" => {
                app.mails().await;
                let body = json!({"email": own});
                app.anonymous().post("/recovery", body).await.expect(202);
                let link = path_in(&app.one_mail().await);
                let body = json!({"new_password": OTHER_PASSWORD});
                drop(app.anonymous().post(&link, body).await.expect(204));
            }
            "all ended" => drop(other.delete("/user/me/session").await.expect(204)),
            "one ended" => {
                let id = client.get("/auth").await.json()["session"]["id"].clone();
                let path = format!("/user/me/session/{}", id.as_str().unwrap());
                drop(other.delete(&path).await.expect(204));
            }
            "surplus" => {
                for _ in 0..50 {
                    app.advance_seconds(1);
                    app.sign_in(&name).await;
                }
            }
            _ => {
                app.mails().await;
                let body = json!({"email": "moved@example.org", "password": PASSWORD});
                other.put("/user/me/email", body).await.expect(202);
                let mails = app.mails().await;
                let mail = mails
                    .iter()
                    .find(|mail| mail.to.as_str() == "moved@example.org");
                let link = path_in(mail.unwrap());
                drop(
                    app.anonymous()
                        .request("POST", &link)
                        .send()
                        .await
                        .expect(200),
                );
            }
        }
        all.push((how, client));
    }
    all
}

/// T-MATRIX, Z-01, Z-04, S-06: an ended session is invalid at every route, on every store.
#[tokio::test]
async fn an_ended_session_is_rejected_on_every_route() {
    let app = unthrottled().await;
    for (how, client) in ended(&app).await {
        for route in guarded() {
            for user in ["me", "root"] {
                let answer = ask(&client, route, user).await;
                let context = format!("{how}: {route:?} {}", answer.text());
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (401, "invalid-token"),
                    "{context}"
                );
            }
        }
        client.get("/").await.expect(200).assert_greeting();
    }
    app.allow_unread_mail();
}

/// T-MATRIX, S-03: a session after its lifetime of a day, to the second, is invalid at every route.
#[tokio::test]
async fn an_expired_session_is_rejected_on_every_route() {
    let app = unthrottled().await;
    let ben = app.user("ben").await;
    app.advance_seconds(24 * 3600 - 1);
    ben.get("/auth").await.expect(200);
    app.advance_seconds(1);
    for route in guarded() {
        let answer = ask(&ben, route, "me").await;
        answer.expect_problem(401, "invalid-token");
    }
}

/// T-MATRIX, R-09: an unconfirmed address opens no session.
#[tokio::test]
async fn unconfirmed_users_get_no_session() {
    let app = unthrottled().await;
    app.pending("ben").await;
    app.unconfirmed("eve").await;
    for email in ["ben@example.com", "eve@example.com"] {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = app.anonymous().post("/auth", body).await;
        assert!(matches!(answer.status, 401 | 403), "{}", answer.text());
        assert!(answer.header("set-cookie").is_none());
        assert!(!answer.text().contains("token\":"), "{}", answer.text());
    }
}

/// T-MATRIX, T-IDOR, Z-02, Z-04: a demoted admin is like any other user at the next request: the 403 has the same
/// bytes as the one for an unknown name.
#[tokio::test]
async fn a_demoted_admin_cannot_act_on_others() {
    let app = unthrottled().await;
    let (root, ex) = (app.admin().await, app.user("ex").await);
    let ben = app.create("ben", Role::User).await;
    root.put("/user/ex/role", json!({"role": "admin"}))
        .await
        .expect(200);
    ex.get("/user/ben").await.expect(200);
    root.put("/user/ex/role", json!({"role": "user"}))
        .await
        .expect(200);
    let ex = match ex.get("/auth").await.status {
        200 => ex,
        // A role change may require a new sign-in.
        _ => app.sign_in("ex").await,
    };
    let id = ben.id.to_string();
    let others = |route: &&Route| route.path.contains("{user}");
    for route in table().filter(others) {
        let mut answers = Vec::new();
        for named in [
            "ben",
            "BEN",
            &id,
            "root",
            "nobody",
            "00000000-0000-7000-8000-000000000000",
        ] {
            let answer = ask(&ex, route, named).await;
            let answer = answer.expect_problem(403, "forbidden");
            let body = answer
                .text()
                .replace(answer.header("x-request-id").unwrap(), "");
            answers.push((body, answer.headers_without(&["x-request-id"])));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{route:?}");
    }
    for path in [
        "/user",
        "/audit",
        "/audit/export",
        "/audit/status",
        "/totals",
        "/outbox",
        "/signing-key",
        "/node",
    ] {
        ex.get(path).await.expect_problem(403, "forbidden");
    }
    let rotated = ex.post("/signing-key", json!({})).await;
    rotated.expect_problem(403, "forbidden");
    ex.get("/user/me").await.expect(200);
    assert_eq!(root.get("/user/ben").await.json()["role"], "user");
}

/// Z-06: if a store fails during authentication, authorization or the change, no route succeeds.
#[tokio::test]
async fn a_store_error_never_grants_access_on_any_route() {
    let app = unthrottled().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    // Lets the caches expire.
    app.advance_seconds(2);
    for mode in [StoreMode::Down, StoreMode::SessionsDown, StoreMode::Panics] {
        app.set_store_mode(mode);
        for route in table() {
            let needs_store = matches!(
                route.authentication,
                Authentication::Required
                    | Authentication::RequiredOrEnrolling
                    | Authentication::RequiredOrSignInPage
            ) || route.path == "/" && mode != StoreMode::Panics;
            let changes = route.method != "GET" && mode != StoreMode::SessionsDown;
            if !needs_store && !changes {
                continue;
            }
            for user in ["me", "ben"] {
                let draft = admin.request(route.method.as_str(), &filled(route.path, user));
                let answer = match body_of(route) {
                    Some(body) => draft.json(&body).send_to_broken().await,
                    None => draft.send_to_broken().await,
                };
                let context = format!("{mode:?} {route:?}: {} {}", answer.status, answer.text());
                assert!(
                    answer.status >= 500 || (!needs_store && answer.status >= 400),
                    "{context}"
                );
                assert!(!answer.text().contains("root"), "{context}");
            }
        }
    }
    app.set_store_mode(StoreMode::Fine);
    admin.get("/auth").await.expect(200);
    app.allow_unread_mail();
}

/// Every column of every table.
fn columns() -> BTreeSet<String> {
    let columns = TABLES.iter().flat_map(|table| table.columns);
    columns.map(|column| column.name.to_owned()).collect()
}

/// Fields that a route accepts according to its document.
fn fields_of(document: &Value, route: &Route) -> BTreeSet<String> {
    let method = route.method.as_str().to_lowercase();
    let body = &document["paths"][route.path][&method]["requestBody"]["content"];
    let schema = &body["application/json"]["schema"];
    let name = schema["$ref"]
        .as_str()
        .and_then(|name| name.rsplit('/').next());
    let schema = name.map_or(schema, |name| &document["components"]["schemas"][name]);
    let fields = schema["properties"].as_object();
    fields
        .into_iter()
        .flat_map(|fields| fields.keys().cloned())
        .collect()
}

/// T-MASS, Z-03, R-12, R-13: every column of every table and every field of other bodies, such as a new password, is
/// rejected where it is unknown, in JSON and in forms, also for an admin. In a query or a header it has no effect.
#[tokio::test]
async fn unknown_fields_are_rejected_on_every_route() {
    let app = unthrottled().await;
    let admin = app.admin().await;
    let document = doorward_web::openapi_document("https://accounts.example");
    let bodies = || table().filter(|route| body_of(route).is_some());
    let mut names = columns();
    assert!(
        names.len() > 30 && names.contains("security_epoch"),
        "{names:?}"
    );
    names.extend(bodies().flat_map(|route| fields_of(&document, route)));
    names.extend(["is_admin", "email_verified", "user", "__proto__", "_method"].map(str::to_owned));
    for route in bodies().filter(|route| !route.is_page) {
        let known = fields_of(&document, route);
        assert!(!known.is_empty(), "{route:?}");
        let path = filled(route.path, "me");
        let body = body_of(route).unwrap();
        for name in names.difference(&known) {
            let mut more = body.clone();
            more[name] = "admin".into();
            let json = admin
                .request(route.method.as_str(), &path)
                .json(&more)
                .send()
                .await;
            let form = admin.request(route.method.as_str(), &path);
            let form = form.body(FORM, format!("{name}=admin")).send().await;
            for answer in [json, form] {
                let context = format!("{name} {route:?}: {}", answer.text());
                assert_eq!(answer.status, 422, "{context}");
                assert!(
                    answer
                        .faults()
                        .contains(&(name.clone(), "unknown".to_owned())),
                    "{context}"
                );
            }
        }
    }
    let ben = app.user("ben").await;
    let before = ben.get("/user/me").await.json();
    let query: Vec<_> = names.iter().map(|name| format!("{name}=admin")).collect();
    let path = format!("/user/me?{}", query.join("&"));
    let mut draft = ben.request("PATCH", &path);
    for name in &names {
        let name = name.replace('_', "-");
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            draft = draft.header(&format!("x-{name}"), "admin");
        }
    }
    draft.json(&json!({})).send().await.expect(200);
    let after = ben.get("/user/me").await.json();
    for (field, value) in before.as_object().unwrap() {
        assert!(
            field == "updated_at" || after[field] == *value,
            "{field}: {after}"
        );
    }
    app.allow_unread_mail();
}
