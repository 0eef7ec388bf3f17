//! `/email-undo`: the old mailbox undoes an email change.

use serde_json::{Value, json};

use crate::support::{Client, OTHER_PASSWORD, PASSWORD, TestApp, TestResponse, path_in, summary};

/// A thief with Ben's password has moved the account. Returns the thief's client and the link in Ben's mailbox.
async fn stolen(app: &TestApp) -> (Client, String) {
    let thief = app.user("ben").await;
    let body = json!({"email": "thief@example.org", "password": PASSWORD});
    thief.put("/user/me/email", body).await.expect(202);
    let mails = app.mails().await;
    let to = |address: &str| {
        let found = mails.iter().find(|mail| mail.to.as_str() == address);
        path_in(found.unwrap())
    };
    let confirm = to("thief@example.org");
    app.anonymous()
        .request("POST", &confirm)
        .send()
        .await
        .expect(200);
    let notice = app.one_mail().await;
    assert_eq!(notice.kind.template(), "email-changed");
    assert!(path_in(&notice).starts_with("/email-undo/"));
    (app.sign_in("ben").await, to("ben@example.com"))
}

/// viewing changes nothing. The POST ends every session, and a mail to the old address gives access. It works
/// once.
#[tokio::test]
async fn the_link_restores_the_account_once() {
    let app = TestApp::new().await;
    let (thief, link) = stolen(&app).await;
    assert!(link.starts_with("/email-undo/"), "{link}");
    let anonymous = app.anonymous();
    for _ in 0..5 {
        let seen = anonymous.get(&link).await.expect(200);
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        assert_eq!(seen.header("referrer-policy"), Some("no-referrer"));
    }
    assert_eq!(anonymous.request("HEAD", &link).send().await.status, 200);
    thief.get("/auth").await.expect(200);
    let done = app
        .anonymous()
        .request("POST", &link)
        .send()
        .await
        .expect(204);
    assert!(done.body.is_empty() && done.header("set-cookie").is_none());
    thief
        .get("/auth")
        .await
        .expect_problem(401, "invalid-token");
    assert_eq!(
        summary(&app.mails().await),
        [
            ("ben@example.com", "recover"),
            ("thief@example.org", "email-change-undone")
        ]
    );
    for method in ["GET", "POST"] {
        let again = app.anonymous().request(method, &link).send().await;
        again.expect_problem(410, "link-expired");
    }
}

/// the page has one button, and is in the reader's language.
#[tokio::test]
async fn a_browser_gets_a_page_with_one_button() {
    let app = TestApp::new().await;
    let (_, link) = stolen(&app).await;
    let done = press_the_button(&app, &link).await;
    assert_eq!(done.header("location"), Some("/sign-in?email-undone"));
    assert_eq!(app.mails().await.len(), 2);
    // The next page names the restored address.
    let set = done.cookies().into_iter();
    let set: Vec<_> = set.map(|one| one.split(';').next().unwrap()).collect();
    let anonymous = app.anonymous();
    let page = anonymous.request("GET", "/sign-in?email-undone").html();
    let page = page.header("cookie", &set.join("; ")).send().await;
    let page = page.expect(200).text();
    for words in [
        "uses <bdi>ben@example.com</bdi> again",
        "value=\"ben@example.com\"",
    ] {
        assert!(page.contains(words), "{page}");
    }
}

/// A factor that was added with the change is removed, and the sign-in page and the activity say so.
#[tokio::test]
async fn an_undo_that_turns_off_two_factor_sign_in_says_so() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (thief, link) = stolen(&app).await;
    crate::factors::enrol(&app, &thief, "Thief's").await;
    let done = press_the_button(&app, &link).await;
    let notice = "/sign-in?email-and-factors-undone";
    assert_eq!(done.header("location"), Some(notice));
    let activity = admin.get("/user/ben/activity").await.expect(200).json();
    let items = activity["items"].as_array().unwrap();
    let undone = items.iter().filter(|item| item["actor"] == "unknown");
    let mut events: Vec<_> = undone.map(|item| item["event"].as_str().unwrap()).collect();
    events.sort_unstable();
    assert_eq!(
        events,
        ["email-change-undone", "email-confirmed", "factors-undone"]
    );
}

/// Looks at the page of an undo link in each language and presses its only button. Returns the redirect.
pub async fn press_the_button(app: &TestApp, link: &str) -> TestResponse {
    let anonymous = app.anonymous();
    for (language, words) in [
        ("en", "Restore my account"),
        ("de", "Konto wiederherstellen"),
    ] {
        let page = anonymous.request("GET", link).html();
        let page = page.header("accept-language", language).send().await;
        let page = page.expect(200).text();
        assert!(page.contains("ben@example.com"), "{page}");
        assert!(
            page.contains(&format!("<button>{words}</button>")),
            "{page}"
        );
        let (page, _) = page.split_once("</main>").unwrap();
        assert_eq!(page.matches("<button").count(), 1, "{page}");
    }
    let pressed = anonymous.request("POST", link).on_our_page().form("");
    pressed.send().await.expect(303)
}

