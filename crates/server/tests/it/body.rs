//! Invalid bodies: broken, hostile, or a byte too long.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use doorward_domain::memory::MemoryStore;
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::support::{FORM, JSON, PASSWORD, Stores, TestApp};

const LIMIT: usize = 64 * 1024;

/// H-04: ambiguous input is rejected.
#[tokio::test]
async fn malformed_json_is_a_client_error_with_its_reason() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let deep = "[".repeat(30_000);
    let nested = format!("{{\"data\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    for body in [
        "",
        " ",
        "{",
        "}",
        "nul",
        "null",
        "true",
        "1",
        "\"text\"",
        "[]",
        "[{}]",
        "{}x",
        "{} {}",
        "{'name':'x'}",
        "{name:1}",
        "{\"name\":}",
        "{\"name\":1,}",
        "{\"name\":NaN}",
        "{\"name\":Infinity}",
        "{\"data\":{\"a\":1e}}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\udc00x\"}",
        "{\"\\ud800\":1}",
        "\u{feff}{}",
        "{\"name\":\"x\",\"name\":\"y\"}",
        "{\"data\":{\"a\":1,\"a\":2}}",
        "{\"data\":[{\"a\":1,\"a\":2}]}",
        "{\"name\":\"\n\"}",
        "{\"name\":\"\\x41\"}",
        "{\"name\":01}",
        "{/**/}",
        "name=x",
        "<user/>",
        &deep,
        &nested,
    ] {
        for kind in [JSON, "application/merge-patch+json"] {
            let answer = ben
                .request("PATCH", "/user/me")
                .body(kind, body.to_owned())
                .send()
                .await;
            answer.expect_problem(400, "malformed-request");
        }
    }
    for bytes in [
        &b"{\"name\":\"\xff\"}"[..],
        b"\xff\xfe{\0}\0",
        b"{\"name\":\"\xed\xa0\x80\"}",
        b"\0",
        b"{}\0",
        b"\x1f\x8b\x08",
    ] {
        let answer = ben
            .request("PATCH", "/user/me")
            .body(JSON, bytes.to_vec())
            .send()
            .await;
        answer.expect_problem(400, "malformed-request");
    }
    for body in [
        " {} ",
        "{\"name\":\"\\ud83e\\udd80\"}",
        "{\"data\":{\"__proto__\":{\"admin\":true},\"constructor\":1}}",
    ] {
        ben.request("PATCH", "/user/me")
            .body(JSON, body)
            .send()
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn malformed_forms_are_a_client_error_with_their_reason() {
    let app = TestApp::new().await;
    for body in [
        "name=x&name=y",
        "name=%ff",
        "%ff=1",
        "username=a&username=a&password=b",
        "a=%ed%a0%80",
    ] {
        app.anonymous()
            .request("POST", "/user")
            .body(FORM, body)
            .send()
            .await
            .expect_problem(400, "malformed-request");
    }
    for body in [
        "",
        "&&&",
        "=",
        "x",
        "username",
        "username=&password=%",
        "password=%zz",
        "a[b]=c",
        "a[]=1",
        "=1",
    ] {
        assert_eq!(
            app.anonymous()
                .request("POST", "/user")
                .body(FORM, body)
                .send()
                .await
                .status,
            422,
            "{body}"
        );
    }
}

/// H-05.
#[tokio::test]
async fn a_body_may_have_64_kibibytes_and_not_one_byte_more() {
    let app = TestApp::new().await;
    let padded = |length: usize| {
        let body = json!({"username": "ben", "password": PASSWORD}).to_string();
        let padding = " ".repeat(length - body.len());
        body + &padding
    };
    let anonymous = app.anonymous();
    anonymous
        .request("POST", "/user")
        .body(JSON, padded(LIMIT))
        .send()
        .await
        .expect(201);
    anonymous
        .request("POST", "/user")
        .body(JSON, padded(LIMIT + 1))
        .send()
        .await
        .expect_problem(413, "body-too-large");
    let announced = anonymous
        .request("POST", "/user")
        .header("content-length", "999999999")
        .body(JSON, "{}")
        .send()
        .await;
    announced.expect_problem(413, "body-too-large");
    // The declared length is not trusted: the bytes are counted.
    let lied = anonymous
        .request("POST", "/user")
        .header("content-length", "2")
        .body(JSON, padded(LIMIT + 1))
        .send()
        .await;
    lied.expect_problem(413, "body-too-large");
    let form = format!("username={}", "x".repeat(LIMIT));
    anonymous
        .request("POST", "/user")
        .form(&form)
        .send()
        .await
        .expect_problem(413, "body-too-large");
    let page = anonymous
        .request("POST", "/user")
        .on_our_page()
        .form(&form)
        .send()
        .await
        .expect(413);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn oversized_fields_are_field_errors_that_do_not_repeat_the_value() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let huge = "x".repeat(60_000);
    for (field, code) in [
        ("username", "too-long"),
        ("email", "too-long"),
        ("password", "too-long"),
        ("name", "too-long"),
    ] {
        let mut body = json!({"username": "a", "password": PASSWORD});
        body[field] = json!(huge);
        let answer = app.anonymous().post("/user", body).await;
        let faults = answer.faults();
        assert_eq!((faults.len(), faults[0].0.as_str()), (1, field));
        assert!(code == faults[0].1 || field == "email", "{faults:?}");
        assert!(answer.body.len() < 2_000);
    }
    let mut many = json!({});
    for number in 0..2_000 {
        many[format!("field-{number}")] = json!(1);
    }
    let answer = ben.patch("/user/me", many).await;
    assert_eq!(answer.faults().len(), 32);
    let answer = ben.patch("/user/me", json!({huge.as_str(): 1})).await;
    answer.assert_field_errors(&[("x".repeat(64).as_str(), "unknown")]);
}

/// NUL and other characters that some stores cannot store are rejected before a store is called.
#[tokio::test]
async fn a_nul_character_never_reaches_the_store() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    for (field, value) in [
        ("username", "a\0"),
        ("email", "a\0@example.com"),
        ("password", "plum cake\0"),
        ("name", "a\0"),
    ] {
        let mut body = json!({"username": "a", "password": PASSWORD});
        body[field] = json!(value);
        assert_eq!(
            app.anonymous().post("/user", body).await.faults()[0].0,
            field
        );
    }
    ben.put("/user/me", json!({"data": {"a": ["\0"]}}))
        .await
        .assert_field_errors(&[("data", "invalid")]);
    app.anonymous()
        .post("/auth", json!({"username": "ben", "password": "a\0b"}))
        .await
        .expect_problem(401, "invalid-credentials");
    admin
        .get("/user?q=%00")
        .await
        .assert_field_errors(&[("q", "invalid")]);
    admin.get("/audit?user=%00").await.expect(200);
    admin
        .get("/user/%00")
        .await
        .expect_problem(404, "not-found");
}

