//! What an admin does in the console: each action asks on its own page, and calls what the API calls.

use doorward_domain::values::Role;
use serde_json::{Value, json};

use super::browser::Browser;
use super::console_access::admin_browser;
use crate::factors::enrol;
use crate::support::{Client, PASSWORD, TestApp, path_in};

/// Opens the page of an action, sends its form, and opens the page that it leads to.
async fn act(browser: &mut Browser, page: &str, form: &str, flag: &str, shown: &[&str]) {
    let asked = browser.get(page).await;
    let asked = browser.page(asked, 200);
    let field = form.split_once('=').map(|(name, value)| {
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\" autocomplete=\"off\">")
    });
    asked.shows(&[
        &format!("<form method=\"post\" action=\"{page}\">"),
        field.as_deref().unwrap_or_default(),
        shown[0],
    ]);
    let answer = browser.post(page, form).await.expect(303);
    let next = answer.header("location").unwrap().to_owned();
    assert!(next.ends_with(flag), "{next}");
    let next = browser.get(&next).await;
    browser
        .page(next, 200)
        .shows(&["role=\"status\"", shown[1]]);
}

pub(super) async fn id_of(client: &Client) -> String {
    let user = client.get("/user/me").await.expect(200).json();
    user["id"].as_str().unwrap().to_owned()
}

/// The audit events of this kind by an admin.
async fn count(reader: &Client, kind: &str) -> usize {
    let found = reader.get(&format!("/audit?event={kind}")).await;
    let items = found.expect(200).json()["items"].clone();
    let by_user = |item: &&Value| item["actor"].as_str().unwrap().starts_with("user:");
    items.as_array().unwrap().iter().filter(by_user).count()
}

#[tokio::test]
async fn an_admin_changes_the_role_and_the_status_of_a_user() {
    for (language, texts) in [
        (
            "en",
            [
                ["Make this user an admin?", "The role is changed."],
                ["Remove the admin role?", "The role is changed."],
                ["Disable this account?", "The account is disabled."],
                ["Enable this account?", "The account is enabled."],
            ],
        ),
        (
            "de",
            [
                ["Zum Admin machen?", "Die Rolle ist geändert."],
                ["Admin-Rolle entziehen?", "Die Rolle ist geändert."],
                ["Dieses Konto sperren?", "Das Konto ist gesperrt."],
                ["Dieses Konto entsperren?", "Das Konto ist entsperrt."],
            ],
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        let id = id_of(&app.user("ben").await).await;
        let (role, status) = (
            format!("/admin/users/{id}/role"),
            format!("/admin/users/{id}/status"),
        );
        let field = async |name: &str| root.get("/user/ben").await.json()[name].clone();
        act(
            &mut browser,
            &role,
            "role=admin",
            "?role-changed",
            &texts[0],
        )
        .await;
        assert_eq!(field("role").await, "admin");
        act(&mut browser, &role, "role=user", "?role-changed", &texts[1]).await;
        assert_eq!(field("role").await, "user");
        act(
            &mut browser,
            &status,
            "status=disabled",
            "?disabled",
            &texts[2],
        )
        .await;
        assert_eq!(field("status").await, "disabled");
        act(
            &mut browser,
            &status,
            "status=active",
            "?enabled",
            &texts[3],
        )
        .await;
        assert_eq!(field("status").await, "active");
        assert_eq!(count(&root, "role-changed").await, 2);
        assert_eq!(count(&root, "status-changed").await, 2);
        // No one chooses other values.
        browser.post(&role, "role=owner").await.expect(422);
        browser.post(&status, "status=pending").await.expect(422);
        browser.post(&role, "").await.expect(422);
    }
}

#[tokio::test]
async fn an_admin_disables_a_user_for_a_reason_which_is_in_the_audit_log() {
    for (language, label, reason) in [
        (
            "en",
            ">Reason</label>",
            "Someone else may know the password",
        ),
        (
            "de",
            ">Grund</label>",
            "Vielleicht kennt jemand anderes das Passwort",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let id = id_of(&app.user("ben").await).await;
        let page = format!("/admin/users/{id}/status");
        let asked = browser.get(&page).await;
        let option = format!("<option value=\"compromised\">{reason}</option>");
        browser.page(asked, 200).shows(&[label, &option]);
        let refused = browser.post(&page, "status=disabled&reason=bored").await;
        browser.page(refused, 422).shows(&["id=\"reason-fault\""]);
        let form = "status=disabled&reason=compromised";
        browser.post(&page, form).await.expect(303);
        let shown = browser.get(&format!("/admin/users/{id}")).await;
        browser.page(shown, 200).shows(&[reason]);
        // Enabling has none.
        let asked = browser.get(&page).await;
        assert!(!browser.page(asked, 200).0.contains("id=\"reason\""));
    }
}

#[tokio::test]
async fn an_admin_ends_the_sessions_of_a_user() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    let (first, second) = (app.user("ben").await, app.sign_in("ben").await);
    let third = app.sign_in("ben").await;
    let id = id_of(&first).await;
    let session = first.get("/auth").await.json()["session"]["id"].clone();
    let page = format!("/admin/users/{id}/sessions/{}", session.as_str().unwrap());
    let texts = ["Sign out on this device?", "The device is signed out."];
    act(&mut browser, &page, "", "?session-ended", &texts).await;
    first.get("/auth").await.expect(401);
    second.get("/auth").await.expect(200);
    browser.get(&page).await.expect(404);
    let page = format!("/admin/users/{id}/sessions");
    let texts = ["Sign out on all devices?", "All devices are signed out."];
    act(&mut browser, &page, "", "?sessions-ended", &texts).await;
    for client in [second, third] {
        client.get("/auth").await.expect(401);
    }
    assert_eq!(count(&root, "sessions-revoked").await, 2);
}

#[tokio::test]
async fn an_admin_removes_an_authenticator_app() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let ben = app.user("ben").await;
    enrol(&app, &ben, "Phone").await;
    let id = id_of(&ben).await;
    let factor = ben.get("/user/me/factor").await.json()["items"][0]["id"].clone();
    let page = format!("/admin/users/{id}/factors/{}", factor.as_str().unwrap());
    let asked = browser.get(&page).await;
    browser.page(asked, 200).shows(&["<bdi>Phone</bdi>"]);
    let refused = browser.post(&page, "password=not+this+one").await;
    browser
        .page(refused, 401)
        .shows(&["<bdi>Phone</bdi>", "Wrong password."]);
    let texts = [
        "Remove this authenticator app?",
        "The authenticator app is removed.",
    ];
    act(&mut browser, &page, "", "?factor-removed", &texts).await;
    let root = app.sign_in("root").await;
    let left = root.get("/user/ben/factor").await.json();
    assert_eq!(left["items"], json!([]));
    let removed = "factor-removed&outcome=success";
    assert_eq!(count(&root, removed).await, 1);
}

