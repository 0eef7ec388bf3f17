//! `/sign-in`, and the paths that lead to it.

use doorward_domain::values::Role;

use super::browser::Browser;
use crate::support::TestApp;

const OUTCOME: &str = "__Host-doorward-outcome";
const SIGN_IN: &str = "username=ben&password=plum+cake+on+sundays";

#[tokio::test]
async fn the_start_page_leads_to_the_sign_in_page_or_to_the_account() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let mut browser = Browser::new(&app, "en");
    Browser::redirected(browser.get("/").await, "/sign-in");
    Browser::redirected(browser.post("/sign-in", SIGN_IN).await, "/account");
    Browser::redirected(browser.get("/").await, "/account");
    Browser::redirected(browser.get("/sign-in").await, "/account");
    Browser::redirected(browser.get("/sign-up").await, "/account");
}

/// Browsers are redirected, with the query. The API has the rest of these paths.
#[tokio::test]
async fn former_paths_and_common_names_redirect_browsers_only() {
    let app = TestApp::new().await;
    let client = app.anonymous();
    for (path, page, other) in [
        ("/auth", "/sign-in", 401),
        ("/auth/factor", "/sign-in/factor", 404),
        ("/auth/enrol", "/sign-in/enrol", 404),
        ("/confirmation", "/sign-up/sent", 404),
        ("/recovery", "/recover", 404),
        ("/login", "/sign-in", 404),
        ("/signup", "/sign-up", 404),
        ("/register", "/sign-up", 404),
        ("/profile", "/account/profile", 404),
        ("/settings", "/account", 404),
    ] {
        for query in ["", "?return_to=/a?b=c&d=%26"] {
            let asked = client.request("GET", &format!("{path}{query}"));
            let sent = asked.html().send().await;
            Browser::redirected(sent, &format!("{page}{query}"));
        }
        client.get(path).await.expect(other);
    }
}

#[tokio::test]
async fn a_sign_out_is_confirmed_on_the_sign_in_page() {
    for (language, words) in [
        ("en", "You are signed out."),
        ("de", "Sie sind abgemeldet."),
    ] {
        let app = TestApp::new().await;
        app.create("ben", Role::User).await;
        let mut browser = Browser::new(&app, language);
        browser.post("/sign-in", SIGN_IN).await.expect(303);
        let out = browser.post("/auth/sign-out", "").await;
        Browser::redirected(out, "/sign-in?signed-out");
        // Sent twice, or after the session has ended.
        let again = browser.post("/auth/sign-out", "").await;
        Browser::redirected(again, "/sign-in?signed-out");
        let page = browser.get("/sign-in?signed-out").await;
        browser.page(page, 200).shows(&[words, "role=\"status\""]);
        let page = browser.get("/sign-in?return_to=/signed-out").await;
        assert!(!browser.page(page, 200).0.contains(words));
    }
}

/// A browser that uses http is sent back to the sign-in page, which knows whether the cookie was stored.
#[tokio::test]
async fn a_browser_that_does_not_accept_the_cookie_learns_why() {
    for (language, words) in [
        ("en", "your browser did not accept our cookie"),
        ("de", "Ihr Browser hat unser Cookie nicht angenommen"),
    ] {
        let app = TestApp::new().await;
        app.create("ben", Role::User).await;
        let form = format!("{SIGN_IN}&return_to=%2Fx");
        let draft = app.anonymous();
        let draft = draft.request("POST", "/sign-in").on_our_page();
        let draft = draft
            .header("origin", "http://accounts.example")
            .form(&form);
        let next = "/sign-in?signed-in&return_to=%2Fx";
        Browser::redirected(draft.send().await, next);
        let mut browser = Browser::new(&app, language);
        let page = browser.get(next).await;
        let page = browser.page(page, 200).shows(&[words, "value=\"/x\""]);
        assert_eq!(page.0.matches(" autofocus").count(), 1, "{}", page.0);
        Browser::redirected(browser.post("/sign-in", &form).await, "/x");
        Browser::redirected(browser.get(next).await, "/x");
    }
}

#[tokio::test]
async fn the_first_field_has_the_focus_or_else_the_errors() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    let focused = " autofocus";
    for path in ["/sign-in", "/sign-up", "/recover", "/sign-up/sent"] {
        let page = browser.get(path).await;
        let page = browser.page(page, 200);
        let (_, field) = page.0.split_once("<input id=").unwrap();
        assert!(
            field.split('>').next().unwrap().ends_with(focused),
            "{field}"
        );
        assert_eq!(page.0.matches(focused).count(), 1, "{}", page.0);
        let page = browser.post(path, "").await;
        let page = browser.page(page, 422);
        let notice = "role=\"alert\" tabindex=\"-1\" autofocus>";
        assert_eq!(page.0.matches(focused).count(), 1, "{}", page.0);
        page.shows(&[notice]);
    }
}

/// A mailed link opens in any browser, also in one where another user is signed in.
#[tokio::test]
async fn what_a_mailed_link_has_done_is_said_with_or_without_a_session() {
    for (language, texts) in [
        (
            "en",
            [
                "removed your email address",
                "Your password is changed.",
                "uses the previous email address again",
                "Two-factor sign-in was turned off too.",
                "Two-factor sign-in is off.",
                "Your account is not deleted.",
            ],
        ),
        (
            "de",
            [
                "Ihre E‑Mail-Adresse aus dem Konto entfernt",
                "Ihr Passwort wurde geändert.",
                "verwendet wieder die vorherige E‑Mail-Adresse",
                "Auch die Zwei-Faktor-Anmeldung wurde ausgeschaltet.",
                "Die Zwei-Faktor-Anmeldung ist aus.",
                "Ihr Konto wird nicht gelöscht.",
            ],
        ),
    ] {
        let app = TestApp::new().await;
        app.create("ben", Role::User).await;
        let mut browser = Browser::new(&app, language);
        for with_session in [false, true] {
            if with_session {
                browser.post("/sign-in", SIGN_IN).await.expect(303);
            }
            let notices = [
                "cancelled",
                "recovered",
                "email-undone",
                "email-and-factors-undone",
                "factors-undone",
                "kept",
            ];
            for (notice, text) in notices.into_iter().zip(texts) {
                let cookie = (OUTCOME.to_owned(), notice.to_owned());
                browser.cookies.extend([cookie]);
                let page = browser.get(&format!("/sign-in?{notice}")).await;
                browser.page(page, 200).shows(&[text, "role=\"status\""]);
            }
        }
    }
}

/// Anyone can send such a link, for example beside one to a false page of support.
#[tokio::test]
async fn a_link_with_a_notice_shows_none_unless_this_server_has_redirected_to_it() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    for notice in ["email-undone", "deleted", "to-be-deleted=99999999999"] {
        for set in ["", "kept"] {
            let cookie = (OUTCOME.to_owned(), set.to_owned());
            browser.cookies.extend([cookie]);
            let page = browser.get(&format!("/sign-in?{notice}")).await;
            let page = browser.page(page, 200);
            assert!(!page.0.contains("role=\"status\""), "{}", page.0);
        }
    }
}
