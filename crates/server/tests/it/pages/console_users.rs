//! The pages of the console that list users and that show one.

use doorward_domain::values::Role;
use serde_json::{Value, json};

use super::console_access::admin_browser;
use crate::factors::enrol;
use crate::support::{Client, PASSWORD, TestApp};

/// The usernames in the table of a page.
fn listed(page: &str) -> Vec<String> {
    let rows = page.split("<td role=\"cell\" class=\"long\"><a ").skip(1);
    let name = |row: &str| {
        let (_, rest) = row.split_once("<bdi>").unwrap();
        rest.split_once("</bdi>").unwrap().0.to_owned()
    };
    rows.map(name).collect()
}

/// The target of the link with this text.
fn link(page: &str, text: &str) -> Option<String> {
    let (before, _) = page.split_once(&format!("\">{text}</a>"))?;
    let (_, path) = before.rsplit_once("href=\"")?;
    Some(path.replace("&amp;", "&"))
}

/// The kinds of the newest audit events, without those of reading the log.
async fn events(reader: &Client, user: &str) -> Vec<String> {
    let path = format!("/audit?user={user}&limit=200");
    let items = reader.get(&path).await.expect(200).json();
    let kind = |item: &Value| item["event"].as_str().unwrap().to_owned();
    items["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(kind)
        .collect()
}

#[tokio::test]
async fn the_newest_users_come_first_and_pages_lead_on_and_back() {
    for (language, next, previous, first) in [
        ("en", "Next page", "Previous page", "First page"),
        ("de", "Nächste Seite", "Vorige Seite", "Erste Seite"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        for number in 0..59 {
            app.advance_seconds(1);
            app.create(&format!("user{number:02}"), Role::User).await;
        }
        let mut newest: Vec<_> = (0..59).map(|number| format!("user{number:02}")).collect();
        newest.reverse();
        newest.push("root".to_owned());
        for (query, expected) in [
            ("", newest.clone()),
            // A search is in the order of the words that were found.
            (
                "?q=user&status=active",
                newest.iter().take(59).rev().cloned().collect(),
            ),
        ] {
            let pages: Vec<_> = expected.chunks(25).collect();
            let first = browser.get(&format!("/admin/users{query}")).await;
            let first = browser.page(first, 200).0;
            assert_eq!(listed(&first), pages[0]);
            assert_eq!(link(&first, previous), None);
            let second = browser.get(&link(&first, next).unwrap()).await;
            let second = browser.page(second, 200).0;
            assert_eq!(listed(&second), pages[1]);
            let third = browser.get(&link(&second, next).unwrap()).await;
            let third = browser.page(third, 200).0;
            assert_eq!(listed(&third), pages[2]);
            assert_eq!(link(&third, next), None);
            let back = browser.get(&link(&third, previous).unwrap()).await;
            let back = browser.page(back, 200).0;
            assert_eq!(listed(&back), pages[1]);
            let back = browser.get(&link(&back, previous).unwrap()).await;
            let back = browser.page(back, 200).0;
            assert_eq!(listed(&back), pages[0]);
            let again = browser.get(&link(&back, next).unwrap()).await;
            assert_eq!(listed(&browser.page(again, 200).0), pages[1]);
        }
        // A page at a place that has nothing before it.
        let place = "0".repeat(32);
        let path = format!("/admin/users?status=disabled&role=admin&cursor={place}");
        let empty = browser.get(&path).await;
        let empty = browser.page(empty, 200).0;
        let first_page = link(&empty, first).unwrap();
        assert_eq!(first_page, "/admin/users?role=admin&status=disabled");
        browser.get("/admin/users?cursor=x").await.expect(400);
        browser.get("/admin/users?nope=x").await.expect(422);
    }
}

#[tokio::test]
async fn a_search_and_its_filters_are_those_of_the_api_and_stay_in_the_form() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    app.create("anna", Role::User).await;
    app.create("ben", Role::User).await;
    app.pending("carla").await;
    let body = json!({"status": "disabled"});
    root.put("/user/anna/status", body).await.expect(200);
    for (query, expected) in [
        ("q=AN", vec!["anna"]),
        ("q=%40example.com&status=active", vec!["ben", "root"]),
        ("status=pending", vec!["carla@example.com"]),
        ("q=&status=&role=admin", vec!["root"]),
        ("q=zzz", vec![]),
    ] {
        let page = browser.get(&format!("/admin/users?{query}")).await;
        let page = browser.page(page, 200);
        let mut found = listed(&page.0);
        found.sort();
        assert_eq!(found, expected, "{query}");
        let none = page.0.contains("There is no such user.");
        assert_eq!(none, expected.is_empty(), "{query}");
    }
    let id = root.get("/user/ben").await.json()["id"].clone();
    let query = format!("q={}", id.as_str().unwrap());
    let found = root.get(&format!("/user?{query}")).await.expect(200);
    assert_eq!(found.json()["items"][0]["username"], "ben");
    let page = browser.get("/admin/users?q=a%26n&status=disabled").await;
    browser.page(page, 200).shows(&[
        "value=\"a&amp;n\"",
        "<option value=\"disabled\" selected>Disabled</option>",
    ]);
    let page = browser.get("/admin/users?status=disabled").await;
    browser.page(page, 200).shows(&[
        "<span class=\"badge bad\">Disabled</span>",
        "<bdi>anna@example.com</bdi>",
        "<time datetime=\"2026-11-21T08:00:00Z\" data-day>",
    ]);
}

#[tokio::test]
async fn a_search_for_one_user_leads_to_their_page() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    for name in ["anna", "ben", "ben2"] {
        app.create(name, Role::User).await;
    }
    let root = app.sign_in("root").await;
    let anna = root.get("/user/anna").await.json()["id"].clone();
    let page = format!("/admin/users/{}", anna.as_str().unwrap());
    let id = anna.as_str().unwrap();
    for text in [id, "ANNA", "Anna%40Example.com", "%20anna%20"] {
        let found = browser.get(&format!("/admin/users?q={text}")).await;
        assert_eq!(found.expect(303).header("location"), Some(page.as_str()));
    }
    // The beginning of a name, and a name that others begin with, are lists.
    for (text, expected) in [("ann", 1), ("ben", 2)] {
        let found = browser.get(&format!("/admin/users?q={text}")).await;
        assert_eq!(
            listed(&browser.page(found, 200).0).len(),
            expected,
            "{text}"
        );
    }
}

