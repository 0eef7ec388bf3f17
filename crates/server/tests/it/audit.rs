//! `GET /audit`: the audit log.

use doorward_domain::values::Role;
use doorward_web::routes::{Route, table};
use serde_json::{Value, json};

use crate::access_table::{ask, body_of, filled};
use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp, TestResponse};

async fn events(admin: &Client, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/audit?{query}")).await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

fn names(events: &[Value]) -> Vec<String> {
    let line = |event: &Value| match event["outcome"].as_str() {
        Some("success") => event["event"].as_str().unwrap().to_owned(),
        _ => format!("{} failed", event["event"].as_str().unwrap()),
    };
    events.iter().map(line).collect()
}

#[tokio::test]
async fn an_audit_event_has_actor_address_time_and_request_id() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let id = ben.get("/user/me").await.json()["id"].clone();
    let draft = ben
        .request("PATCH", "/user/me")
        .header("user-agent", "curl/8\t\u{85}ü [31m");
    let request_id = draft
        .json(&json!({}))
        .send()
        .await
        .expect(200)
        .header("x-request-id")
        .unwrap()
        .to_owned();
    let rows = events(&admin, "event=profile-updated").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0],
        json!({"id": rows[0]["id"], "at": "2026-11-21T08:00:00Z", "event": "profile-updated", "outcome": "success",
            "actor": format!("user:{}", id.as_str().unwrap()), "user_id": id, "address": rows[0]["address"], "user_agent": "curl/8ü [31m",
            "request_id": request_id, "detail": null})
    );
    assert!(rows[0]["address"].as_str().unwrap().starts_with("10."));
    // Refused access to another user is audited as well.
    ben.get("/user/root").await.expect_problem(403, "forbidden");
    let rows = events(&admin, "event=forbidden").await;
    assert_eq!(
        (&rows[0]["outcome"], &rows[0]["detail"], &rows[0]["user_id"]),
        (&json!("failure"), &json!("ViewUser"), &Value::Null)
    );
}

#[tokio::test]
async fn the_log_can_be_read_without_what_admins_only_viewed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    admin.get("/user/ben").await.expect(200);
    admin.get("/audit").await.expect(200);
    let kinds = async |query: &str| {
        let rows = events(&admin, query).await;
        rows.iter()
            .map(|row| row["event"].clone())
            .collect::<Vec<_>>()
    };
    let all = kinds("views=true").await;
    assert_eq!(all[..2], ["audit-read", "user-viewed"]);
    let without = kinds("views=false").await;
    assert_eq!(without[0], "sign-up", "{without:?}");
    let views = without.iter().filter(|kind| all[..2].contains(kind));
    assert_eq!(views.count(), 0, "{without:?}");
    let file = admin.get("/audit/export?views=false").await.expect(200);
    assert!(!file.text().contains("audit-read"), "{}", file.text());
    admin
        .get("/audit?views=1")
        .await
        .assert_field_errors(&[("views", "invalid")]);
}

/// What the page of the log shows, for those who watch a server by the API.
#[tokio::test]
async fn the_state_of_the_log_has_the_last_verification_and_what_waits_for_a_seal() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let status = async || admin.get("/audit/status").await.expect(200).json();
    let first = status().await;
    assert!(first["unsealed"].as_u64().unwrap() > 0, "{first}");
    assert_eq!(
        first,
        json!({"verified": null, "broken_at": null, "unsealed": first["unsealed"], "unsealed_since": "2026-11-21T08:00:00Z"})
    );
    let operator = app.ctx(doorward_domain::Actor::CommandLine);
    app.advance_seconds(60);
    let operator = doorward_domain::Ctx {
        now: app.doorward.now(),
        ..operator
    };
    let verify = app.doorward.audit_chain.verify(&operator, &[], &[]);
    verify.await.unwrap();
    let verified = status().await["verified"].clone();
    assert_eq!(
        verified,
        json!({"at": "2026-11-21T08:01:00Z", "events": 0, "finding": null})
    );
    ben.get("/audit/status")
        .await
        .expect_problem(403, "forbidden");
}

