//! `PUT` and `PATCH /user/{user}`: profile data and lost updates.

use doorward_domain::values::Locale;
use doorward_web::IfMatchRule;
use serde_json::{Value, json};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const MERGE_PATCH: &str = "application/merge-patch+json";

#[tokio::test]
async fn put_replaces_all_fields_and_patch_keeps_the_others() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let profile = async |answer: crate::support::TestResponse| {
        let user = answer.expect(200).json();
        (user["name"].clone(), user["data"].clone())
    };
    let put = ben
        .put(
            "/user/me",
            json!({"name": "Ben", "data": {"a": 1, "b": {"c": 2}}}),
        )
        .await;
    assert_eq!(
        profile(put).await,
        (json!("Ben"), json!({"a": 1, "b": {"c": 2}}))
    );
    for (patch, name, data) in [
        (json!({}), json!("Ben"), json!({"a": 1, "b": {"c": 2}})),
        (
            json!({"data": {"a": null, "b": {"d": [null]}}}),
            json!("Ben"),
            json!({"b": {"c": 2, "d": [null]}}),
        ),
        (
            json!({"name": "Benedikt"}),
            json!("Benedikt"),
            json!({"b": {"c": 2, "d": [null]}}),
        ),
        (
            json!({"data": {"b": 1}}),
            json!("Benedikt"),
            json!({"b": 1}),
        ),
        (json!({"name": null}), Value::Null, json!({"b": 1})),
        (json!({"data": null}), Value::Null, json!({})),
    ] {
        let answer = ben
            .request("PATCH", "/user/me")
            .body(MERGE_PATCH, patch.to_string())
            .send()
            .await;
        assert_eq!(profile(answer).await, (name, data), "{patch}");
    }
    ben.put("/user/me", json!({"name": "Ben", "data": {"a": 1}}))
        .await
        .expect(200);
    assert_eq!(
        profile(ben.put("/user/me", json!({"name": "B"})).await).await,
        (json!("B"), json!({}))
    );
    assert_eq!(
        profile(ben.put("/user/me", json!({})).await).await,
        (Value::Null, json!({}))
    );
}

#[tokio::test]
async fn forms_and_every_identifier_of_the_user_work() {
    let app = TestApp::new().await;
    let (ben, admin) = (app.user("ben").await, app.admin().await);
    let form = ben
        .request("PUT", "/user/ben")
        .form("name=Ben+B&data=%7B%22a%22%3Anull%7D")
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&form["name"], &form["data"]),
        (&json!("Ben B"), &json!({"a": null}))
    );
    let form = ben
        .request("PATCH", "/user/me")
        .form("data=%7B%22a%22%3Anull%2C%22b%22%3A1%7D")
        .send()
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&form["name"], &form["data"]),
        (&json!("Ben B"), &json!({"b": 1}))
    );
    let path = format!("/user/{}", form["id"].as_str().unwrap());
    let by_admin = admin
        .patch(&path, json!({"name": "Benno"}))
        .await
        .expect(200)
        .json();
    assert_eq!(by_admin["name"], "Benno");
    ben.request("PUT", "/user/me")
        .body(MERGE_PATCH, "{}")
        .send()
        .await
        .expect_problem(415, "unsupported-media-type");
}

/// H-07 (RFC 9110, 13.1.1): one of several tags must match, in one field or more.
#[tokio::test]
async fn a_list_of_entity_tags_matches_if_one_of_them_does() {
    let app = TestApp::new().await;
    let (ben, eve) = (app.user("ben").await, app.user("eve").await);
    for build in [
        |tag: &str| vec![format!("\"98\", {tag}, \"99\"")],
        |tag: &str| vec!["\"98\"".to_owned(), tag.to_owned()],
        |tag: &str| vec![format!("W/{tag},{tag}")],
        |_: &str| vec!["*".to_owned()],
    ] {
        let read = ben.get("/user/me").await.expect(200);
        let mut draft = ben.request("PATCH", "/user/me");
        let mut other = eve.request("PATCH", "/user/ben");
        for field in build(read.header("etag").unwrap()) {
            draft = draft.header("if-match", &field);
            other = other.header("if-match", &field);
        }
        draft.json(&json!({"name": "Ben"})).send().await.expect(200);
        // Another user gets 403 and nothing more.
        let other = other.json(&json!({"name": "x"})).send().await;
        other.expect_problem(403, "forbidden");
    }
}

