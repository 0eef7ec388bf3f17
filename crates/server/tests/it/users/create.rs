//! `POST /user`: sign-up.

use doorward_domain::model::Role;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, TestResponse, summary};

#[tokio::test]
async fn a_sign_up_with_an_address_is_pending_and_sends_a_confirmation() {
    let app = TestApp::new().await;
    let body = json!({"email": "Ben@Example.com", "password": PASSWORD, "name": "Ben B", "data": {"a": 1}});
    let answer = app.anonymous().post("/user", body).await.expect(201);
    let user = answer.json();
    let id = user["id"].as_str().unwrap();
    let location = format!("https://accounts.example/user/{id}");
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        user,
        json!({"id": id, "username": null, "email": null, "pending_email": "Ben@example.com", "name": "Ben B", "role": "user",
            "status": "pending", "locale": null, "data": {"a": 1}, "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T08:00:00Z"})
    );
    assert_eq!(
        summary(&app.mails().await),
        [("Ben@example.com", "confirm")]
    );
}

#[tokio::test]
async fn a_form_signs_up_as_json_does() {
    let app = TestApp::new().await;
    let form = "username=ben&password=plum+cake+on+sundays&name=B%C3%A9n&data=%7B%22a%22%3A%5B1%5D%7D&email=";
    let user = app
        .anonymous()
        .request("POST", "/user")
        .form(form)
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(
        (&user["name"], &user["data"]),
        (&json!("Bén"), &json!({"a": [1]}))
    );
    app.sign_in("ben").await;
    let form = "username=eve&password=plum+cake+on+sundays&data=%7B";
    let answer = app
        .anonymous()
        .request("POST", "/user")
        .form(form)
        .send()
        .await;
    answer.assert_field_errors(&[("data", "invalid")]);
}

/// Z-03, R-12: T-MASS.
#[tokio::test]
async fn all_field_errors_are_reported_at_once_and_unknown_fields_rejected() {
    let app = TestApp::new().await;
    let body = json!({"username": "a b", "email": "nope", "password": "short", "name": "", "data": [], "role": "admin", "status": "active"});
    app.anonymous()
        .post("/user", body)
        .await
        .assert_field_errors(&[
            ("data", "wrong-type"),
            ("email", "invalid"),
            ("name", "too-short"),
            ("password", "too-short"),
            ("role", "unknown"),
            ("status", "unknown"),
            ("username", "invalid"),
        ]);
    for field in [
        "id",
        "role",
        "status",
        "is_admin",
        "email_verified",
        "pending_email",
        "password_hash",
        "security_epoch",
        "version",
        "created_at",
        "updated_at",
        "locale",
        "user_id",
        "Username",
        "__proto__",
        "",
    ] {
        let body = json!({"username": "ben", "password": PASSWORD, field: "admin"});
        app.anonymous()
            .post("/user", body)
            .await
            .assert_field_errors(&[(field, "unknown")]);
    }
    let query = "/user?role=admin&status=active";
    let user = app
        .anonymous()
        .post(query, json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect(201)
        .json();
    assert_eq!(user["role"], "user");
}

/// L-03: a display name cannot contain characters that change the direction of the surrounding text.
#[tokio::test]
async fn a_name_with_direction_characters_is_rejected() {
    let app = TestApp::new().await;
    let name = "\u{202e}nimda";
    let body = json!({"username": "ben", "password": PASSWORD, "name": name});
    let refused = app.anonymous().post("/user", body).await;
    refused.assert_field_errors(&[("name", "invalid")]);
    let blank = json!({"username": "zoe", "password": PASSWORD, "name": "\u{200d}\u{ad}\u{fe0f}"});
    let refused = app.anonymous().post("/user", blank).await;
    refused.assert_field_errors(&[("name", "too-short")]);
    let ben = app.user("ben").await;
    for answer in [
        ben.patch("/user/me", json!({"name": name})).await,
        ben.put("/user/me", json!({"name": name})).await,
    ] {
        answer.assert_field_errors(&[("name", "invalid")]);
    }
}

/// A number that fits a 64-bit integer or a double is returned as it was sent, possibly in another spelling.
#[tokio::test]
async fn a_number_is_returned_as_it_is_stored() {
    let app = TestApp::new().await;
    let body = r#"{"username": "ben", "password": "plum cake on sundays", "data": {"numbers":
        [9007199254740993, 18446744073709551615, -9223372036854775808, 1e-320, 0.1e1]}}"#;
    let anonymous = app.anonymous();
    let created = anonymous
        .request("POST", "/user")
        .body("application/json", body)
        .send()
        .await
        .expect(201)
        .json();
    let text = created["data"].to_string();
    assert_eq!(
        text,
        r#"{"numbers":[9007199254740993,18446744073709551615,-9223372036854775808,1e-320,1.0]}"#
    );
    let read = app.sign_in("ben").await.get("/user/me").await;
    assert_eq!(read.expect(200).json()["data"].to_string(), text);
}