#[tokio::test]
async fn filters_and_pages_work_together() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    for _ in 0..3 {
        app.advance_seconds(60);
        ben.patch("/user/me", json!({})).await.expect(200);
    }
    let id = ben.get("/user/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (query, count) in [
        ("event=profile-updated", 3),
        ("event=profile-updated&since=2026-11-21T08:02:00Z", 2),
        ("event=profile-updated&since=2026-11-21T09:02:00%2B01:00", 2),
        ("event=profile-updated&since=2026-11-21T08:02:00.000001Z", 1),
        ("event=profile-updated&until=2026-11-21T08:02:00Z", 1),
        ("event=profile-updated&until=2026-11-21T08:02:00.000001Z", 2),
        ("event=profile-updated&user=BEN", 3),
        ("event=profile-updated&user=me", 0),
        ("user=me&event=sign-in", 1),
        ("actor=ben&event=profile-updated", 3),
        ("actor=me&event=profile-updated", 0),
        ("actor=me&user=ben", 0),
        ("actor=ben&user=ben&event=profile-updated", 3),
        ("actor=nobody", 0),
        ("event=profile-updated&outcome=success", 3),
        ("event=profile-updated&outcome=failure", 0),
        ("user=nobody", 0),
        ("user=nobody@example.com", 0),
        ("user=019363a0-0000-7000-8000-000000000000", 0),
    ] {
        assert_eq!(events(&admin, query).await.len(), count, "{query}");
    }
    let mut path = format!("/audit?user={id}&limit=2");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = admin.get(&path).await.expect(200);
        seen.extend(names(answer.json()["items"].as_array().unwrap()));
        if let Some(link) = answer.header("link") {
            path = link[1..link.find('>').unwrap()].to_owned();
            assert!(
                path.starts_with(&format!("/audit?user={id}&limit=2&cursor=")),
                "{path}"
            );
        }
    }
    assert_eq!(
        seen,
        [
            "profile-updated",
            "profile-updated",
            "profile-updated",
            "sign-in",
            "sign-up"
        ]
    );
}

#[tokio::test]
async fn an_address_to_be_confirmed_selects_the_newest_user_who_has_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let first = app.unconfirmed("ben").await;
    app.advance_seconds(60);
    let body = json!({"username": "benjamin", "email": "BEN@example.com", "password": PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
    app.mails().await;
    let id = async |name: &str| admin.get(&format!("/user/{name}")).await.json()["id"].clone();
    let (ben, benjamin) = (id("ben").await, id("benjamin").await);
    let found = async || {
        let events = events(&admin, "user=Ben@example.com&event=sign-up").await;
        let users = events.iter().map(|event| event["user_id"].clone());
        users.collect::<Vec<_>>()
    };
    assert_eq!(found().await, [benjamin]);
    // The user who confirms it has it.
    app.anonymous().post(&first, json!({})).await.expect(200);
    assert_eq!(found().await, [ben]);
}

#[tokio::test]
async fn events_are_filtered_by_an_address_or_a_network() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    ben.patch("/user/me", json!({})).await.expect(200);
    let found = events(&admin, "event=profile-updated").await;
    let address = found[0]["address"].as_str().unwrap();
    let of_one = format!("address={address}");
    for (network, count) in [
        (of_one.as_str(), 1),
        ("address=10.0.0.0/8", 1),
        ("address=10.0.0.0%2F8", 1),
        ("address=", 1),
        ("address=203.0.113.0/24", 0),
        ("address=2001:db8::/32", 0),
    ] {
        let query = format!("event=profile-updated&{network}");
        assert_eq!(events(&admin, &query).await.len(), count, "{network}");
    }
}

