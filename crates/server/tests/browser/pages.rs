//! Checks every page, in each language.

use serde_json::json;

use crate::browser::{Browser, Setup};
use crate::page_checks::check_page;

const PASSWORD: &str = "three boats on a lake";

/// Visits every page in the order that users see them, and returns their headings.
fn walk(browser: &Browser) -> Vec<String> {
    let mut headings = Vec::new();
    let mut look = |page: &str| {
        headings.push(browser.text("h1").unwrap());
        check_page(browser, page);
    };
    browser.go("/");
    look("start");
    browser.fill("#in-name", "ben@example.com");
    browser.fill("#in-password", PASSWORD);
    browser.click("form[action='/auth'] button:not(.show)");
    look("start, sign-in refused");
    browser.fill("#up-username", "admin");
    browser.fill("#up-password", PASSWORD);
    browser.click("form[action='/user'] button:not(.show)");
    look("start, sign-up refused");
    browser.fill("#up-email", "ben@example.com");
    browser.fill("#up-username", "ben");
    browser.fill("#up-password", PASSWORD);
    browser.click("form[action='/user'] button:not(.show)");
    look("signed up");
    browser.await_mail(1);
    look("inbox");
    browser.click("article a.button");
    look("confirm");
    browser.click("main button:not(.show)");
    look("confirmed");
    browser.go("/");
    browser.fill("#in-name", "ben");
    browser.fill("#in-password", PASSWORD);
    browser.click("form[action='/auth'] button:not(.show)");
    look("home");
    browser.go("/.well-known/change-password");
    look("change password");
    browser.fill("#current", PASSWORD);
    browser.fill("#new", "password123");
    browser.click("main button:not(.show)");
    look("change password, refused");
    browser.fill("#current", PASSWORD);
    browser.fill("#new", "four boats on a lake");
    browser.click("main button:not(.show)");
    look("password changed");
    browser.click("main a.button");
    browser.click("form[action='/auth/sign-out'] button:not(.show)");
    browser.go("/password");
    look("change password, signed out");
    browser.fill("#name", "BEN@example.com");
    browser.fill("#current", "four boats on a lake");
    browser.fill("#new", "six boats on a lake");
    browser.click("main button:not(.show)");
    look("password changed, signed out");
    browser.go("/recovery");
    look("ask for recovery");
    browser.fill("#email", "ben@example.com");
    browser.click("main button:not(.show)");
    look("mail requested");
    browser.await_mail(4);
    browser.click("article a.button");
    look("recover");
    let link = browser.attribute("form", "action");
    browser.fill("#new_password", "password123");
    browser.click("main button:not(.show)");
    look("recover, refused");
    browser.fill("#new_password", "five boats on a lake");
    browser.click("main button:not(.show)");
    look("recovered");
    browser.go(&link);
    look("link expired");
    browser.go("/confirmation");
    look("ask for confirmation");
    browser.go("/user/me");
    look("sign in first");
    browser.go("/nothing/here");
    look("not found");
    browser.go("/");
    browser.fill("#up-email", "eve@example.com");
    browser.fill("#up-password", PASSWORD);
    browser.click("form[action='/user'] button:not(.show)");
    browser.await_mail(6);
    browser.click("article a.button");
    browser.click("button.quiet");
    look("confirmation cancelled");
    headings
}

fn on_a_phone(language: &'static str) -> Browser {
    let browser = Browser::open(Setup {
        language,
        script: true,
    });
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": false});
    browser.chromium("Emulation.setDeviceMetricsOverride", &phone);
    browser
}

/// W-01, P-11, WCAG 2.2: for each page see `page_checks`. The console stays empty, so there is no CSP report.
#[test]
fn every_page_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard() {
    let browser = on_a_phone("en");
    let headings = walk(&browser);
    // The pages for developers are in English only.
    for page in ["/docs", "/problems", "/problems/link-expired"] {
        browser.go(page);
        check_page(&browser, page);
    }
    assert_eq!(headings.first().map(String::as_str), Some("Welcome"));
}

#[test]
fn every_page_passes_the_checks_in_german() {
    let browser = on_a_phone("de");
    let headings = walk(&browser);
    for wanted in [
        "Willkommen",
        "Schauen Sie in Ihr Postfach",
        "Ihr Konto ist bereit",
        "Ist das die Adresse Ihres Kontos?",
        "Hallo, ben",
        "Passwort ändern",
        "Dieser Link gilt nicht mehr",
        "Seite nicht gefunden",
    ] {
        assert!(
            headings.iter().any(|heading| heading == wanted),
            "no {wanted} in {headings:?}"
        );
    }
    browser.go("/");
    assert_eq!(browser.attribute("html", "lang"), "de");
}