#[tokio::test]
async fn a_path_that_is_not_utf8_gets_404() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for (method, path) in [
        ("GET", "/user/%ff"),
        ("GET", "/user/%ff/session"),
        ("DELETE", "/user/me/session/%ff"),
        ("GET", "/confirmation/%ff"),
        ("POST", "/recovery/%ff"),
        ("GET", "/problems/%ff"),
        ("GET", "/assets/%ff"),
    ] {
        ben.request(method, path)
            .send()
            .await
            .expect_problem(404, "not-found");
    }
}

/// Routes without a body ignore one.
#[tokio::test]
async fn an_unexpected_body_changes_nothing() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    ben.request("GET", "/user/me")
        .body(JSON, "{")
        .send()
        .await
        .expect(200);
    ben.request("GET", "/user/me")
        .body("text/plain", "x")
        .send()
        .await
        .expect(200);
    ben.request("POST", "/auth/renewal")
        .body(JSON, "{\"role\":\"admin\"}")
        .send()
        .await
        .expect(200);
    ben.request("DELETE", "/auth")
        .body(JSON, "nonsense")
        .send()
        .await
        .expect(204);
}

/// A body that is announced and never sent.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// H-05: the runtime's clock advances only while the test waits.
#[tokio::test(start_paused = true)]
async fn a_missing_body_times_out() {
    let memory = Arc::new(MemoryStore::new());
    let app = TestApp::with(|options| options.stores = Some(Stores::all_in(memory))).await;
    let anonymous = app.anonymous();
    let started = tokio::time::Instant::now();
    let draft = anonymous
        .request("POST", "/auth")
        .body(JSON, Body::new(Never));
    draft.send().await.expect_problem(408, "request-timeout");
    assert_eq!(started.elapsed().as_secs(), 30);
}

/// An unknown field gets a hint with the nearest known one, or with its right place.
#[tokio::test]
async fn an_unknown_field_has_a_hint() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let sign_up = json!({"usrname": "eve", "password": PASSWORD, "phone": "030"});
    let answer = app
        .anonymous()
        .post("/user", sign_up)
        .await
        .expect(422)
        .json();
    let detail = |answer: &Value, field: &str| {
        let errors = answer["errors"].as_array().unwrap().iter();
        let mut errors = errors.filter(|error| error["field"] == field);
        errors.next().unwrap()["detail"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        detail(&answer, "usrname"),
        "Unknown field. Did you mean `username`? Your own fields belong in `data`."
    );
    assert_eq!(
        detail(&answer, "phone"),
        "Unknown field. Known fields: `username`, `email`, `name`, `password`, `data`. \
         Your own fields belong in `data`."
    );
    let own = json!({"username": "eve", "password": PASSWORD, "role": "admin"});
    let answer = app.anonymous().post("/user", own).await.expect(422).json();
    assert_eq!(detail(&answer, "role"), "This request does not set `role`.");
    let renamed = json!({"old_password": PASSWORD, "new_password": "another long one"});
    let answer = ben.put("/password", renamed).await.expect(422).json();
    assert!(detail(&answer, "old_password").contains("`current_password`"));
    let profile = json!({"email": "ben@example.org", "password": PASSWORD});
    for answer in [
        ben.put("/user/me", profile.clone()).await,
        ben.patch("/user/me", profile).await,
    ] {
        let answer = answer.expect(422).json();
        assert!(detail(&answer, "email").contains("`PUT /user/{user}/email`"));
        assert!(detail(&answer, "password").contains("`PUT /password`"));
        assert_eq!(
            answer["detail"],
            "2 fields have errors: `email`, `password`."
        );
    }
}