#[tokio::test]
async fn a_download_has_the_filtered_events_as_lines_and_is_an_event() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let listed = events(&admin, "user=ben").await;
    let answer = admin.get("/audit/export?user=ben").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let left = answer.header("ratelimit").unwrap();
    assert!(left.starts_with("\"token\";r=119;"), "{left}");
    let name = answer.header("content-disposition").unwrap();
    assert_eq!(
        name,
        "attachment; filename=\"doorward-audit-2026-11-21.ndjson\""
    );
    let text = answer.text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(lines.collect::<Vec<Value>>(), listed);
    assert!(text.ends_with('\n'), "{text}");
    let all = admin.get("/audit/export").await.expect(200);
    let all = all.text();
    assert_eq!(all.matches("\"event\":\"audit-exported\"").count(), 2);
    for address in ["203.0.113.0/24", "10.0.0.0/8"] {
        let path = format!("/audit/export?event=audit-exported&address={address}");
        let lines = admin.get(&path).await.expect(200).text().lines().count();
        assert_eq!(lines > 0, address == "10.0.0.0/8", "{address}");
    }
    let refused = admin.get("/audit/export?limit=1&since=x").await;
    refused.assert_field_errors(&[("limit", "unknown"), ("since", "invalid")]);
    ben.get("/audit/export?since=x")
        .await
        .expect_problem(403, "forbidden");
}

/// Scale: a download reads 500 events at once.
#[tokio::test]
async fn a_large_download_has_each_event_of_the_list_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.store_sign_ins(1_001).await;
    let mut listed = Vec::new();
    let mut path = Some("/audit?event=sign-in&limit=200".to_owned());
    while let Some(page) = path {
        let page = admin.get(&page).await.expect(200);
        listed.extend(page.json()["items"].as_array().unwrap().clone());
        let link = page.header("link");
        path = link.map(|link| link[1..link.find('>').unwrap()].to_owned());
    }
    assert!(listed.len() > 1_001, "{}", listed.len());
    let text = admin.get("/audit/export?event=sign-in").await.expect(200);
    let text = text.text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect();
    let (lines, listed): (Vec<_>, Vec<_>) = (ids(&lines), ids(&listed));
    assert_eq!(lines, listed);
}

/// The audit event of an admin's request for another user. `None` if the route writes none, or is tested elsewhere.
fn line_of(route: &Route) -> Option<&'static str> {
    Some(match (route.method.as_str(), route.path) {
        ("POST", "/user") => "sign-up",
        ("POST", "/invitation") => "invited",
        ("GET", "/user" | "/invitation") => "users-listed",
        ("GET", "/user/{user}" | "/user/{user}/activity" | "/user/{user}/factor") => "user-viewed",
        ("PUT" | "PATCH", "/user/{user}") => "profile-updated",
        ("DELETE", "/user/{user}") => "user-deleted",
        ("GET", "/user/{user}/export") => "user-exported",
        ("PUT", "/user/{user}/email") => "email-change-requested",
        ("PUT", "/user/{user}/role") => "role-changed",
        ("PUT", "/user/{user}/status") => "status-changed",
        ("GET", "/user/{user}/session") => "sessions-listed",
        ("DELETE", "/user/{user}/session") => "sessions-revoked",
        ("PUT", "/password") => "password-changed failed",
        ("POST", "/recovery") => "recovery-requested",
        ("GET", "/audit") => "audit-read",
        ("GET", "/audit/export") => "audit-exported",
        ("GET", "/outbox") => "outbox-listed",
        ("POST", "/outbox/test") => "test-mail-requested",
        ("POST", "/signing-key") => "key-rotated",
        ("POST", "/auth") => "sign-in failed",
        ("DELETE", "/auth") => "sign-out",
        // Invalid links, the caller's own session, public routes, and a mail that confirms again.
        _ => return None,
    })
}

/// The audit events of one request.
async fn lines(reader: &Client, answer: &TestResponse) -> Vec<Value> {
    let id = answer.header("x-request-id").unwrap();
    let mut rows = events(reader, "limit=200").await;
    rows.retain(|row| row["request_id"] == id);
    rows
}

/// L-01, Z-05: each route of the table writes exactly one audit event or none. Reads by an admin count.
#[tokio::test]
async fn each_route_writes_at_most_one_audit_event() {
    // A page's form does the same as the API.
    for route in table().filter(|route| !route.is_page) {
        let app = TestApp::new().await;
        let (reader, admin) = (app.admin().await, app.sign_in("root").await);
        app.create("ben", Role::User).await;
        let draft = admin.request(route.method.as_str(), &filled(route.path, "ben"));
        let body = match route.path {
            "/user/{user}/role" => Some(json!({"role": "admin"})),
            "/user/{user}/status" => Some(json!({"status": "disabled"})),
            "/password" if route.method == "PUT" => Some(
                json!({"current_password": OTHER_PASSWORD, "new_password": "a third one for luck"}),
            ),
            _ => body_of(route),
        };
        let answer = match body {
            Some(body) => draft.json(&body).send().await,
            None => draft.send().await,
        };
        let found = names(&lines(&reader, &answer).await);
        let context = format!("{} {}: {}", route.method, route.path, answer.text());
        match line_of(route) {
            Some(expected) => assert_eq!(found, [expected], "{context}"),
            None => assert!(found.len() <= 1, "{found:?} {context}"),
        }
        app.mails().await;
    }
}