#[tokio::test]
async fn more_filters_are_by_day_and_stay_open_while_one_is_set() {
    for (language, filters) in [("en", "More filters"), ("de", "Weitere Filter")] {
        let app = TestApp::new().await;
        app.create("anna", Role::User).await;
        app.advance_seconds(24 * 3600);
        let mut browser = admin_browser(&app, language).await;
        let ben = app.user("ben").await;
        enrol(&app, &ben, "").await;
        for (query, expected, field) in [
            (
                "created_since=2026-11-22",
                "ben root",
                "name=\"created_since\" type=\"date\"",
            ),
            (
                "created_until=2026-11-21",
                "anna",
                "name=\"created_until\" type=\"date\"",
            ),
            (
                "signed_in_since=2026-11-22",
                "ben root",
                "name=\"signed_in_since\" type=\"date\"",
            ),
            (
                "not_signed_in_since=2026-11-22",
                "anna",
                "name=\"not_signed_in_since\" type=\"date\"",
            ),
            (
                "second_factor=true",
                "ben",
                "<option value=\"true\" selected>",
            ),
        ] {
            let page = browser.get(&format!("/admin/users?{query}")).await;
            let open = format!("<details open>\n<summary>{filters}</summary>");
            let page = browser.page(page, 200).shows(&[&open, field]);
            let mut found = listed(&page.0);
            found.sort();
            assert_eq!(found.join(" "), expected, "{query}");
        }
        let page = browser.get("/admin/users").await;
        let closed = format!("<details>\n<summary>{filters}</summary>");
        browser.page(page, 200).shows(&[&closed]);
        let invalid = browser.get("/admin/users?created_since=soon").await;
        invalid.expect(422);
    }
}