#[tokio::test]
async fn an_admin_sends_the_links_that_a_user_could_request() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.unconfirmed("ben").await;
    app.create("eve", Role::User).await;
    let page = "/admin/users/ben/confirmation";
    let asked = browser.get(page).await;
    browser
        .page(asked, 200)
        .shows(&["ben@example.com", "Send the confirmation again?"]);
    let sent = browser.post(page, "").await;
    Browser::redirected(sent, "/admin/users/ben?confirmation-sent");
    assert!(path_in(&app.one_mail().await).starts_with("/confirmation/"));
    let page = "/admin/users/eve/recovery";
    let asked = browser.get(page).await;
    browser
        .page(asked, 200)
        .shows(&["eve@example.com", "You never see the password."]);
    let sent = browser.post(page, "").await;
    Browser::redirected(sent, "/admin/users/eve?recovery-sent");
    assert!(path_in(&app.one_mail().await).starts_with("/recovery/"));
    // Nothing to send: the link of an invitation confirms its address.
    let root = app.sign_in("root").await;
    let invited = json!({"username": "zoe", "email": "zoe@example.com", "delivery": "link"});
    root.post("/invitation", invited).await.expect(201);
    let zoe = browser.get("/admin/users/zoe").await;
    let zoe = browser
        .page(zoe, 200)
        .shows(&["<span class=\"badge\">Invited</span>"]);
    assert!(!zoe.0.contains("/confirmation\""), "{}", zoe.0);
    for page in [
        "/admin/users/ben/recovery",
        "/admin/users/eve/confirmation",
        "/admin/users/zoe/confirmation",
    ] {
        let user = page.rsplit_once('/').unwrap().0;
        Browser::redirected(browser.get(page).await, user);
        Browser::redirected(browser.post(page, "").await, user);
    }
}

