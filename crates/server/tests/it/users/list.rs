//! `GET /user`: list, search, pages.

use doorward_domain::values::Role;
use serde_json::{Value, json};

use crate::factors::enrol;
use crate::support::{Client, PASSWORD, TestApp, TestResponse};

fn names(answer: &TestResponse) -> Vec<String> {
    let items = answer.json()["items"].as_array().unwrap().clone();
    let name = |user: &Value| {
        let pending = || user["pending_email"].as_str()?.split('@').next();
        let name = user["username"].as_str().or_else(pending);
        name.unwrap_or("-").to_owned()
    };
    items.iter().map(name).collect()
}

async fn found(admin: &Client, query: &str) -> Vec<String> {
    let answer = admin.get(&format!("/user?{query}")).await.expect(200);
    let mut names = names(&answer);
    names.sort();
    names
}

#[tokio::test]
async fn pages_have_no_gaps_and_no_duplicates() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut expected = vec!["root".to_owned()];
    for number in 0..5 {
        app.advance_seconds(1);
        app.create(&format!("user-{number}"), Role::User).await;
        expected.push(format!("user-{number}"));
    }
    let mut path = "/user?limit=2&q=".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = admin.get(&path).await.expect(200);
        seen.extend(names(&answer));
        let next = answer.json()["next"].clone();
        let Value::String(cursor) = next else {
            assert!(answer.header("link").is_none());
            continue;
        };
        path = format!("/user?limit=2&q=&cursor={cursor}");
        assert_eq!(
            answer.header("link"),
            Some(format!("<{path}>; rel=\"next\"").as_str())
        );
    }
    assert_eq!(seen, expected);
    let whole = admin.get("/user").await.expect(200);
    assert_eq!(
        (names(&whole), &whole.json()["next"]),
        (expected, &Value::Null)
    );
}

#[tokio::test]
async fn a_list_can_begin_with_the_newest_user() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["anna", "ben"] {
        app.advance_seconds(1);
        app.create(name, Role::User).await;
    }
    let first = admin.get("/user?order=desc&limit=2").await.expect(200);
    assert_eq!(names(&first), ["ben", "anna"]);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let path = format!("/user?order=desc&limit=2&cursor={next}");
    let last = admin.get(&path).await.expect(200);
    assert_eq!(names(&last), ["root"]);
    assert_eq!(last.json()["next"], Value::Null);
    let oldest = admin.get("/user?order=asc").await.expect(200);
    assert_eq!(names(&oldest), ["root", "anna", "ben"]);
    let invalid = admin.get("/user?order=newest").await;
    invalid.assert_field_errors(&[("order", "invalid")]);
}