/// Every write of `data`, as JSON and as a form, with the other errors of the request.
#[tokio::test]
async fn a_number_that_would_be_rounded_is_a_field_error() {
    let app = TestApp::new().await;
    let (ben, anonymous) = (app.user("ben").await, app.anonymous());
    for number in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e-400",
        "1e400",
    ] {
        let data = format!("{{\"a\":[{{\"b\":{number}}}]}}");
        let body = format!("{{\"username\":\"eve\",\"password\":\"short\",\"data\":{data}}}");
        let draft = anonymous.request("POST", "/user");
        let answer = draft.body("application/json", body).send().await;
        answer.assert_field_errors(&[("data", "out-of-range"), ("password", "too-short")]);
        for method in ["PUT", "PATCH"] {
            let json = format!("{{\"data\":{data}}}");
            let by_json = ben.request(method, "/user/me");
            let by_json = by_json.body("application/json", json).send().await;
            let by_form = ben.request(method, "/user/me");
            let by_form = by_form.form(&format!("data={data}")).send().await;
            for answer in [by_json, by_form] {
                answer.assert_field_errors(&[("data", "out-of-range")]);
                assert!(answer.text().contains("64-bit integer or a double"));
            }
        }
    }
    // Elsewhere, a number is of the wrong type, regardless of its value.
    let body = r#"{"name": 18446744073709551616}"#;
    let draft = ben.request("PUT", "/user/me");
    let answer = draft.body("application/json", body).send().await;
    answer.assert_field_errors(&[("name", "wrong-type")]);
}

/// R-02: an address is a string, never a list.
#[tokio::test]
async fn a_field_of_the_wrong_type_is_a_field_error() {
    let app = TestApp::new().await;
    for field in ["username", "email", "password", "name"] {
        for value in [
            json!(1),
            json!(true),
            json!([]),
            json!({}),
            json!(["ben@example.com"]),
            json!({"a": 1}),
            json!(1e300),
        ] {
            let mut body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD, "name": "Ben"});
            body[field] = value;
            let answer = app.anonymous().post("/user", body).await;
            answer.assert_field_errors(&[(field, "wrong-type")]);
        }
    }
    for data in [json!(1), json!("text"), json!([]), json!(true)] {
        let body = json!({"username": "ben", "password": PASSWORD, "data": data});
        app.anonymous()
            .post("/user", body)
            .await
            .assert_field_errors(&[("data", "wrong-type")]);
    }
}

#[tokio::test]
async fn a_sign_up_without_an_identifier_or_a_password_reports_both() {
    let app = TestApp::new().await;
    let missing = [("password", "missing"), ("username", "missing")];
    for body in [
        json!({}),
        json!({"password": null}),
        json!({"username": null, "email": null}),
    ] {
        app.anonymous()
            .post("/user", body)
            .await
            .assert_field_errors(&missing);
    }
    let body = json!({"username": null, "email": null, "password": PASSWORD});
    app.anonymous()
        .post("/user", body)
        .await
        .assert_field_errors(&missing[1..]);
    let form = "username=&email=&password=plum+cake+on+sundays";
    let answer = app
        .anonymous()
        .request("POST", "/user")
        .form(form)
        .send()
        .await;
    answer.assert_field_errors(&missing[1..]);
}