#[tokio::test]
async fn a_recovery_that_an_admin_sends_is_in_the_activity_of_the_user() {
    for (language, words) in [
        ("en", "Recovery requested"),
        ("de", "Wiederherstellung angefordert"),
    ] {
        let app = TestApp::new().await;
        app.allow_unread_mail();
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        let ben = app.user("ben").await;
        browser
            .post("/admin/users/ben/recovery", "")
            .await
            .expect(303);
        let page = browser.get("/admin/users/ben").await;
        browser.page(page, 200).shows(&[words]);
        let page = browser.get("/admin/audit?user=ben&actor=root").await;
        browser.page(page, 200).shows(&[words]);
        let events = root.get("/audit?user=ben&event=recovery-requested").await;
        let events = events.expect(200).json();
        assert_eq!(
            events["items"][0]["actor"],
            format!("user:{}", id_of(&root).await)
        );
        let activity = ben.get("/user/me/activity").await.expect(200).json();
        let own = &activity["items"][0];
        assert_eq!(
            (&own["event"], &own["actor"]),
            (&json!("recovery-requested"), &json!("admin"))
        );
    }
}

#[tokio::test]
async fn a_confirmation_that_an_admin_sends_is_in_the_log_with_the_user() {
    for (language, words) in [
        ("en", "Confirmation sent again"),
        ("de", "Bestätigung noch einmal gesendet"),
    ] {
        let app = TestApp::new().await;
        app.allow_unread_mail();
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        app.unconfirmed("carla").await;
        let id = root.get("/user/carla").await.json()["id"].clone();
        let page = "/admin/users/carla/confirmation";
        browser.post(page, "").await.expect(303);
        let page = browser.get("/admin/users/carla").await;
        browser.page(page, 200).shows(&[words]);
        let events = root.get("/audit?event=confirmation-requested").await;
        let event = &events.expect(200).json()["items"][0];
        assert_eq!(event["user_id"], id);
        assert_eq!(event["actor"], format!("user:{}", id_of(&root).await));
    }
}