/// A link of each kind, with the body that a POST to it needs.
async fn links(app: &TestApp) -> Vec<(String, Value)> {
    let eve = app.user("eve").await;
    crate::factors::enrol(app, &eve, "Phone").await;
    let factor_undo = path_in(&app.one_mail().await);
    let (_, undo) = stolen(app).await;
    let pending = app.pending("zoe").await;
    let body = json!({"email": "eve@example.com"});
    app.anonymous().post("/recovery", body).await.expect(202);
    let recovery = path_in(&app.one_mail().await);
    let new = json!({"new_password": OTHER_PASSWORD});
    vec![
        (undo, Value::Null),
        (pending, Value::Null),
        (recovery, new),
        (factor_undo, Value::Null),
    ]
}

/// R-03, T-TOKEN: a malformed token is not found, regardless of the defect. A well-formed one that is not this
/// link's gets the same response as all invalid links. Neither uses the link up.
#[tokio::test]
async fn every_invalid_token_gets_404_or_the_response_of_an_expired_link() {
    let app = TestApp::with(|options| options.policy.throttle = false).await;
    let links = links(&app).await;
    let send = async |path: String, body: &Value| {
        let anonymous = app.anonymous();
        let draft = anonymous.request("POST", &path);
        match body.is_null() {
            true => draft.send().await,
            false => draft.json(body).send().await,
        }
    };
    for (link, body) in &links {
        let (kind, token) = link.rsplit_once('/').unwrap();
        let mut no_token: Vec<String> = (1..token.len())
            .map(|end| token[..end].to_owned())
            .collect();
        no_token.extend([
            format!("{token}A"),
            format!("{token}="),
            format!("{token}=="),
            format!("%20{token}"),
            format!("{token}%00"),
            format!("{}+{}", &token[..20], &token[21..]),
            "null".to_owned(),
            "0".to_owned(),
            "[]".to_owned(),
            "%7B%7D".to_owned(),
            "A".repeat(5000),
        ]);
        for wrong in no_token {
            let answer = send(format!("{kind}/{wrong}"), body).await;
            answer.expect_problem(404, "not-found");
        }
        let flipped = (0..token.len()).filter_map(|at| {
            let byte = char::from(token.as_bytes()[at]);
            let other = match byte {
                'a'..='z' => byte.to_ascii_uppercase(),
                'A'..='Z' => byte.to_ascii_lowercase(),
                _ => return None,
            };
            Some(format!("{}{other}{}", &token[..at], &token[at + 1..]))
        });
        let others = links.iter().filter(|(other, _)| other != link);
        let others = others.map(|(other, _)| other.rsplit_once('/').unwrap().1.to_owned());
        let random = ["A".repeat(43)];
        for wrong in flipped.chain(others).chain(random) {
            let answer = send(format!("{kind}/{wrong}"), body).await;
            // The last character has unused bits, so another one may be malformed.
            match answer.status {
                404 => assert!(wrong[..42] == token[..42], "{wrong}"),
                _ => drop(answer.expect_problem(410, "link-expired")),
            }
        }
        let empty = send(format!("{kind}/"), body).await;
        assert!(matches!(empty.status, 404 | 405), "{}", empty.text());
    }
    for (link, body) in &links {
        let used = send(link.clone(), body).await;
        assert!(used.status < 300, "{link}: {}", used.text());
    }
    // Spent. A confirmation reports success again.
    for (link, body) in links
        .iter()
        .filter(|(link, _)| !link.starts_with("/confirmation"))
    {
        let spent = send(link.clone(), body).await;
        spent.expect_problem(410, "link-expired");
    }
    app.mails().await;
}

/// with the setting, the page of a confirmation asks for the password, and the API requires it.
#[tokio::test]
async fn a_required_password_of_a_confirmation_is_a_field() {
    let app = TestApp::with(|options| options.policy.confirmation_requires_password = true).await;
    let (by_api, by_page) = (app.pending("ben").await, app.pending("eve").await);
    let anonymous = app.anonymous();
    anonymous
        .request("POST", &by_api)
        .send()
        .await
        .assert_field_errors(&[("password", "missing")]);
    anonymous
        .post(&by_api, json!({"password": OTHER_PASSWORD}))
        .await
        .expect_problem(401, "invalid-credentials");
    let person = app.anonymous();
    let page = person
        .request("GET", &by_page)
        .html()
        .send()
        .await
        .expect(200);
    assert!(page.text().contains("type=\"password\""), "{}", page.text());
    let missing = person.request("POST", &by_page).on_our_page().form("");
    let missing = missing.send().await.expect(422).text();
    assert!(missing.contains("Enter a password."), "{missing}");
    let shown = person
        .request("POST", &by_page)
        .on_our_page()
        .form("password=plum+cake+on+sundays");
    shown.send().await.expect(303);
}
