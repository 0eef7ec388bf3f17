//! `/invitation` and `/user/{user}/invitation`. The rules have their tests in `crates/domain`.

use doorward_domain::SignUpPolicy;
use doorward_domain::values::Role;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, PUBLIC_URL, TestApp, path_in};

/// Invites Ben by mail. Returns the invitation and the path of the link.
async fn mailed(app: &TestApp, admin: &Client) -> (Value, String) {
    let body = json!({"email": "ben@example.com", "name": "Ben", "locale": "de-CH"});
    let invited = admin.post("/invitation", body).await.expect(201).json();
    (invited, path_in(&app.one_mail().await))
}

/// Invites Ben by a link. Returns its path.
async fn shown(admin: &Client) -> String {
    let body = json!({"username": "ben", "email": "ben@example.com", "delivery": "link"});
    let invited = admin.post("/invitation", body).await.expect(201).json();
    path_of(&invited)
}

fn path_of(invited: &Value) -> String {
    let url = invited["url"].as_str().unwrap();
    url.strip_prefix(PUBLIC_URL).unwrap().to_owned()
}

fn password() -> Value {
    json!({"password": PASSWORD})
}

#[tokio::test]
async fn an_invited_user_accepts_by_mail() {
    let app = TestApp::with(|options| options.policy.sign_up = SignUpPolicy::Invitation).await;
    let admin = app.admin().await;
    let body = json!({"email": "ben@example.com", "name": "Ben", "locale": "de-CH"});
    let invited = admin.post("/invitation", body).await.expect(201);
    let location = invited.header("location").unwrap().to_owned();
    assert_eq!(invited.header("cache-control"), Some("no-store"));
    let invited = invited.json();
    let id = invited["id"].as_str().unwrap();
    assert_eq!(location, format!("{PUBLIC_URL}/user/{id}"));
    let expected = json!({
        "id": id, "status": "pending", "delivery": "mail", "username": null,
        "email": "ben@example.com", "name": "Ben", "role": "user", "locale": "de-CH",
        "invited_by": admin.get("/user/me").await.json()["id"],
        "invited_at": "2026-11-21T08:00:00Z", "expires_at": "2026-11-28T08:00:00Z",
    });
    assert_eq!(invited, expected);
    let link = path_in(&app.one_mail().await);
    assert!(link.starts_with("/invitation/"), "{link}");

    let anonymous = app.anonymous();
    let viewed = anonymous.get(&link).await.expect(200).json();
    assert_eq!(
        (&viewed["email"], &viewed["name"], &viewed["username"]),
        (&json!("ben@example.com"), &json!("Ben"), &Value::Null)
    );
    let accepted = anonymous.post(&link, password()).await.expect(200);
    assert!(accepted.cookies().is_empty() && accepted.header("etag").is_some());
    let accepted = accepted.json();
    assert_eq!(
        (&accepted["status"], &accepted["email"]),
        (&json!("active"), &json!("ben@example.com"))
    );
    let body = json!({"email": "ben@example.com", "password": PASSWORD});
    anonymous.post("/auth", body).await.expect(201);
    for refused in [
        anonymous.get(&link).await,
        anonymous.post(&link, password()).await,
    ] {
        refused.expect_problem(410, "link-expired");
    }
    let status = async |status: &str| {
        let path = format!("/invitation?status={status}");
        admin.get(&path).await.expect(200).json()["items"].clone()
    };
    assert_eq!(status("pending").await, json!([]));
    let listed = status("accepted").await;
    assert_eq!(listed[0]["status"], "accepted");
    assert_eq!(listed[0]["expires_at"], Value::Null);
}

#[tokio::test]
async fn a_link_that_is_shown_is_in_one_response() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let link = shown(&admin).await;
    let listed = admin.get("/invitation").await.expect(200).text();
    assert!(!listed.contains("url"), "{listed}");
    let body = json!({"password": PASSWORD, "name": "Ben"});
    let accepted = app.anonymous().post(&link, body).await.expect(200).json();
    assert_eq!(
        (&accepted["email"], &accepted["pending_email"]),
        (&Value::Null, &json!("ben@example.com"))
    );
    assert_eq!(accepted["name"], "Ben");
    app.sign_in("ben").await;
    assert_eq!(app.one_mail().await.kind.template(), "confirm");
}

