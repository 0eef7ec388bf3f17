//! The audit log in the console.

use doorward_domain::audit::CheckpointId;
use doorward_domain::model::{AuditKind, MailKind};
use doorward_domain::values::{DisableReason, Role, UserId};
use serde_json::json;

use super::console_access::admin_browser;
use crate::support::TestApp;

/// A change of the role, in words and as a code.
const ROLE: &str = "<h3>Made an admin <a href=\"/admin/audit?event=role-changed\"><code class=\"hint\">role-changed</code></a></h3>";

#[tokio::test]
async fn the_log_has_the_filters_of_the_api_and_leads_to_the_users() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let (root, ben) = (app.sign_in("root").await, app.user("ben").await);
    let id = ben.get("/user/me").await.json()["id"].clone();
    let id = id.as_str().unwrap();
    let role = json!({"role": "admin"});
    root.put("/user/ben/role", role).await.expect(200);
    app.advance_seconds(17 * 3600);
    app.anonymous()
        .post(
            "/auth",
            json!({"username": "ben", "password": "not this one"}),
        )
        .await
        .expect(401);
    let user = format!("<a href=\"/admin/users/{id}\"><bdi>ben</bdi></a> <code>{id}</code>");
    for (query, shown, hidden) in [
        ("event=role-changed", ROLE, "<h3>Sign-in"),
        (
            "user=ben&event=sign-in",
            "<h3>Sign-in <span class=\"badge bad\">failed</span> <a href=\"/admin/audit?event=sign-in\"><code class=\"hint\">sign-in</code></a></h3>",
            ROLE,
        ),
        ("user=ben&until=2026-11-21", ROLE, "failed</span>"),
        ("user=ben&since=2026-11-22", "failed</span>", ROLE),
        ("outcome=failure", "failed</span>", ROLE),
        ("actor=root&user=ben", ROLE, "<h3>Sign-in"),
        (
            "user=ben%40example.com&event=role-changed",
            ROLE,
            "<h3>Sign-in",
        ),
        ("actor=root%40example.com&user=ben", ROLE, "<h3>Sign-in"),
        ("user=no-one", "There is no such user.", "<code>"),
        (
            "actor=no-one%40example.com",
            "There is no such user.",
            "<code>",
        ),
    ] {
        let page = browser.get(&format!("/admin/audit?{query}")).await;
        let page = browser.page(page, 200).shows(&[shown]);
        let (_, list) = page.0.split_once("id=\"list\"").unwrap();
        assert!(!list.contains(hidden), "{query}: {list}");
        assert_eq!(list.contains(&user), !query.contains("no-one"), "{query}");
    }
    let page = browser.get("/admin/audit?event=role-changed").await;
    browser.page(page, 200).shows(&[
        "<option value=\"role-changed\" selected>Role changed (role-changed)</option>",
        "<bdi>root</bdi></a> <code>",
        "2026-11-21T08:00:00Z",
    ]);
    browser
        .get("/admin/audit?since=yesterday")
        .await
        .expect(422);
    browser.get("/admin/audit?event=nothing").await.expect(422);
}

/// Creates a user with a display name, who signs in.
async fn named_user(app: &TestApp, username: &str, name: &str) -> UserId {
    let user = app.user(username).await;
    let body = json!({ "name": name });
    user.patch("/user/me", body).await.expect(200);
    let user = app.doorward.operator.find_by_name(username).await;
    user.unwrap().id
}