/// H-07: the strict mode, in which every write needs the version that was read.
#[tokio::test]
async fn if_match_can_be_required() {
    let app = TestApp::with(|options| options.options.if_match = IfMatchRule::Required).await;
    let ben = app.user("ben").await;
    for (method, path) in [
        ("PATCH", "/user/me"),
        ("PUT", "/user/me"),
        ("PUT", "/user/me/email"),
        ("PUT", "/password"),
        ("DELETE", "/user/me"),
    ] {
        let draft = ben.request(method, path).json(&json!({}));
        let response = draft.send().await;
        response.expect_problem(428, "precondition-required");
    }
    let read = ben.get("/user/me").await.expect(200);
    let draft = ben
        .request("PATCH", "/user/me")
        .header("if-match", read.header("etag").unwrap());
    draft.json(&json!({"name": "Ben"})).send().await.expect(200);
    // Requests that write no user need no version.
    ben.delete("/auth").await.expect(204);
}

/// H-07.
#[tokio::test]
async fn an_outdated_write_is_rejected() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let read = ben.get("/user/me").await.expect(200);
    let tag = read.header("etag").unwrap().to_owned();
    let write = async |method: &str, name: &str, tag: &str| {
        let draft = ben.request(method, "/user/me").header("if-match", tag);
        draft.json(&json!({"name": name})).send().await
    };
    let written = write("PATCH", "one", &tag).await.expect(200);
    let newer = written.header("etag").unwrap().to_owned();
    assert_ne!(newer, tag);
    for method in ["PUT", "PATCH"] {
        write(method, "lost", &tag)
            .await
            .expect_problem(412, "precondition-failed");
    }
    let weak = format!("W/{newer}");
    let list = format!("\"99\", \"98\", {newer}x");
    for tag in [
        weak.as_str(),
        &list,
        "",
        "\"\"",
        "\"x\"",
        "\"+2\"",
        "\"02\"",
        "\"-1\"",
        "2",
        "\"9223372036854775808\"",
        "\"2\"garbage",
    ] {
        write("PATCH", "lost", tag)
            .await
            .expect_problem(412, "precondition-failed");
    }
    let twice = ben
        .request("PATCH", "/user/me")
        .header("if-match", &weak)
        .header("if-match", "\"98\"");
    twice
        .json(&json!({"name": "lost"}))
        .send()
        .await
        .expect_problem(412, "precondition-failed");
    assert_eq!(ben.get("/user/me").await.json()["name"], "one");
    let newest = write("PUT", "two", &newer)
        .await
        .expect(200)
        .header("etag")
        .unwrap()
        .to_owned();
    write("PATCH", "three", "*").await.expect(200);
    write("PATCH", "lost", &newest)
        .await
        .expect_problem(412, "precondition-failed");
    ben.patch("/user/me", json!({"name": "four"}))
        .await
        .expect(200);
    let last = ben.get("/user/me").await.expect(200);
    assert_eq!(
        (&last.json()["name"], last.header("etag")),
        (&json!("four"), Some("\"5\""))
    );
}

/// H-07: every write of a user, also without a session.
#[tokio::test]
async fn an_outdated_if_match_changes_nothing_on_any_route() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let anonymous = app.anonymous();
    let email = json!({"email": "new@example.org", "password": PASSWORD});
    let password = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let mut by_name = password.clone();
    by_name["username"] = "ben".into();
    for (client, route, body) in [
        (&ben, "DELETE /user/me", json!({})),
        (&ben, "PUT /user/me/email", email),
        (&admin, "PUT /user/ben/role", json!({"role": "admin"})),
        (
            &admin,
            "PUT /user/ben/status",
            json!({"status": "disabled"}),
        ),
        (&ben, "PUT /password", password),
        (&anonymous, "PUT /password", by_name),
    ] {
        let (method, path) = route.split_once(' ').unwrap();
        for tags in ["\"98\", \"99\"", "W/\"1\""] {
            let draft = client.request(method, path).header("if-match", tags);
            let answer = draft.json(&body).send().await;
            answer.expect_problem(412, "precondition-failed");
        }
    }
    let after = ben.get("/user/me").await.expect(200);
    assert_eq!(after.header("etag"), Some("\"1\""));
    assert!(app.mails().await.is_empty());
}

/// H-07 (RFC 9110, 13.1.2): a write with `If-None-Match` fails if it matches the stored user.
#[tokio::test]
async fn if_none_match_rejects_a_write_to_an_existing_user() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let tag = ben.get("/user/me").await.header("etag").unwrap().to_owned();
    for (method, field, status) in [
        ("PATCH", "*", 412),
        ("PUT", "*", 412),
        ("DELETE", "*", 412),
        ("PATCH", tag.as_str(), 412),
        ("PATCH", &format!("W/{tag}"), 412),
        ("PATCH", "\"98\"", 200),
    ] {
        let draft = ben
            .request(method, "/user/me")
            .header("if-none-match", field);
        let draft = draft.json(&match method {
            "DELETE" => json!({"password": PASSWORD}),
            _ => json!({"name": "Ben"}),
        });
        assert_eq!(draft.send().await.status, status, "{method} {field}");
    }
}