/// L-01, H-07: evaluating a condition with several tags writes no audit event, for any caller and outcome.
#[tokio::test]
async fn a_write_with_several_entity_tags_writes_one_audit_event() {
    let app = TestApp::new().await;
    let (reader, admin) = (app.admin().await, app.sign_in("root").await);
    app.create("ben", Role::User).await;
    let eve = app.user("eve").await;
    let answer = reader.get("/user/ben").await.expect(200);
    let fitting = format!("{}, \"99\"", answer.header("etag").unwrap());
    for (client, tags, status, line) in [
        (&eve, fitting.as_str(), 403, Some("forbidden failed")),
        (&admin, "\"98\", \"99\"", 412, None),
        (&admin, &fitting, 200, Some("profile-updated")),
    ] {
        let draft = client.request("PATCH", "/user/ben");
        let draft = draft.header("if-match", tags).json(&json!({"name": "Ben"}));
        let answer = draft.send().await.expect(status);
        let found = names(&lines(&reader, &answer).await);
        let expected: Vec<_> = line.into_iter().collect();
        assert_eq!(found, expected, "{tags}: {status}");
    }
}

/// L-01, Z-02: refused access to another user has one audit event with the target.
#[tokio::test]
async fn refused_access_to_another_user_has_one_event_with_the_target() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let root = app.create("other", Role::User).await.id.to_string();
    for route in table().filter(|route| route.path.contains("{user}")) {
        let answer = ask(&ben, route, &root).await;
        let found = lines(&admin, &answer).await;
        assert_eq!(
            names(&found),
            ["forbidden failed"],
            "{} {}",
            route.method,
            route.path
        );
        assert_eq!(found[0]["user_id"], json!(root));
    }
}

/// Z-07.
#[tokio::test]
async fn an_invalid_query_is_reported_by_field() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    admin
        .get("/audit?event=x&outcome=x&since=yesterday&until=x&limit=0&q=1&address=10.1.2.3/8")
        .await
        .assert_field_errors(&[
            ("address", "invalid"),
            ("event", "invalid"),
            ("limit", "out-of-range"),
            ("outcome", "invalid"),
            ("q", "unknown"),
            ("since", "invalid"),
            ("until", "invalid"),
        ]);
    for path in ["/audit", "/audit/export"] {
        let (earlier, later) = ("2026-11-21T08:00:00Z", "2026-11-21T08:00:01Z");
        for (since, until) in [(later, earlier), (later, later)] {
            admin
                .get(&format!("{path}?since={since}&until={until}"))
                .await
                .assert_field_errors(&[("until", "empty-range")]);
        }
        let query = format!("{path}?since={earlier}&until={later}");
        admin.get(&query).await.expect(200);
    }
    for limit in ["1", "200"] {
        admin
            .get(&format!("/audit?limit={limit}"))
            .await
            .expect(200);
    }
    admin
        .get("/audit?limit=201")
        .await
        .assert_field_errors(&[("limit", "out-of-range")]);
    for query in ["cursor=x", "cursor=AAAA", "event=a&event=b", "user=%ff"] {
        admin
            .get(&format!("/audit?{query}"))
            .await
            .expect_problem(400, "malformed-request");
    }
    assert!(
        events(&admin, "cursor=AAAAAAAAAAAAAAAAAAAAAA")
            .await
            .is_empty()
    );
    ben.get("/audit?cursor=x")
        .await
        .expect_problem(403, "forbidden");
    app.anonymous()
        .get("/audit")
        .await
        .expect_problem(401, "authentication-required");
}
