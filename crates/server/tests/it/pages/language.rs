//! The language of pages, and its choice at their end.

use doorward_domain::values::Locale;
use serde_json::json;

use super::account::signed_in;
use super::account_pages;
use super::browser::Browser;
use crate::support::TestApp;

/// The form at the end of each page.
const FORM: &str = "<form method=\"post\" action=\"/account/language\"";

/// The page in the language, regardless of what the browser prefers.
async fn expect_language(browser: &mut Browser, path: &str, language: &str) -> String {
    let html = browser.get(path).await.expect(200).text();
    let start = format!("<!doctype html>\n<html lang=\"{language}\">");
    assert!(html.starts_with(&start), "{html}");
    assert!(html.contains(FORM), "{html}");
    html
}

#[tokio::test]
async fn anyone_can_choose_the_language_of_pages_and_returns_to_the_page() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    let page = "/sign-up?with=username&return_to=%2Fx";
    let html = expect_language(&mut browser, page, "en").await;
    let field = "name=\"page\" value=\"/sign-up?with=username&amp;return_to=%2Fx\"";
    assert!(html.contains(field), "{html}");
    assert!(html.contains(
        "<button class=\"choice\" name=\"locale\" value=\"de\" lang=\"de\">Deutsch</button>"
    ));
    let form = "locale=de&page=%2Fsign-up%3Fwith%3Dusername%26return_to%3D%252Fx";
    Browser::redirected(browser.post("/account/language", form).await, page);
    assert_eq!(browser.cookies["__Host-doorward-language"], "de");
    expect_language(&mut browser, page, "de").await;
    let html = browser.get("/nothing").await.expect(404).text();
    assert!(
        html.contains("lang=\"de\"") && html.contains(FORM),
        "{html}"
    );
    // A rejected form leads back to its page.
    let html = browser.post("/sign-in", "").await.expect(422).text();
    assert!(html.contains("name=\"page\" value=\"/sign-in\""), "{html}");
    browser
        .post("/account/language", "locale=en")
        .await
        .expect(303);
    expect_language(&mut browser, "/sign-in", "en").await;
}

#[tokio::test]
async fn a_choice_is_a_known_language_and_leads_to_a_page_of_this_server() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    browser
        .post("/account/language", "locale=qaa")
        .await
        .expect(422);
    browser
        .post("/account/language", "page=%2Fx")
        .await
        .expect(422);
    assert!(browser.cookies.is_empty());
    for page in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", ""] {
        let form = format!("locale=de&page={page}");
        Browser::redirected(browser.post("/account/language", &form).await, "/");
    }
    let other = app.anonymous();
    let draft = other.request("POST", "/account/language").html();
    let draft = draft.header("sec-fetch-site", "cross-site");
    draft.form("locale=de").send().await.expect(403);
}

#[tokio::test]
async fn the_profile_decides_before_the_browser_and_follows_the_choice() {
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    // Without a language in the profile, the choice is the browser's.
    browser
        .post("/account/language", "locale=de")
        .await
        .expect(303);
    expect_language(&mut browser, "/account", "de").await;
    let ben = app.sign_in("ben").await;
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(user["locale"], json!(null));
    browser
        .post("/account/profile", "name=&locale=de-CH")
        .await
        .expect(303);
    browser.cookies.remove("__Host-doorward-language");
    expect_language(&mut browser, "/account", "de").await;
    browser
        .post("/account/language", "locale=de")
        .await
        .expect(303);
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(user["locale"], "de-CH");
    browser
        .post("/account/language", "locale=en")
        .await
        .expect(303);
    expect_language(&mut browser, "/account", "en").await;
    let user = ben.get("/user/me").await.expect(200).json();
    assert_eq!(user["locale"], "en");
}

#[tokio::test]
async fn the_setting_is_for_browsers_that_prefer_no_known_language() {
    let app = TestApp::with(|options| options.options.language = Locale::De).await;
    for (preferred, language) in [("qaa", "de"), ("qaa, en;q=0.5", "en"), ("", "de")] {
        let client = app.anonymous();
        let draft = client.request("GET", "/sign-in").html();
        let page = draft.header("accept-language", preferred).send().await;
        let html = page.expect(200).text();
        assert!(
            html.contains(&format!("<html lang=\"{language}\">")),
            "{preferred}"
        );
    }
}

/// A right-to-left language and a name in one must not change the order of the text around it.
#[tokio::test]
async fn names_and_addresses_are_isolated_from_the_text_around_them() {
    const NAME: &str = "\u{5d3}\u{5d5}\u{5d3}";
    let app = TestApp::new().await;
    let mut browser = signed_in(&app, "en").await;
    let ben = app.sign_in("ben").await;
    ben.put("/user/me", json!({"name": NAME})).await.expect(200);
    for path in account_pages() {
        let html = browser.get(path).await.expect(200).text();
        for text in [NAME, "ben@example.com"] {
            for (at, _) in html.match_indices(text) {
                let before = &html[..at];
                let is_isolated = before.ends_with("<bdi>")
                    || before.ends_with("<bdi class=\"address\">")
                    || before.ends_with("value=\"");
                assert!(is_isolated, "{path}: {}", &html[at.saturating_sub(60)..at]);
            }
        }
        assert!(html.contains(NAME), "{path}");
    }
}