#[tokio::test]
async fn the_limits_of_name_and_data_are_exact() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let sized = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
    for method in ["PUT", "PATCH"] {
        let write = async |body: Value| ben.request(method, "/user/me").json(&body).send().await;
        write(json!({"name": "ü".repeat(200), "data": sized(16 * 1024)}))
            .await
            .expect(200);
        write(json!({"data": null})).await.expect(200);
        write(json!({"data": nested(32)})).await.expect(200);
        for (body, field, code) in [
            (json!({"name": "ü".repeat(201)}), "name", "too-long"),
            (json!({"name": " "}), "name", "too-short"),
            (json!({"name": "a\nb"}), "name", "invalid"),
            (json!({"name": 1}), "name", "wrong-type"),
            (json!({"data": sized(16 * 1024 + 1)}), "data", "too-long"),
            (json!({"data": {"a": "\0"}}), "data", "invalid"),
            (json!({"data": {"\0": 1}}), "data", "invalid"),
            (json!({"data": []}), "data", "wrong-type"),
            (json!({"data": "{}"}), "data", "wrong-type"),
        ] {
            write(body).await.assert_field_errors(&[(field, code)]);
        }
        // H-04: deeper bodies are rejected unread.
        write(json!({"data": nested(33)}))
            .await
            .expect_problem(400, "malformed-request");
    }
    // Small patches accumulate.
    ben.put("/user/me", json!({"data": sized(16 * 1024)}))
        .await
        .expect(200);
    ben.patch("/user/me", json!({"data": {"b": 1}}))
        .await
        .assert_field_errors(&[("data", "too-long")]);
    ben.patch("/user/me", json!({"data": {"b": 1, "a": null}}))
        .await
        .expect(200);
}

#[tokio::test]
async fn data_is_returned_unchanged() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let data = json!({"": "", "é 🦀 \u{7f}\u{2028}\"\\/": [null, true, -1, 0.5, 9_007_199_254_740_993_u64, i64::MIN, u64::MAX, "<script>"], "nested": {"x": {}}});
    ben.put("/user/me", json!({"data": data})).await.expect(200);
    assert_eq!(ben.get("/user/me").await.json()["data"], data);
}

/// `PUT` leaves it: clients that do not know the field replace the profile.
#[tokio::test]
async fn the_language_is_changed_only_by_a_request_that_has_it() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for (method, body, expected) in [
        ("PUT", json!({"locale": "DE-ch"}), json!("de-CH")),
        ("PUT", json!({"name": "Ben"}), json!("de-CH")),
        ("PATCH", json!({"name": "B"}), json!("de-CH")),
        ("PATCH", json!({"locale": "fr"}), json!("fr")),
        ("PUT", json!({"locale": null}), Value::Null),
    ] {
        let answer = ben.request(method, "/user/me").json(&body).send().await;
        assert_eq!(answer.expect(200).json()["locale"], expected, "{body}");
    }
    for (locale, code) in [
        (json!("de_CH"), "invalid"),
        (json!("d".repeat(36)), "too-long"),
        (json!(7), "wrong-type"),
    ] {
        let answer = ben.patch("/user/me", json!({"locale": locale})).await;
        answer.assert_field_errors(&[("locale", code)]);
    }
    let form = ben.request("PATCH", "/user/me").form("locale=en").send();
    assert_eq!(form.await.expect(200).json()["locale"], "en");
    let form = ben.request("PATCH", "/user/me").form("locale=").send();
    assert_eq!(form.await.expect(200).json()["locale"], Value::Null);
}

/// The chosen language comes before that of the browser and of the sign-up, if there are texts in it.
#[tokio::test]
async fn mails_and_pages_are_in_the_chosen_language() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    for (chosen, expected) in [("de-AT", Locale::De), ("qaa", Locale::En)] {
        let body = json!({"locale": chosen});
        ben.patch("/user/me", body).await.expect(200);
        let page = ben.request("GET", "/account").cookie(ben.token());
        let page = page
            .on_our_page()
            .header("accept-language", "en")
            .send()
            .await
            .expect(200);
        let start = format!("<html lang=\"{}\">", expected.tag());
        assert!(page.text().contains(&start), "{}", page.text());
        app.advance_seconds(3600);
        let address = json!({"email": "ben@example.com"});
        app.anonymous().post("/recovery", address).await.expect(202);
        assert_eq!(app.one_mail().await.locale, expected);
    }
}
