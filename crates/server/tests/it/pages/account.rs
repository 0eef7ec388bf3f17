//! The account area: its frame, `/account` and `/account/devices`.

use doorward_domain::values::Role;
use serde_json::json;

use super::browser::Browser;
use crate::factors::enrol;
use crate::support::{PASSWORD, StoreMode, TestApp};

/// A user with a browser that is signed in.
pub async fn signed_in(app: &TestApp, language: &'static str) -> Browser {
    app.create("ben", Role::User).await;
    let mut browser = Browser::new(app, language);
    let form = "username=ben&password=plum+cake+on+sundays&return_to=%2Faccount";
    Browser::redirected(browser.post("/sign-in", form).await, "/account");
    browser
}

#[tokio::test]
async fn the_overview_has_names_devices_and_tasks_but_not_the_data_of_applications() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let ben = app.sign_in("ben").await;
    let profile = json!({"name": "Ben B.", "data": {"colour": "ultramarine"}});
    ben.put("/user/me", profile).await.expect(200);
    let page = browser.get("/account").await;
    let page = browser.page(page, 200).shows(&[
        "Hello, <bdi>Ben B.</bdi>",
        "ben@example.com",
        ">2 devices</a>",
        "<a href=\"/account/profile\" aria-label=\"Change: Name\">Change</a>",
        "<a href=\"/account/email\" aria-label=\"Change: Email\">Change</a>",
        "<time datetime=\"2026-11-21T",
        "Turn on two-factor sign-in",
        "action=\"/auth/sign-out\"",
        "href=\"/account\" aria-current=\"page\"",
    ]);
    assert!(!page.0.contains("ultramarine"));
    enrol(&app, &ben, "Phone").await;
    let page = browser.get("/account").await;
    browser.page(page, 200).shows(&["Nothing. Your account"]);
    app.allow_unread_mail();
}

#[tokio::test]
async fn one_panel_fails_alone_and_can_be_tried_again() {
    for (language, words) in [
        (
            "en",
            "This can't be shown right now. <a href=\"/account\">Try again",
        ),
        (
            "de",
            "Das kann gerade nicht angezeigt werden. <a href=\"/account\">Noch",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        app.set_store_mode(StoreMode::CredentialsDown);
        let page = browser.get("/account").await;
        let page = browser.page(page, 200);
        let page = page.shows(&[&words.replace('\'', "&#39;"), "ben@example.com"]);
        assert!(
            page.0.contains("href=\"/account/devices\">1 "),
            "{}",
            page.0
        );
        app.set_store_mode(StoreMode::Fine);
        let page = browser.get("/account").await;
        assert!(
            !browser
                .page(page, 200)
                .0
                .contains("<a href=\"/account\">Try")
        );
    }
}

#[tokio::test]
async fn a_page_without_its_store_offers_to_try_again() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let ben = app.sign_in("ben").await;
    app.set_store_mode(StoreMode::Down);
    let request = ben.request("GET", "/account/activity");
    let page = request.header("accept", "text/html").send_to_broken().await;
    let page = page.expect(503).text();
    let again = "<a class=\"button\" href=\"/account/activity\">Try again</a>";
    assert!(page.contains(again), "{page}");
}

