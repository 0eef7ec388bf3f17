//! `GET /totals`: by hour, day and month.

use serde_json::{Value, json};

use crate::support::{Client, OTHER_PASSWORD, TestApp};

async fn items(admin: &Client, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/totals?{query}")).await.expect(200);
    answer.json()["items"].as_array().unwrap().clone()
}

/// An item: sign-ups, sign-ins, failures.
fn item(starts_at: &str, [sign_ups, sign_ins, failures]: [i64; 3]) -> Value {
    json!({
        "starts_at": starts_at, "sign_ups": sign_ups, "sign_ins": sign_ins, "failures": failures,
        "mails": 0, "throttled": 0,
    })
}

#[tokio::test]
async fn totals_have_the_counts_of_all_nodes_by_hour_day_and_month() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.user("ben").await;
    let wrong = json!({"username": "ben", "password": OTHER_PASSWORD});
    let refused = app.anonymous().post("/auth", wrong).await;
    refused.expect_problem(401, "invalid-credentials");
    app.doorward.totals.write("one").await.unwrap();
    app.advance_seconds(3600);
    app.sign_in("ben").await;
    app.doorward.totals.write("one").await.unwrap();
    app.sign_in("ben").await;
    app.doorward.totals.write("two").await.unwrap();

    let hours = items(&admin, "").await;
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[0], item("2026-11-20T10:00:00Z", [0, 0, 0]));
    assert_eq!(hours[22], item("2026-11-21T08:00:00Z", [2, 2, 1]));
    assert_eq!(hours[23], item("2026-11-21T09:00:00Z", [0, 2, 0]));
    let (eight, nine) = ("2026-11-21T08:00:00Z", "2026-11-21T09:00:00Z");
    let one = items(&admin, &format!("by=hour&from={eight}&to={nine}")).await;
    assert_eq!(one, hours[22..23]);
    let days = items(&admin, "by=day&from=2026-11-20T23:00:00Z&to=").await;
    let expected = [
        item("2026-11-20T00:00:00Z", [0, 0, 0]),
        item("2026-11-21T00:00:00Z", [2, 4, 1]),
    ];
    assert_eq!(days, expected);
    let months = items(&admin, "by=month").await;
    assert_eq!(months.len(), 12);
    assert_eq!(months[11], item("2026-11-01T00:00:00Z", [2, 4, 1]));
}

#[tokio::test]
async fn a_range_that_is_not_one_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for (query, field, code) in [
        ("by=week", "by", "invalid"),
        ("from=yesterday", "from", "invalid"),
        ("to=2026-11-21", "to", "invalid"),
        (
            "from=2026-11-21T08:00:00Z&to=2026-11-21T08:00:00Z",
            "from",
            "invalid",
        ),
        ("from=2026-01-01T00:00:00Z", "from", "too-long"),
        ("by=month&to=9999-12-30T22:00:00Z", "to", "out-of-range"),
        ("cursor=1", "cursor", "unknown"),
    ] {
        let answer = admin.get(&format!("/totals?{query}")).await;
        answer.assert_field_errors(&[(field, code)]);
    }
}

/// They are about no user, and a dashboard reads them often.
#[tokio::test]
async fn reading_totals_is_no_audit_event_unless_it_is_forbidden() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    admin.get("/totals").await.expect(200);
    ben.get("/totals?by=week")
        .await
        .expect_problem(403, "forbidden");
    let audit = admin.get("/audit?limit=2").await.expect(200).json();
    let events: Vec<_> = audit["items"].as_array().unwrap().iter().collect();
    assert_eq!(events[0]["detail"], "ViewTotals");
    assert_eq!(events[1]["event"], "sign-in");
}
