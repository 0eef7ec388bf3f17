//! `POST /user`: sign-up.

use doorward_domain::SignUpPolicy;
use doorward_domain::values::Role;
use serde_json::json;

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

/// `GET /` tells applications who may sign up.
#[tokio::test]
async fn a_closed_sign_up_is_reported() {
    for (policy, code) in [
        (SignUpPolicy::Closed, "sign-up-closed"),
        (SignUpPolicy::Invitation, "invitation-required"),
    ] {
        let app = TestApp::with(|options| options.policy.sign_up = policy).await;
        let home = app.anonymous().get("/").await.expect(200).json();
        let rules = json!({"policy": policy.as_str(), "domains": []});
        assert_eq!(home["sign_up"], rules);
        let body = json!({"username": "ben", "password": PASSWORD});
        let refused = app.anonymous().post("/user", body).await;
        refused.expect_problem(403, code);
    }
}

#[tokio::test]
async fn with_allowed_domains_an_address_is_required_and_checked() {
    let app = TestApp::with(|options| {
        options.policy.email_domains = "example.com, .example.org".parse().unwrap();
    })
    .await;
    let home = app.anonymous().get("/").await.expect(200).json();
    let domains = ["example.com", ".example.org"];
    assert_eq!(
        home["sign_up"],
        json!({"policy": "open", "domains": domains})
    );
    for (body, code) in [
        (json!({"username": "ben", "password": PASSWORD}), "missing"),
        (
            json!({"email": "ben@example.net", "password": PASSWORD}),
            "domain-not-allowed",
        ),
        (json!({"email": "ben", "password": PASSWORD}), "invalid"),
    ] {
        let refused = app.anonymous().post("/user", body).await;
        refused.assert_field_errors(&[("email", code)]);
    }
    let body = json!({"email": "ben@mail.example.org", "password": PASSWORD});
    app.anonymous().post("/user", body).await.expect(201);
    app.one_mail().await;
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
    app.anonymous()
        .post("/user", json!({"username": null, "email": null}))
        .await
        .assert_field_errors(&[("password", "missing"), ("username", "missing")]);
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
async fn a_taken_username_gets_409() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let body = json!({"username": "BEN", "email": "new@example.com", "password": PASSWORD});
    let refused = app.anonymous().post("/user", body).await;
    refused.expect_problem(409, "username-taken");
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