#[tokio::test]
async fn a_page_of_the_account_area_without_a_session_leads_to_the_sign_in_and_back() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    for (path, target) in [
        ("/account", "%2Faccount"),
        ("/account?x=y", "%2Faccount%3Fx%3Dy"),
        ("/account/devices", "%2Faccount%2Fdevices"),
        (
            "/account/devices/sign-out-others",
            "%2Faccount%2Fdevices%2Fsign-out-others",
        ),
    ] {
        let expected = format!("/sign-in?return_to={target}");
        Browser::redirected(browser.get(path).await, &expected);
    }
    for path in [
        "/account/devices/sign-out-others",
        "/account/devices/x/sign-out",
    ] {
        let expected = "/sign-in?not-saved&return_to=%2Faccount%2Fdevices";
        Browser::redirected(browser.post(path, "").await, expected);
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_reported_and_that_a_form_was_not_saved() {
    for (language, ended, not_saved) in [
        (
            "en",
            "You were signed out. Sign in again to continue.",
            "You were signed out, so this was not saved.",
        ),
        (
            "de",
            "Sie wurden abgemeldet. Melden Sie sich noch einmal an",
            "Sie wurden abgemeldet, deshalb wurde nichts gespeichert.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let ben = app.sign_in("ben").await;
        ben.delete("/user/me/session").await.expect(204);
        let next = "/sign-in?session-ended&return_to=%2Faccount%2Fprofile";
        Browser::redirected(browser.get("/account/profile").await, next);
        let page = browser.get(next).await;
        let page = browser.page(page, 200).shows(&[ended, "role=\"status\""]);
        page.shows(&["name=\"return_to\" value=\"/account/profile\""]);
        let next = "/sign-in?not-saved&return_to=%2Faccount%2Fprofile";
        let saved = browser.post("/account/profile", "name=Benno").await;
        Browser::redirected(saved, next);
        let page = browser.get(next).await;
        browser.page(page, 200).shows(&[not_saved]);
    }
}

#[tokio::test]
async fn a_user_signs_out_one_device_and_then_all_others() {
    for (language, only, now, signed_out, others_signed_out) in [
        (
            "en",
            "on this device only",
            "active now",
            "That device is signed out",
            "All other devices are signed out",
        ),
        (
            "de",
            "nur auf diesem Gerät",
            "gerade aktiv",
            "Das Gerät ist abgemeldet",
            "Alle anderen Geräte sind abgemeldet",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = signed_in(&app, language).await;
        let page = browser.get("/account/devices").await;
        let page = browser.page(page, 200).shows(&[only, now]);
        assert!(
            !page
                .0
                .contains("/sign-out\"><button class=\"quiet\" aria-label")
        );
        app.advance_seconds(3600);
        let others = [
            app.sign_in("ben").await,
            app.sign_in("ben").await,
            app.sign_in("ben").await,
        ];
        app.advance_seconds(600);
        let page = browser.get("/account/devices").await;
        let page = browser.page(page, 200);
        let (_, list) = page.0.split_once("id=\"list\"").unwrap();
        let (first, rest) = list.split_once("</li>").unwrap();
        assert!(
            first.contains("badge good") && !first.contains("<form"),
            "{first}"
        );
        let ids: Vec<_> = rest.split("action=\"/account/devices/").skip(1).collect();
        assert_eq!(ids.len(), 3);
        let (id, _) = ids[0].split_once('/').unwrap();
        let path = format!("/account/devices/{id}/sign-out");
        // Sent twice, it happens once.
        for _ in 0..2 {
            let answer = browser.post(&path, "").await;
            Browser::redirected(answer, "/account/devices?signed-out");
        }
        let page = browser.get("/account/devices?signed-out").await;
        browser.page(page, 200).shows(&[signed_out]);
        let mut open = 0;
        for other in &others {
            open += usize::from(other.get("/auth").await.status == 200);
        }
        assert_eq!(open, 2);

        let confirm = "/account/devices/sign-out-others";
        let page = browser.get(confirm).await;
        browser
            .page(page, 200)
            .shows(&["<button class=\"danger\">"]);
        Browser::redirected(
            browser.post(confirm, "").await,
            "/account/devices?others-signed-out",
        );
        let page = browser.get("/account/devices?others-signed-out").await;
        browser.page(page, 200).shows(&[others_signed_out, only]);
        for other in &others {
            other.get("/auth").await.expect(401);
        }
    }
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// The sign-in of the session itself warns of nothing.
#[tokio::test]
async fn the_overview_shows_the_last_sign_in_but_that_of_the_session_with_its_device() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let row = "<dt>Last other sign-in</dt>";
    let page = browser.get("/account").await;
    assert!(!browser.page(page, 200).0.contains(row));
    app.advance_seconds(3600);
    let client = app.anonymous();
    let sign_in = json!({"username": "ben", "password": PASSWORD});
    let request = client
        .request("POST", "/auth")
        .header("user-agent", FIREFOX);
    request.json(&sign_in).send().await.expect(201);
    let seen = format!(
        "{row}<dd><time datetime=\"2026-11-21T09:00:00Z\">21 November 2026, 09:00 UTC</time> · Firefox on Linux"
    );
    let page = browser.get("/account").await;
    browser.page(page, 200).shows(&[&seen]);
    // Also a later session shows it.
    app.advance_seconds(3600);
    let mut later = Browser::new(&app, "en");
    let form = "username=ben&password=plum+cake+on+sundays";
    later.post("/sign-in", form).await.expect(303);
    let page = later.get("/account").await;
    later.page(page, 200).shows(&[&seen]);
}