#[tokio::test]
async fn an_admin_deletes_a_user_after_some_days_or_at_once_and_keeps_one() {
    for (language, texts) in [
        (
            "en",
            [
                [
                    "The account is deleted in 14 days.",
                    "The account will be deleted.",
                ],
                ["Keep this account?", "The account is not deleted."],
                ["Delete this account at once?", "The account is deleted."],
            ],
        ),
        (
            "de",
            [
                [
                    "Das Konto wird in 14 Tagen gelöscht.",
                    "Das Konto wird gelöscht.",
                ],
                ["Dieses Konto behalten?", "Das Konto wird nicht gelöscht."],
                ["Dieses Konto sofort löschen?", "Das Konto ist gelöscht."],
            ],
        ),
    ] {
        let app = TestApp::new().await;
        app.allow_unread_mail();
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        let id = id_of(&app.user("ben").await).await;
        let page = |name: &str| format!("/admin/users/{id}/{name}");
        act(
            &mut browser,
            &page("delete"),
            "",
            "?deletion-requested",
            &texts[0],
        )
        .await;
        let user = root.get("/user/ben").await.expect(200).json();
        assert_eq!(user["deletion_at"], "2026-12-05T08:00:00Z");
        act(&mut browser, &page("keep"), "", "?kept", &texts[1]).await;
        let user = root.get("/user/ben").await.expect(200).json();
        assert!(user.get("deletion_at").is_none());
        browser.post(&page("keep"), "").await.expect(404);
        act(
            &mut browser,
            &page("delete-now"),
            "",
            "?done=deleted",
            &texts[2],
        )
        .await;
        root.get("/user/ben").await.expect(404);
        for kind in ["deletion-requested", "deletion-cancelled", "user-deleted"] {
            assert_eq!(count(&root, kind).await, 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn the_last_admin_stays_and_another_one_can_leave() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    for (page, form) in [
        ("/admin/users/root/role", "role=user"),
        ("/admin/users/root/status", "status=disabled"),
        ("/admin/users/root/delete", ""),
        ("/admin/users/root/delete-now", ""),
    ] {
        let refused = browser.post(page, form).await;
        browser
            .page(refused, 409)
            .shows(&["You are the only admin."]);
    }
    app.create("ada", Role::Admin).await;
    let left = browser.post("/admin/users/root/role", "role=user").await;
    Browser::redirected(left, "/account");
    browser.get("/admin").await.expect(403);
}

/// The form of the profile has the `data` that it was made from, and the version of the user.
async fn data_is_changed_unless_an_application_did_so(
    browser: &mut Browser,
    ben: &Client,
    user: &str,
) {
    let path = format!("{user}/profile");
    let form = |data: &str, version: u64| {
        let data = data.replace('"', "%22").replace('{', "%7B");
        format!("data={data}&version={version}")
    };
    let version = async || {
        let me = ben.get("/user/me").await.expect(200);
        let etag = me.header("etag").unwrap().trim_matches('"').to_owned();
        etag.parse::<u64>().unwrap()
    };
    let data = async || ben.get("/user/me").await.expect(200).json()["data"].clone();
    let page = browser.get(&path).await;
    let read = version().await;
    browser.page(page, 200).shows(&[
        "{\n  &quot;plan&quot;: &quot;gold&quot;\n}</textarea>",
        &format!("name=\"version\" autocomplete=\"off\" value=\"{read}\""),
    ]);
    for (text, fault) in [
        ("{", "id=\"data-fault\""),
        ("[1]", "&quot;plan&quot;: &quot;pro&quot;"),
    ] {
        let refused = browser.post(&path, &form(text, read)).await;
        browser.page(refused, 422).shows(&[fault]);
    }
    ben.patch("/user/me", json!({"data": {"seats": 3}}))
        .await
        .expect(200);
    // The other form has no data.
    let named = browser.post(&path, "name=Benjamin&locale=en").await;
    named.expect(303);
    let refused = browser.post(&path, &form("{}", read)).await;
    let current = version().await;
    browser.page(refused, 412).shows(&[
        "id=\"data-fault\"",
        ">{}</textarea>",
        "&quot;seats&quot;: 3\n}</pre>",
        &format!("name=\"version\" autocomplete=\"off\" value=\"{current}\""),
    ]);
    assert_eq!(data().await, json!({"plan": "gold", "seats": 3}));
    let saved = browser.post(&path, &form("{\"seats\":4}", current)).await;
    saved.expect(303);
    assert_eq!(data().await, json!({"seats": 4}));
    let refused = browser.post(&path, "data=%7B%7D").await;
    browser.page(refused, 422).shows(&["role=\"alert\""]);
    // The longest data fits into the form.
    let long = json!({"a": vec![1; 8_180]});
    ben.put("/user/me", json!({"name": "Ben", "data": long}))
        .await
        .expect(200);
    let page = browser.get(&path).await;
    let page = browser.page(page, 200).0;
    let (_, shown) = page.split_once("aria-describedby=\"data-hint\">").unwrap();
    let shown = shown
        .split("</textarea>")
        .next()
        .unwrap()
        .replace("&quot;", "\"");
    let encoded = shown.replace('"', "%22").replace(',', "%2C");
    let encoded = encoded.replace('\n', "%0D%0A").replace(' ', "+");
    let body = format!("data={encoded}&version={}", version().await);
    browser.post(&path, &body).await.expect(303);
    assert_eq!(data().await, long);
    // An empty field is more likely a mistake than `{}`.
    let refused = browser.post(&path, &form("", version().await)).await;
    browser.page(refused, 422).shows(&["id=\"data-fault\""]);
    let saved = browser.post(&path, &form("{}", version().await)).await;
    saved.expect(303);
    assert_eq!(data().await, json!({}));
}

#[tokio::test]
async fn an_admin_changes_the_name_the_language_and_the_address_of_a_user() {
    for (language, saved, sent, cancel, cancelled) in [
        (
            "en",
            "Saved.",
            "An email to confirm the new address will be sent.",
            "Discard the new email address?",
            "The new address is discarded.",
        ),
        (
            "de",
            "Gespeichert.",
            "Eine E\u{2011}Mail zum Bestätigen der neuen Adresse wird gesendet.",
            "Neue E\u{2011}Mail-Adresse verwerfen?",
            "Die neue Adresse ist verworfen.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let ben = app.user("ben").await;
        let body = json!({"name": "Ben", "data": {"plan": "gold"}, "locale": "de-CH"});
        ben.put("/user/me", body).await.expect(200);
        let user = format!("/admin/users/{}", id_of(&ben).await);
        let page = browser.get(&format!("{user}/profile")).await;
        browser
            .page(page, 200)
            .shows(&["value=\"Ben\"", "<option value=\"de-CH\" selected>"]);
        let refused = browser
            .post(&format!("{user}/profile"), "name=%00&locale=en")
            .await;
        browser.page(refused, 422).shows(&["id=\"name-fault\""]);
        let answer = browser
            .post(&format!("{user}/profile"), "name=Benjamin&locale=en")
            .await;
        assert_eq!(
            answer.expect(303).header("location"),
            Some(&*format!("{user}?saved"))
        );
        let page = browser.get(&format!("{user}?saved")).await;
        browser
            .page(page, 200)
            .shows(&[saved, "<h1><bdi>Benjamin</bdi></h1>"]);
        let stored = ben.get("/user/me").await.expect(200).json();
        assert_eq!(
            (&stored["locale"], &stored["data"]),
            (&json!("en"), &json!({"plan": "gold"}))
        );

        data_is_changed_unless_an_application_did_so(&mut browser, &ben, &user).await;
        let email = format!("{user}/email");
        let refused = browser.post(&email, "email=nothing").await;
        browser
            .page(refused, 422)
            .shows(&["id=\"email-fault\"", "value=\"nothing\""]);
        app.advance_seconds(301);
        let asked = browser.post(&email, "email=new%40example.org").await;
        browser
            .page(asked, 401)
            .shows(&["id=\"password\"", "value=\"new@example.org\""]);
        let form = format!(
            "email=new%40example.org&password={}",
            PASSWORD.replace(' ', "+")
        );
        let answer = browser.post(&email, &form).await.expect(303);
        assert_eq!(
            answer.header("location"),
            Some(&*format!("{user}?change-requested"))
        );
        let page = browser.get(&format!("{user}?change-requested")).await;
        browser.page(page, 200).shows(&[sent, "new@example.org"]);

        let path = format!("{user}/cancel-email-change");
        let shown = [cancel, cancelled];
        act(&mut browser, &path, "", "?change-cancelled", &shown).await;
        let stored = ben.get("/user/me").await.expect(200).json();
        assert_eq!(stored["pending_email"], Value::Null);
        browser.get(&path).await.expect(303);
        browser.post(&path, "").await.expect(303);
        app.allow_unread_mail();
    }
}

/// With a recent sign-in and with a proof, which otherwise has a new cookie.
#[tokio::test]
async fn an_admin_who_deletes_the_own_account_is_signed_out_and_sees_it() {
    for (page, location) in [
        ("delete", "/sign-in?to-be-deleted="),
        ("delete-now", "/sign-in?deleted"),
    ] {
        for (seconds, proof) in [(0, ""), (301, "password=plum+cake+on+sundays")] {
            let app = TestApp::new().await;
            let mut browser = admin_browser(&app, "en").await;
            app.create("ada", Role::Admin).await;
            app.advance_seconds(seconds);
            let page = format!("/admin/users/root/{page}");
            let answer = browser.post(&page, proof).await.expect(303);
            let next = answer.header("location").unwrap();
            assert!(next.starts_with(location), "{next}");
            assert_eq!(answer.cookie("__Host-doorward"), Some(""));
            app.allow_unread_mail();
        }
    }
}

/// The page of a disabled user does not offer them, but an older one may.
#[tokio::test]
async fn no_link_is_sent_to_a_disabled_user() {
    for (language, fault) in [
        ("en", "This account is disabled. Enable it first."),
        ("de", "Dieses Konto ist gesperrt. Entsperren Sie es zuerst."),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        app.unconfirmed("cleo").await;
        for name in ["ben", "cleo"] {
            let page = format!("/admin/users/{name}/status");
            browser.post(&page, "status=disabled").await.expect(303);
        }
        for (page, user) in [
            ("/admin/users/ben/recovery", "/admin/users/ben"),
            ("/admin/users/cleo/confirmation", "/admin/users/cleo"),
        ] {
            let asked = browser.get(page).await.expect(303);
            assert_eq!(asked.header("location"), Some(user));
            let sent = browser.post(page, "").await.expect(303);
            assert_eq!(sent.header("location"), Some(user));
        }
        let form = "email=new%40example.org";
        let refused = browser.post("/admin/users/ben/email", form).await;
        browser.page(refused, 422).shows(&[fault]);
        assert!(app.mails().await.is_empty());
    }
}

/// L-01: also if the page asks again.
#[tokio::test]
async fn a_refused_action_is_one_view_of_the_user() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    app.create("ben", Role::User).await;
    app.unconfirmed("cleo").await;
    let form = "username=dan&email=dan%40example.com";
    browser.post("/admin/users/new", form).await.expect(303);
    // Three mails an hour from one network to one mailbox.
    for (page, mails) in [
        ("ben/recovery", 3),
        ("cleo/confirmation", 3),
        ("dan/invitation", 2),
    ] {
        let page = format!("/admin/users/{page}");
        for _ in 0..mails {
            browser.post(&page, "").await.expect(303);
        }
        let before = count(&root, "user-viewed").await;
        let refused = browser.post(&page, "").await;
        browser.page(refused, 429).shows(&["role=\"alert\""]);
        let views = count(&root, "user-viewed").await - before;
        assert_eq!(views, 1, "{page}");
    }
    app.mails().await;
}