#[tokio::test]
async fn a_search_matches_names_and_addresses_and_can_be_filtered() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("anna", Role::User).await;
    app.create("ben", Role::User).await;
    app.pending("carla").await;
    app.sign_in("ben")
        .await
        .put("/user/me", json!({"name": "Bénédict 100%_x"}))
        .await
        .expect(200);
    admin
        .put("/user/anna/status", json!({"status": "disabled"}))
        .await
        .expect(200);
    for (query, expected) in [
        ("q=AN", vec!["anna"]),
        ("q=%40example.com", vec!["anna", "ben", "carla", "root"]),
        ("q=example.com", vec![]),
        ("q=B%C3%89N%C3%89", vec!["ben"]),
        ("q=100%25_", vec!["ben"]),
        ("q=%25", vec![]),
        ("q=_", vec![]),
        ("q=%27", vec![]),
        ("q=%5C", vec![]),
        ("q=zzz", vec![]),
        ("status=pending", vec!["carla"]),
        ("status=disabled", vec!["anna"]),
        ("status=active&role=user", vec!["ben"]),
        ("role=admin", vec!["root"]),
        ("role=admin&q=anna", vec![]),
        (
            "q=&status=&role=&limit=",
            vec!["anna", "ben", "carla", "root"],
        ),
    ] {
        assert_eq!(found(&admin, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn users_are_filtered_by_sign_up_last_sign_in_and_second_factor() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for name in ["anna", "ben", "carla"] {
        app.advance_seconds(60);
        app.create(name, Role::User).await;
    }
    app.advance_seconds(60);
    let anna = app.sign_in("anna").await;
    app.advance_seconds(60);
    app.sign_in("ben").await;
    enrol(&app, &anna, "").await;
    for (query, expected) in [
        ("created_since=2026-11-21T08:02:00Z", vec!["ben", "carla"]),
        ("created_until=2026-11-21T08:02:00Z", vec!["anna", "root"]),
        (
            "created_since=2026-11-21T08:01:00Z&created_until=2026-11-21T08:03:00Z&order=desc",
            vec!["anna", "ben"],
        ),
        (
            "created_since=2026-11-21T09:02:00%2B01:00&role=user&status=active",
            vec!["ben", "carla"],
        ),
        (
            "created_since=2026-11-21T08:00:00Z&role=admin",
            vec!["root"],
        ),
        ("created_until=2026-11-21T08:03:00Z&q=an", vec!["anna"]),
        ("created_since=2026-11-21T08:02:00Z&q=an", vec![]),
        ("signed_in_since=2026-11-21T08:05:00Z", vec!["ben"]),
        (
            "not_signed_in_since=2026-11-21T08:05:00Z",
            vec!["anna", "carla", "root"],
        ),
        (
            "not_signed_in_since=2026-11-21T08:05:00Z&signed_in_since=2026-11-21T08:00:00Z",
            vec!["anna", "root"],
        ),
        ("second_factor=true", vec!["anna"]),
        ("second_factor=false", vec!["ben", "carla", "root"]),
        (
            "second_factor=false&role=user&signed_in_since=2026-11-21T08:00:00Z",
            vec!["ben"],
        ),
        (
            "created_since=&second_factor=",
            vec!["anna", "ben", "carla", "root"],
        ),
    ] {
        assert_eq!(found(&admin, query).await, expected, "{query}");
    }
    // Those who signed in are listed by their last sign-in.
    let signed_in = "/user?signed_in_since=2026-11-21T08:00:00Z&order=desc";
    let signed_in = admin.get(signed_in).await.expect(200);
    assert_eq!(names(&signed_in), ["ben", "anna", "root"]);
    let first = "/user?created_since=2026-11-21T08:00:00Z&order=desc&limit=3";
    let first = admin.get(first).await.expect(200);
    assert_eq!(names(&first), ["carla", "ben", "anna"]);
    let link = first.header("link").unwrap();
    let next = admin
        .get(&link[1..link.find('>').unwrap()])
        .await
        .expect(200);
    assert_eq!(names(&next), ["root"]);
    admin
        .get("/user?created_since=x&created_until=x&signed_in_since=x&not_signed_in_since=x&second_factor=1")
        .await
        .assert_field_errors(&[
            ("created_since", "invalid"),
            ("created_until", "invalid"),
            ("not_signed_in_since", "invalid"),
            ("second_factor", "invalid"),
            ("signed_in_since", "invalid"),
        ]);
    let (earlier, later) = ("2026-11-21T08:00:00Z", "2026-11-21T08:00:01Z");
    for [since, until] in [
        ["created_since", "created_until"],
        ["signed_in_since", "not_signed_in_since"],
    ] {
        let range = |start, end| format!("/user?{since}={start}&{until}={end}");
        for start in [earlier, later] {
            let refused = admin.get(&range(start, earlier)).await;
            refused.assert_field_errors(&[(until, "empty-range")]);
        }
        admin.get(&range(earlier, later)).await.expect(200);
    }
}

#[tokio::test]
async fn limits_are_exact() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("ben", Role::User).await;
    for (limit, count) in [("1", 1), ("2", 2), ("200", 2)] {
        assert_eq!(
            names(&admin.get(&format!("/user?limit={limit}")).await.expect(200)).len(),
            count
        );
    }
    for limit in [
        "0",
        "201",
        "-1",
        "x",
        "1.5",
        "99999999999999999999",
        "%00",
        "1%20",
    ] {
        admin
            .get(&format!("/user?limit={limit}"))
            .await
            .assert_field_errors(&[("limit", "out-of-range")]);
    }
    let everything = "limit=0&status=x&role=y&nope=1";
    let long = "x".repeat(201);
    admin
        .get(&format!("/user?{everything}&q={long}"))
        .await
        .assert_field_errors(&[
            ("limit", "out-of-range"),
            ("nope", "unknown"),
            ("q", "too-long"),
            ("role", "invalid"),
            ("status", "invalid"),
        ]);
    admin
        .get("/user?q=%00")
        .await
        .assert_field_errors(&[("q", "invalid")]);
}

/// Z-07.
#[tokio::test]
async fn a_forged_cursor_is_rejected_or_is_only_a_position() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for cursor in [
        "x",
        "AAAA",
        "%27%20OR%201=1",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "null",
        "AAAAAAAAAAAAAAAAAAAAAB",
    ] {
        admin
            .get(&format!("/user?cursor={cursor}"))
            .await
            .expect_problem(400, "malformed-request");
    }
    admin
        .get("/user?cursor=")
        .await
        .expect_problem(400, "malformed-request");
    assert_eq!(
        names(
            &admin
                .get("/user?cursor=00000000000000000000000000000000")
                .await
                .expect(200)
        ),
        ["root"]
    );
    // A time and an id, and a time that is out of range.
    for start in ["00", "7f"] {
        let rest = "f".repeat(46);
        let path = format!("/user?created_since=2026-11-21T08:00:00Z&cursor={start}{rest}");
        admin.get(&path).await.expect(200);
    }
    assert!(
        names(
            &admin
                .get("/user?cursor=ffffffffffffffffffffffffffffffff")
                .await
                .expect(200)
        )
        .is_empty()
    );
}

#[tokio::test]
async fn an_ambiguous_query_is_rejected() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    for query in ["q=a&q=b", "q=%ff", "%ff=1", "limit=1&limit=2"] {
        admin
            .get(&format!("/user?{query}"))
            .await
            .expect_problem(400, "malformed-request");
    }
    // Without the right to list, the response does not depend on the query.
    for query in ["", "limit=0", "q=a&q=b", "cursor=x"] {
        ben.get(&format!("/user?{query}"))
            .await
            .expect_problem(403, "forbidden");
        app.anonymous()
            .get(&format!("/user?{query}"))
            .await
            .expect_problem(401, "authentication-required");
    }
    let body = json!({"username": "ann", "password": PASSWORD});
    ben.post("/user", body).await.expect(201);
}