#[tokio::test]
async fn an_invalid_filter_is_shown_again_with_its_error_and_no_users() {
    for (language, text, day, range, sign_ins, choice) in [
        (
            "en",
            "Enter at most 200 characters.",
            "Enter a day, such as 2026-11-21.",
            "This range contains no day. Choose a later day.",
            "No user matches both. Choose a day after &quot;Signed in since&quot;.",
            "Choose an entry from the list.",
        ),
        (
            "de",
            "Geben Sie höchstens 200 Zeichen ein.",
            "Geben Sie einen Tag wie 2026-11-21 ein.",
            "Dieser Zeitraum enthält keinen Tag. Wählen Sie einen späteren Tag.",
            "Beides trifft auf kein Konto zu. Wählen Sie einen Tag nach dem von „Angemeldet seit“.",
            "Wählen Sie einen Eintrag aus der Liste.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let long = "x".repeat(201);
        let long = long.as_str();
        for (field, value, fault) in [
            ("created_since", "2026-13-45", day),
            ("created_until", "soon", day),
            ("signed_in_since", "soon", day),
            ("not_signed_in_since", "soon", day),
            ("second_factor", "maybe", choice),
            ("q", long, text),
        ] {
            let path = format!("/admin/users?role=admin&{field}={value}");
            let page = browser.get(&path).await;
            let page = browser.page(page, 422).shows(&[
                "role=\"alert\"",
                "<option value=\"admin\" selected>",
                &format!("<p><a href=\"#{field}\">{fault}</a></p>"),
                &format!("<p class=\"fault\" id=\"{field}-fault\">{fault}</p>"),
            ]);
            assert!(!page.0.contains("id=\"list\""), "{field}: {}", page.0);
            let shown = page.0.contains(&format!("value=\"{value}\""));
            assert_eq!(shown, fault != choice, "{field}: {}", page.0);
        }
        for [since, until, last, range] in [
            ["created_since", "created_until", "2026-11-20", range],
            [
                "signed_in_since",
                "not_signed_in_since",
                "2026-11-21",
                sign_ins,
            ],
        ] {
            let query = format!("{since}=2026-11-21&{until}={last}");
            let page = browser.get(&format!("/admin/users?{query}")).await;
            browser.page(page, 422).shows(&[
                &format!("<p><a href=\"#{until}\">{range}</a></p>"),
                &format!("name=\"{until}\" type=\"date\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" value=\"{last}\""),
                "value=\"2026-11-21\"",
            ]);
        }
    }
}

#[tokio::test]
async fn the_page_of_a_user_shows_what_the_api_shows() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let ben = app.user("ben").await;
    let profile = json!({"name": "Ben B.", "data": {"colour": "ultramarine"}, "locale": "de-CH"});
    ben.put("/user/me", profile).await.expect(200);
    let body = json!({"email": "new@example.org", "password": PASSWORD});
    ben.put("/user/me/email", body).await.expect(202);
    enrol(&app, &ben, "My phone").await;
    let root = app.sign_in("root").await;
    let admin = root.get("/user/me").await.json()["id"].clone();
    let admin = admin.as_str().unwrap();
    for role in ["admin", "user"] {
        let body = json!({"role": role});
        root.put("/user/ben/role", body).await.expect(200);
    }
    let id = ben.get("/user/me").await.json()["id"].clone();
    let id = id.as_str().unwrap();
    let session = ben.get("/auth").await.json()["session"]["id"].clone();
    let factor = ben.get("/user/me/factor").await.json()["items"][0]["id"].clone();
    for named in ["ben", id] {
        let page = browser.get(&format!("/admin/users/{named}")).await;
        let page = browser.page(page, 200).shows(&[
            "<h1><bdi>Ben B.</bdi></h1>",
            "<bdi>ben</bdi>",
            "ben@example.com",
            "new@example.org",
            "de-CH",
            "&quot;colour&quot;: &quot;ultramarine&quot;",
            "<span class=\"badge good\">Active</span>",
            &format!("<code>{id}</code>"),
            &format!(
                "href=\"/admin/users/{id}/sessions/{}\"",
                session.as_str().unwrap()
            ),
            "(password)",
            "<bdi>My phone</bdi>",
            &format!(
                "href=\"/admin/users/{id}/factors/{}\"",
                factor.as_str().unwrap()
            ),
            "Unused recovery codes: 10.",
            "<h3>Sign-in</h3>",
            "<h3>Authenticator app added</h3>",
            "<h3>Made an admin</h3>",
            "<h3>Admin role removed</h3>",
            &format!("by <a href=\"/admin/users/{admin}\"><bdi>root</bdi></a>"),
            &format!("href=\"/user/{id}/export\" download"),
            &format!("href=\"/admin/audit?user={id}\""),
        ]);
        for act in [
            "confirmation",
            "recovery",
            "sessions",
            "role",
            "status",
            "cancel-email-change",
            "delete",
            "delete-now",
        ] {
            let link = format!("href=\"/admin/users/{id}/{act}\"");
            assert!(page.0.contains(&link), "{act}: {}", page.0);
        }
        assert!(!page.0.contains("/keep\""), "{}", page.0);
    }
    let page = browser.get("/admin/users/nobody-else").await;
    browser.page(page, 404);
    app.allow_unread_mail();
}