#[tokio::test]
async fn a_username_is_taken_in_any_case_or_form() {
    let app = TestApp::new().await;
    app.anonymous()
        .post("/user", json!({"username": "josé", "password": PASSWORD}))
        .await
        .expect(201);
    for name in ["josé", "JOSÉ", "jose\u{301}", "ｊｏｓé"] {
        for email in [Value::Null, json!("new@example.com")] {
            let body = json!({"username": name, "email": email, "password": PASSWORD});
            app.anonymous()
                .post("/user", body)
                .await
                .expect_problem(409, "username-taken");
        }
    }
}

/// The response reveals nothing (T-EQUAL). A retry after a lost response gets the same one (H-08).
#[tokio::test]
async fn a_taken_address_gets_exactly_the_response_of_a_new_one() {
    let app = TestApp::new().await;
    app.create("owner", Role::User).await;
    let sign_up = async |name: &str, email: &str| {
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        app.anonymous().post("/user", body).await.expect(201)
    };
    let known = sign_up("ann", "owner@example.com").await;
    let fresh = sign_up("bob", "fresh@example.com").await;
    let shape = |answer: &TestResponse| {
        let mut body = answer.json_without(&["id", "username", "pending_email"]);
        body["keys"] = answer.json().as_object().unwrap().keys().cloned().collect();
        (
            body,
            answer.headers_without(&["x-request-id", "location", "content-length"]),
        )
    };
    assert_eq!(shape(&known), shape(&fresh));
    assert_eq!(
        summary(&app.mails().await),
        [
            ("fresh@example.com", "confirm"),
            ("owner@example.com", "already-registered")
        ]
    );
}

#[tokio::test]
async fn enumeration_protection_can_be_disabled() {
    let app = TestApp::with(|options| options.policy.enumeration_protection = false).await;
    app.create("owner", Role::User).await;
    for email in ["owner@example.com", "OWNER@EXAMPLE.COM"] {
        let body = json!({"email": email, "password": PASSWORD});
        app.anonymous()
            .post("/user", body)
            .await
            .expect_problem(409, "email-taken");
    }
    let body = json!({"email": "fresh@example.com", "password": PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
    assert_eq!(
        summary(&app.mails().await),
        [("fresh@example.com", "confirm")]
    );
}

/// A-06: 20 an hour from one address; the limit refills gradually.
#[tokio::test]
async fn sign_ups_from_one_address_are_limited_and_the_limit_is_in_the_headers() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    for left in (0..20).rev() {
        let answer = client
            .post(
                "/user",
                json!({"username": format!("u{left}"), "password": PASSWORD}),
            )
            .await
            .expect(201);
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"sign-up\";q=20;w=3600")
        );
        assert_eq!(
            answer.header("ratelimit"),
            Some(format!("\"sign-up\";r={left};t=180").as_str())
        );
    }
    let body = json!({"username": "one-more", "password": PASSWORD});
    let refused = client
        .post("/user", body.clone())
        .await
        .expect_problem(429, "too-many-attempts");
    assert_eq!(refused.header("retry-after"), Some("180"));
    assert_eq!(refused.header("ratelimit"), Some("\"sign-up\";r=0;t=180"));
    app.anonymous()
        .post(
            "/user",
            json!({"username": "elsewhere", "password": PASSWORD}),
        )
        .await
        .expect(201);
    app.advance_seconds(179);
    client
        .post("/user", body.clone())
        .await
        .expect_problem(429, "too-many-attempts");
    app.advance_seconds(1);
    client.post("/user", body).await.expect(201);
}