/// The number of events of a kind, in the API.
async fn count(app: &TestApp, kind: &str) -> usize {
    let root = app.sign_in("root").await;
    let events = root.get(&format!("/audit?event={kind}&limit=200")).await;
    events.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_display_name_selects_the_only_user_who_has_it() {
    for (language, user, actor) in [
        ("en", "<dt>User</dt>", "<dt>Caused by</dt>"),
        ("de", "<dt>Konto</dt>", "<dt>Ausgelöst von</dt>"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let id = named_user(&app, "ada", "Ada Sample").await;
        app.user("ben").await;
        for (query, label) in [("user=ada+sample", user), ("actor=+Ada+S+", actor)] {
            let before = count(&app, "users-listed").await;
            let page = browser
                .get(&format!("/admin/audit?{query}&event=profile-updated"))
                .await;
            let page = browser.page(page, 200).shows(&[
                "<code class=\"hint\">profile-updated</code>",
                &format!("{label}<dd class=\"long\"><a href=\"/admin/users/{id}\"><bdi>Ada Sample</bdi></a><br><bdi>ada</bdi>"),
                &format!("={id}"),
            ]);
            // The API takes no name.
            let (_, link) = page.0.split_once("href=\"/audit/export?").unwrap();
            let (link, _) = link.split_once('"').unwrap();
            let file = format!("/audit/export?{}", link.replace("&amp;", "&"));
            let file = browser.get(&file).await.expect(200).text();
            assert_eq!(file.lines().count(), 1, "{file}");
            // The search is an event, as in the list of users.
            assert_eq!(count(&app, "users-listed").await, before + 1);
        }
        // A user without such an event is named too.
        let page = browser
            .get("/admin/audit?user=ben&event=role-changed")
            .await;
        browser.page(page, 200).shows(&[user, "<bdi>ben</bdi></a>"]);
        let none = if language == "en" {
            "There is no such user."
        } else {
            "Es gibt kein solches Konto."
        };
        for name in [
            "Ada+Simple".to_owned(),
            "Sample%00".to_owned(),
            "a".repeat(201),
        ] {
            let page = browser.get(&format!("/admin/audit?user={name}")).await;
            let page = browser.page(page, 200).shows(&[none]);
            assert!(!page.0.contains("<h3>"), "{}", page.0);
        }
        let root = app.sign_in("root").await;
        let found = root.get("/audit?user=Ada%20Sample").await.expect(200);
        assert_eq!(found.json()["items"], json!([]));
    }
}

/// The next page needs no search: the link has the id.
#[tokio::test]
async fn the_older_events_of_a_user_with_a_display_name_need_no_search() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let id = named_user(&app, "ada", "Ada Sample").await;
    let ada = app.sign_in("ada").await;
    for number in 0..50 {
        let body = json!({"data": {"number": number}});
        ada.patch("/user/me", body).await.expect(200);
    }
    let path = "/admin/audit?event=profile-updated";
    let page = browser.get(&format!("{path}&user=Ada+Sample")).await;
    let next = format!("href=\"{path}&amp;user={id}&amp;cursor=");
    let page = browser.page(page, 200).shows(&[&next]);
    let (_, cursor) = page.0.split_once(&next).unwrap();
    let (cursor, _) = cursor.split_once('"').unwrap();
    let older = format!("{path}&user={id}&cursor={cursor}");
    let page = browser.get(&older).await;
    let page = browser.page(page, 200);
    let page = page.shows(&[&format!("href=\"{path}&amp;user={id}\">Newest</a>")]);
    assert_eq!(page.0.matches("<h3>").count(), 1, "{}", page.0);
}

#[tokio::test]
async fn of_several_users_with_a_name_one_is_chosen() {
    for (language, several, all) in [
        ("en", "Several users found. Choose one.", "All users found"),
        (
            "de",
            "Mehrere Konten gefunden. Wählen Sie eines.",
            "Alle gefundenen Konten",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        for number in 0..10 {
            named_user(&app, &format!("u{number}"), &format!("Ada {number}")).await;
        }
        let (viewed, path) = (
            count(&app, "audit-read").await,
            "/admin/audit?event=profile-updated",
        );
        let page = browser.get(&format!("{path}&user=ada")).await;
        let page = browser.page(page, 200).shows(&[
            several,
            "value=\"ada\"",
            "<bdi>Ada 3</bdi><br><small class=\"hint\"><bdi>u3</bdi>",
            &format!("<a href=\"{path}&amp;user=u3\">"),
        ]);
        assert_eq!(page.0.matches("&amp;user=u").count(), 10, "{}", page.0);
        for hidden in ["<h3>", "/audit/export", all] {
            assert!(!page.0.contains(hidden), "{hidden}: {}", page.0);
        }
        assert_eq!(count(&app, "audit-read").await, viewed + 1);
        let chosen = browser.get(&format!("{path}&user=u3")).await;
        let chosen = browser.page(chosen, 200).shows(&["<bdi>Ada 3</bdi>"]);
        assert_eq!(chosen.0.matches("<h3>").count(), 1, "{}", chosen.0);

        named_user(&app, "u10", "Ada 10").await;
        let page = browser.get(&format!("{path}&actor=ada&user=ada")).await;
        let page = browser.page(page, 200).shows(&[
            &format!("<a href=\"/admin/users?q=ada\">{all}</a>"),
            "/admin/audit?actor=ada&amp;event=profile-updated&amp;user=u1\"",
            "/admin/audit?actor=u1&amp;event=profile-updated&amp;user=ada\"",
        ]);
        assert_eq!(
            page.0.matches("<li><a href=\"/admin/audit?").count(),
            20,
            "{}",
            page.0
        );
    }
}

#[tokio::test]
async fn the_log_is_filtered_by_network_and_its_download_has_the_same_filters() {
    for (language, none, download) in [
        ("en", "There is no such event.", "Download as NDJSON"),
        (
            "de",
            "Es gibt kein solches Ereignis.",
            "Als NDJSON herunterladen",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.user("ben").await;
        let page = browser.get("/admin/audit?address=203.0.113.0%2F24").await;
        let page = browser
            .page(page, 200)
            .shows(&[none, "value=\"203.0.113.0/24\""]);
        assert!(!page.0.contains(download), "{}", page.0);
        let query = "address=10.0.0.0%2F8&user=ben&since=2026-11-21&until=2026-11-21";
        let page = browser.get(&format!("/admin/audit?{query}")).await;
        let page = browser.page(page, 200).0;
        let (before, _) = page
            .split_once(&format!("\" download>{download}</a>"))
            .unwrap();
        let (_, path) = before.rsplit_once("href=\"").unwrap();
        let file = browser.get(&path.replace("&amp;", "&")).await.expect(200);
        assert_eq!(file.header("content-type"), Some("application/x-ndjson"));
        let text = file.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines.len(),
            page.matches("<code class=\"hint\">").count(),
            "{path}"
        );
        assert!(lines[0].contains("\"event\":\"sign-in\""), "{text}");
        browser.get("/admin/audit?address=here").await.expect(422);
    }
}

#[tokio::test]
async fn an_invalid_filter_is_shown_again_with_its_error_and_no_events() {
    for (language, title, network, day, range, choice) in [
        (
            "en",
            "<title>Error:",
            "Enter an IP address, or a network such as 203.0.113.0/24.",
            "Enter a day, such as 2026-11-21.",
            "This range contains no day. Choose a later day.",
            "Choose an entry from the list.",
        ),
        (
            "de",
            "<title>Fehler:",
            "Geben Sie eine IP-Adresse oder ein Netz wie 203.0.113.0/24 ein.",
            "Geben Sie einen Tag wie 2026-11-21 ein.",
            "Dieser Zeitraum enthält keinen Tag. Wählen Sie einen späteren Tag.",
            "Wählen Sie einen Eintrag aus der Liste.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let same_day = "/admin/audit?since=2026-11-21&until=2026-11-21";
        browser.get(same_day).await.expect(200);
        for (query, field, value, fault) in [
            ("address=office", "address", "office", network),
            (
                "address=203.0.113.0%2F99",
                "address",
                "203.0.113.0/99",
                network,
            ),
            ("since=2026-13-45", "since", "2026-13-45", day),
            ("until=soon", "until", "soon", day),
            (
                "since=2026-11-21T08:00:00Z",
                "since",
                "2026-11-21T08:00:00Z",
                day,
            ),
            (
                "since=2026-11-22&until=2026-11-21",
                "until",
                "2026-11-21",
                range,
            ),
            ("views=1", "views", "ben", choice),
            ("outcome=maybe", "outcome", "ben", choice),
            ("event=nothing", "event", "ben", choice),
        ] {
            let page = browser.get(&format!("/admin/audit?user=ben&{query}")).await;
            let page = browser.page(page, 422).shows(&[
                title,
                "role=\"alert\"",
                "value=\"ben\"",
                &format!("<p><a href=\"#{field}\">{fault}</a></p>"),
                &format!("<p class=\"fault\" id=\"{field}-fault\">{fault}</p>"),
                &format!("value=\"{value}\""),
                "aria-invalid=\"true\"",
            ]);
            assert!(!page.0.contains("id=\"list\""), "{query}: {}", page.0);
        }
        // No form has this parameter.
        let page = browser.get("/admin/audit?address=office&nope=1").await;
        let page = browser.page(page, 422);
        assert!(!page.0.contains("id=\"address\""), "{}", page.0);
    }
}

/// A pasted value often has some.
#[tokio::test]
async fn white_space_around_the_filters_is_ignored() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    named_user(&app, "ben", "Ben").await;
    let query = "user=+ben+&actor=%09ben&event=+profile-updated+&outcome=success%0A&address=+10.0.0.0%2F8+&since=+2026-11-21+&until=+2026-11-21+&views=+true+";
    let page = browser.get(&format!("/admin/audit?{query}")).await;
    let page = browser.page(page, 200).shows(&[
        "<code class=\"hint\">profile-updated</code>",
        "<option value=\"profile-updated\" selected>",
        "name=\"user\" type=\"search\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" value=\"ben\"",
        "value=\"10.0.0.0/8\"",
        "value=\"2026-11-21\"",
    ]);
    assert_eq!(page.0.matches("<h3>").count(), 1, "{}", page.0);
}

#[tokio::test]
async fn views_are_hidden_until_they_are_selected() {
    for (language, label) in [
        ("en", "Show what admins viewed"),
        ("de", "Zeigen, was Admins angesehen haben"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        for path in ["", "/users", "/users/ben", "/outbox", "/audit"] {
            browser.get(&format!("/admin{path}")).await.expect(200);
        }
        let view = |kind: &AuditKind| format!("<code class=\"hint\">{}</code>", kind.as_str());
        let (listed, checked) = (
            view(&AuditKind::UsersListed),
            "value=\"true\" autocomplete=\"off\" checked",
        );
        let page = browser.get("/admin/audit").await;
        let page = browser
            .page(page, 200)
            .shows(&[&view(&AuditKind::SignIn), label]);
        for kind in AuditKind::VIEWS {
            assert!(!page.0.contains(&view(kind)), "{}", page.0);
        }
        assert!(!page.0.contains(checked), "{}", page.0);
        let page = browser.get("/admin/audit?event=users-listed").await;
        browser.page(page, 200).shows(&[&listed]);
        let page = browser.get("/admin/audit?views=true").await;
        browser
            .page(page, 200)
            .shows(&[&listed, checked, "href=\"/audit/export\""]);
    }
}

#[tokio::test]
async fn a_page_without_an_event_that_leads_on_has_the_download() {
    let app = TestApp::new().await;
    app.store_sign_ins(1_001).await;
    let mut browser = admin_browser(&app, "en").await;
    let page = browser.get("/admin/audit?address=203.0.113.0%2F24").await;
    browser.page(page, 200).shows(&[
        "There is no such event on this page, but more may follow.",
        "<a href=\"/audit/export?address=203.0.113.0%2F24&amp;views=false\" download>Download as NDJSON</a>",
    ]);
}

#[tokio::test]
async fn the_log_says_when_it_was_last_verified_and_what_was_found() {
    for (language, never, intact, failed) in [
        (
            "en",
            "The log has not been verified yet.",
            "verified; no change was found.",
            "Finding: <code>log-end-missing</code>",
        ),
        (
            "de",
            "wurde noch nicht überprüft.",
            "überprüft; keine Veränderung gefunden.",
            "Befund: <code>log-end-missing</code>",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let audit_chain = &app.doorward.audit_chain;
        let operator = || app.ctx(doorward_domain::Actor::CommandLine);
        let page = browser.get("/admin/audit").await;
        browser.page(page, 200).shows(&[never]);
        audit_chain.verify(&operator(), &[], &[]).await.unwrap();
        let page = browser.get("/admin/audit").await;
        browser
            .page(page, 200)
            .shows(&[intact, "2026-11-21T08:00:00Z"]);
        let removed = CheckpointId {
            position: 9_999,
            hash: "a".repeat(64),
        };
        app.advance_seconds(60);
        audit_chain
            .verify(&operator(), &[], &[removed])
            .await
            .unwrap();
        let page = browser.get("/admin/audit").await;
        browser
            .page(page, 200)
            .shows(&[failed, "2026-11-21T08:01:00Z"]);
    }
}

#[tokio::test]
async fn older_events_are_on_the_next_page_with_the_same_filters() {
    for (language, older, newest) in [("en", "Older", "Newest"), ("de", "Ältere", "Neueste")] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let ben = app.user("ben").await;
        for number in 0..60 {
            app.advance_seconds(1);
            let body = json!({"name": format!("Ben {number}")});
            ben.patch("/user/me", body).await.expect(200);
        }
        let path = "/admin/audit?event=profile-updated";
        let page = browser.get(path).await;
        let page = browser.page(page, 200).shows(&[&format!(">{older}</a>")]);
        assert_eq!(
            page.0
                .matches("<code class=\"hint\">profile-updated</code>")
                .count(),
            50
        );
        let (_, rest) = page
            .0
            .split_once(&format!("href=\"{path}&amp;cursor="))
            .unwrap();
        let cursor = rest.split('"').next().unwrap();
        let page = browser.get(&format!("{path}&cursor={cursor}")).await;
        let page = browser.page(page, 200);
        assert_eq!(
            page.0
                .matches("<code class=\"hint\">profile-updated</code>")
                .count(),
            10
        );
        assert!(
            page.0.contains(&format!("href=\"{path}\">{newest}</a>")),
            "{}",
            page.0
        );
        let next = format!("href=\"{path}&amp;cursor=");
        assert!(!page.0.contains(&next), "{}", page.0);
    }
}

#[tokio::test]
async fn an_actor_that_is_no_user_is_in_words_and_a_deleted_user_has_an_id() {
    for (language, words) in [("en", "the operator"), ("de", "dem Betreiber")] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        let id = app.create("ben", Role::User).await.id;
        root.delete("/user/ben").await.expect(204);
        let page = browser.get("/admin/audit?event=sign-up").await;
        let link = format!("<a href=\"/admin/users/{id}\"><bdi>{id}</bdi></a>");
        browser.page(page, 200).shows(&[words, &link]);
    }
}

#[tokio::test]
async fn what_the_words_of_an_event_say_is_not_said_again() {
    for (language, anonymous, detail) in [
        ("en", "someone not signed in", "<dt>Detail</dt>"),
        ("de", "jemandem ohne Anmeldung", "<dt>Einzelheit</dt>"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        app.user("ben").await;
        let role = json!({"role": "admin"});
        root.put("/user/ben/role", role).await.expect(200);
        let left = json!({"status": "disabled", "reason": "left"});
        root.put("/user/ben/status", left).await.expect(200);
        let wrong = json!({"username": "root", "password": "not this one"});
        let mut attempts = 0;
        while app.anonymous().post("/auth", wrong.clone()).await.status != 429 {
            attempts += 1;
            assert!(attempts < 100, "wrong passwords have no limit");
        }
        for (query, hidden) in [
            ("event=sign-in&outcome=success", anonymous),
            ("event=role-changed", detail),
            ("event=status-changed", detail),
            ("event=throttled", detail),
        ] {
            let page = browser.get(&format!("/admin/audit?{query}")).await;
            let page = browser.page(page, 200).shows(&["<h3>"]).0;
            assert!(!page.contains(hidden), "{query}: {page}");
        }
        let page = browser.get("/admin/audit?event=sign-in&outcome=failure");
        let page = page.await;
        browser.page(page, 200).shows(&[anonymous, detail]);
    }
}

#[test]
fn each_kind_of_event_each_reason_and_each_mail_has_words_of_its_own() {
    let reasons = DisableReason::ALL.iter().map(|reason| reason.as_str());
    for texts in [
        include_str!("../../../../messages/locales/en.ftl"),
        include_str!("../../../../messages/locales/de.ftl"),
    ] {
        let variants = |key: &str| {
            let (_, rest) = texts.split_once(&format!("\n{key} = {{")).unwrap();
            rest.split_once("\n}").unwrap().0.to_owned()
        };
        let kinds = AuditKind::ALL
            .iter()
            .map(|kind| ("console-kind", kind.as_str()));
        let reasons = reasons
            .clone()
            .map(|reason| ("console-reason-name", reason));
        let mails = MailKind::ALL
            .iter()
            .map(|kind| ("console-mail", kind.as_str()));
        for (key, name) in kinds.chain(reasons).chain(mails) {
            assert!(variants(key).contains(&format!("[{name}]")), "{name}");
        }
    }
}