#[tokio::test]
async fn the_page_of_a_user_is_in_german_too() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "de").await;
    app.create("ben", Role::User).await;
    let page = browser.get("/admin/users/ben").await;
    browser.page(page, 200).shows(&[
        "Was Sie tun können",
        "Zum Admin machen",
        "Auf keinem Gerät angemeldet.",
        "Aus: Das Passwort allein genügt.",
        "Noch nie",
        "· vom Betreiber</p>",
    ]);
    let page = browser.get("/admin/users/root").await;
    browser
        .page(page, 200)
        .shows(&["Das sind Sie", "Dieses Gerät"]);
    let ben = app.sign_in("ben").await;
    enrol(&app, &ben, "").await;
    let factor = ben.get("/user/me/factor").await.json()["items"][0]["id"].clone();
    let removal = format!("/admin/users/ben/factors/{}", factor.as_str().unwrap());
    for path in ["/admin/users/ben", &removal] {
        let page = browser.get(path).await;
        browser
            .page(page, 200)
            .shows(&["<bdi>Authenticator-App</bdi>"]);
    }
}

#[tokio::test]
async fn the_page_of_a_user_says_what_keeps_them_from_signing_in_and_what_helps() {
    for (language, delayed, reason, locked_out, what_ends_it, link) in [
        (
            "en",
            "has to wait for a few seconds.",
            "Wrong password",
            "Locked out</span> since <time datetime=\"2026-11-21T08:00:40Z\"",
            "It ends when the user sets a new password,",
            "Send a link to set a new password",
        ),
        (
            "de",
            "ein paar Sekunden warten.",
            "Falsches Passwort",
            "Zu viele falsche Passwörter</span> seit <time datetime=\"2026-11-21T08:00:40Z\"",
            "Es endet mit einem neuen Passwort",
            "Link für ein neues Passwort senden",
        ),
    ] {
        let app = TestApp::with(|options| options.policy.limits.lockout_after = 4).await;
        app.allow_unread_mail();
        let mut browser = admin_browser(&app, language).await;
        let root = app.sign_in("root").await;
        let id = app.create("ben", Role::User).await.id;
        let button =
            format!("<a class=\"button quiet\" href=\"/admin/users/{id}/recovery\">{link}</a>");
        let wrong = json!({"username": "ben", "password": "not this one"});
        for failed in 1..=4 {
            let page = browser.get("/admin/users/ben").await;
            let page = browser.page(page, 200).0;
            assert_eq!(page.contains(delayed), failed == 4, "{failed}: {page}");
            assert!(!page.contains(what_ends_it) && !page.contains(&button));
            app.advance_seconds(10);
            app.anonymous()
                .post("/auth", wrong.clone())
                .await
                .expect(401);
        }
        let page = browser.get("/admin/users/ben").await;
        let page = browser.page(page, 200).shows(&[
            "<dd>4</dd>",
            reason,
            locked_out,
            what_ends_it,
            &button,
        ]);
        assert!(!page.0.contains(delayed), "{}", page.0);
        // Beside the status, too.
        let badges = page.0.matches("<span class=\"badge bad\">").count();
        assert_eq!(badges, 2, "{}", page.0);
        let list = browser.get("/admin/users?role=user").await;
        let (badge, _) = locked_out.split_once("</span>").unwrap();
        browser
            .page(list, 200)
            .shows(&[&format!("<span class=\"badge bad\">{badge}</span>")]);
        let user = root.get("/user/ben").await.expect(200).json();
        assert_eq!(user["locked_out"], true);
        let list = root.get("/user?q=ben").await.expect(200).json();
        assert_eq!(list["items"][0].get("locked_out"), None);
        let path = "/audit?user=ben&event=sign-in&outcome=failure";
        let failures = root.get(path).await.expect(200).json();
        assert_eq!(failures["items"].as_array().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn the_page_of_a_user_without_a_confirmed_address_says_how_to_set_a_password() {
    for (language, words, none) in [
        (
            "en",
            "no link to set a new password can be sent",
            "<p>None.</p>",
        ),
        (
            "de",
            "kein Link für ein neues Passwort senden",
            "<p>Keine.</p>",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let body = json!({"username": "cleo", "password": PASSWORD});
        app.anonymous().post("/user", body).await.expect(201);
        let page = browser.get("/admin/users/cleo").await;
        let command = ">doorward user set-password cleo</pre>";
        let page = browser.page(page, 200).shows(&[words, command, none]);
        assert!(!page.0.contains("/recovery\""), "{}", page.0);
        app.create("ben", Role::User).await;
        let page = browser.get("/admin/users/ben").await;
        let page = browser.page(page, 200).shows(&["/recovery\""]);
        assert!(!page.0.contains("set-password"), "{}", page.0);
    }
}

/// The first page of the console sends an admin without two-factor sign-in there.
#[tokio::test]
async fn the_own_page_of_an_admin_leads_to_the_own_factors() {
    for (language, words) in [
        ("en", "Change your two-factor sign-in"),
        ("de", "Ihre Zwei-Faktor-Anmeldung ändern"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        let link = format!("href=\"/account/factors\">{words}</a>");
        let page = browser.get("/admin/users/root").await;
        browser.page(page, 200).shows(&[&link]);
        let page = browser.get("/admin/users/ben").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains(&link), "{}", page.0);
    }
}

/// L-01, Z-05: as for the API.
#[tokio::test]
async fn each_view_of_a_user_is_an_audit_event() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let root = app.sign_in("root").await;
    app.create("ben", Role::User).await;
    let ben = app.sign_in("ben").await;
    enrol(&app, &ben, "Phone").await;
    let session = ben.get("/auth").await.json()["session"]["id"].clone();
    let factor = ben.get("/user/me/factor").await.json()["items"][0]["id"].clone();
    let session = format!("/sessions/{}", session.as_str().unwrap());
    let factor = format!("/factors/{}", factor.as_str().unwrap());
    for page in [
        "",
        "/role",
        "/status",
        "/delete",
        "/sessions",
        "/recovery",
        &session,
        &factor,
    ] {
        let before = events(&root, "ben").await.len();
        let path = format!("/admin/users/ben{page}");
        browser.get(&path).await.expect(200);
        let mut viewed = events(&root, "ben").await;
        viewed.truncate(viewed.len() - before);
        assert_eq!(viewed, ["user-viewed"], "{page}");
    }
    let count = async |kind: &str| {
        let path = format!("/audit?event={kind}&limit=200");
        let found = root.get(&path).await.expect(200).json();
        found["items"].as_array().unwrap().len()
    };
    let (listed, read) = (count("users-listed").await, count("audit-read").await);
    browser.get("/admin").await.expect(200);
    browser.get("/admin/users").await.expect(200);
    browser.get("/admin/audit").await.expect(200);
    assert_eq!(count("users-listed").await, listed + 2);
    // The page and the two lists of this test.
    assert_eq!(count("audit-read").await, read + 3);
}