#[tokio::test]
async fn an_invitation_is_sent_again_or_revoked() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (invited, first) = mailed(&app, &admin).await;
    let path = format!("/user/{}/invitation", invited["id"].as_str().unwrap());
    let again = admin.request("POST", &path).send().await.expect(200);
    assert!(again.json().get("url").is_none());
    let second = path_in(&app.one_mail().await);
    let anonymous = app.anonymous();
    let replaced = anonymous.get(&first).await;
    replaced.expect_problem(410, "link-expired");
    anonymous.get(&second).await.expect(200);
    admin.delete(&path).await.expect(204);
    for refused in [
        admin.delete(&path).await,
        admin.request("POST", &path).send().await,
    ] {
        refused.expect_problem(404, "not-found");
    }
    let revoked = anonymous.post(&second, password()).await;
    revoked.expect_problem(410, "link-expired");

    shown(&admin).await;
    let again = admin.request("POST", "/user/ben/invitation").send().await;
    let link = path_of(&again.expect(200).json());
    anonymous.get(&link).await.expect(200);
    admin.delete("/user/ben").await.expect(204);
    let deleted = anonymous.get(&link).await;
    deleted.expect_problem(410, "link-expired");
}

#[tokio::test]
async fn names_in_use_and_invalid_fields_are_rejected() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.create("eve", Role::User).await;
    for (body, code) in [
        (json!({"email": "eve@example.com"}), "email-taken"),
        (json!({"username": "Eve"}), "username-taken"),
    ] {
        let taken = admin.post("/invitation", body).await;
        taken.expect_problem(409, code);
    }
    for (body, expected) in [
        (json!({}), &["username"][..]),
        (
            json!({"username": "a b", "email": "x", "role": "root", "locale": "!", "delivery": "fax"}),
            &["delivery", "email", "locale", "role", "username"],
        ),
        (json!({"username": "ben", "delivery": "mail"}), &["email"]),
        (
            json!({"email": "ben@example.com", "delivery": "link"}),
            &["username"],
        ),
    ] {
        let refused = admin.post("/invitation", body).await.expect(422);
        let faults = refused.faults().into_iter();
        let fields: Vec<_> = faults.map(|(field, _)| field).collect();
        assert_eq!(fields, expected);
    }
    let link = shown(&admin).await;
    let weak = json!({"password": "password1"});
    let refused = app.anonymous().post(&link, weak).await;
    assert_eq!(refused.expect(422).faults()[0].0, "password");
    let unknown = admin.get("/invitation?status=lost").await;
    unknown.assert_field_errors(&[("status", "invalid")]);
}

/// The domains of sign-ups are for users who sign up by themselves.
#[tokio::test]
async fn an_admin_invites_to_any_domain() {
    let app = TestApp::with(|options| {
        options.policy.email_domains = "example.org".parse().unwrap();
    })
    .await;
    let admin = app.admin().await;
    let (_, link) = mailed(&app, &admin).await;
    app.anonymous().post(&link, password()).await.expect(200);
}

#[tokio::test]
async fn the_list_has_pages() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    for number in 0..5 {
        let body = json!({"username": format!("ben{number}")});
        admin.post("/invitation", body).await.expect(201);
        app.advance_seconds(1);
    }
    let (mut names, mut path) = (Vec::new(), "/invitation?limit=2".to_owned());
    loop {
        let page = admin.get(&path).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|item| item["username"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/invitation?limit=2&cursor={next}");
    }
    assert_eq!(names, ["ben4", "ben3", "ben2", "ben1", "ben0"]);
}

/// L-05: the export has the invitation, and no token.
#[tokio::test]
async fn the_export_has_the_invitation() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let link = shown(&admin).await;
    let export = admin.get("/user/ben/export").await.expect(200);
    let secret = link.strip_prefix("/invitation/").unwrap();
    assert!(!export.text().contains(secret));
    let export = export.json();
    assert_eq!(export["invitation"]["delivery"], "link");
    assert_eq!(
        (&export["links"][0]["purpose"], &export["links"][0]["email"]),
        (&json!("invitation"), &Value::Null)
    );
    let others = admin.get("/user/me/export").await.expect(200).json();
    assert_eq!(others["invitation"], Value::Null);
}
