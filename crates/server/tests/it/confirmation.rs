//! `/confirmation`: confirms the address that a link was mailed to.

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, path_in, summary};

///
#[tokio::test]
async fn get_changes_nothing_and_post_confirms() {
    let app = TestApp::new().await;
    let link = app.pending("ben").await;
    let anonymous = app.anonymous();
    for _ in 0..3 {
        let seen = anonymous.get(&link).await.expect(200).json();
        assert_eq!(
            seen,
            json!({"message": "POST to this URL to confirm the address."})
        );
        assert_eq!(anonymous.request("HEAD", &link).send().await.status, 200);
    }
    let sign_in = json!({"email": "ben@example.com", "password": PASSWORD});
    anonymous
        .post("/auth", sign_in.clone())
        .await
        .expect_problem(403, "email-unconfirmed");
    let confirmed = anonymous.request("POST", &link).send().await.expect(200);
    assert!(confirmed.header("etag").is_some());
    let user = confirmed.json();
    assert_eq!(
        (&user["status"], &user["email"], user.get("pending_email")),
        (&json!("active"), &json!("ben@example.com"), None)
    );
    app.advance_seconds(60);
    assert_eq!(
        anonymous
            .request("POST", &link)
            .send()
            .await
            .expect(200)
            .json(),
        user
    );
    anonymous.get(&link).await.expect(200);
    anonymous.post("/auth", sign_in).await.expect(201);
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_response_and_mails_only_pending_users() {
    let app = TestApp::new().await;
    let old = app.pending("new").await;
    app.user("done").await;
    let mut answers = Vec::new();
    for email in ["new@example.com", "done@example.com", "nobody@example.com"] {
        let answer = app
            .anonymous()
            .post("/confirmation", json!({"email": email}))
            .await
            .expect(202);
        answers.push((
            answer.body.clone(),
            answer.headers_without(&["x-request-id"]),
        ));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let mails = app.mails().await;
    assert_eq!(summary(&mails), [("new@example.com", "confirm")]);
    // an earlier link of the same pending address stays valid.
    app.anonymous().get(&old).await.expect(200);
    app.anonymous()
        .request("POST", &path_in(&mails[0]))
        .send()
        .await
        .expect(200);
}

/// mail goes to the stored address.
#[tokio::test]
async fn the_body_must_be_one_address() {
    let app = TestApp::new().await;
    for path in ["/confirmation", "/recovery"] {
        for (email, code) in [
            (Value::Null, "missing"),
            (json!(["a@example.com", "b@example.com"]), "wrong-type"),
            (json!({"a": "b"}), "wrong-type"),
            (json!("a@example.com,b@example.com"), "invalid"),
            (json!("a@example.com\nBcc: b@example.com"), "invalid"),
        ] {
            app.anonymous()
                .post(path, json!({"email": email}))
                .await
                .assert_field_errors(&[("email", code)]);
        }
        let body = json!({"email": "a@example.com", "url": "https://evil.example"});
        app.anonymous()
            .post(path, body)
            .await
            .assert_field_errors(&[("url", "unknown")]);
        let twice = app
            .anonymous()
            .request("POST", path)
            .form("email=a%40example.com&email=b%40example.com")
            .send()
            .await;
        twice.expect_problem(400, "malformed-request");
    }
}

/// “this wasn't me”.
#[tokio::test]
async fn the_recipient_can_cancel_the_confirmation() {
    let app = TestApp::new().await;
    let (by_api, by_page) = (app.pending("ben").await, app.pending("eve").await);
    app.anonymous().delete(&by_api).await.expect(204);
    let page = format!("{by_page}/cancel");
    let answer = app
        .anonymous()
        .request("POST", &page)
        .on_our_page()
        .form("")
        .send()
        .await
        .expect(303);
    assert_eq!(answer.header("location"), Some("/sign-in?cancelled"));
    for (email, link) in [("ben@example.com", &by_api), ("eve@example.com", &by_page)] {
        app.anonymous()
            .request("POST", link)
            .send()
            .await
            .expect_problem(410, "link-expired");
        app.anonymous()
            .delete(link)
            .await
            .expect_problem(410, "link-expired");
        app.anonymous()
            .post("/auth", json!({"email": email, "password": PASSWORD}))
            .await
            .expect_problem(401, "invalid-credentials");
    }
}
