//! Checks every page, in each language.

use serde_json::json;
use totp_rs::Totp;

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
    look("sign in");
    enter(browser, "ben@example.com", PASSWORD);
    look("sign in, refused");
    browser.click("a[href='/sign-up']");
    look("sign up");
    browser.click("a[href='/sign-up?with=username']");
    look("sign up, with a username");
    browser.fill("#username", "admin");
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-up'] button:not(.show)");
    look("sign up, refused");
    browser.fill("#email", "ben@example.com");
    browser.fill("#username", "ben");
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-up'] button:not(.show)");
    look("signed up");
    browser.click("form[action='/sign-up/sent'] button");
    look("sent again");
    browser.await_mail(2);
    look("inbox");
    browser.click("article a.button");
    look("confirm");
    browser.click("main button:not(.show)");
    look("confirmed");
    browser.go("/");
    enter(browser, "ben", PASSWORD);
    look("account");
    browser.go("/.well-known/change-password");
    look("change password");
    browser.fill("#current_password", PASSWORD);
    browser.fill("#new_password", "password123");
    browser.click("main button:not(.show)");
    look("change password, refused");
    browser.fill("#current_password", PASSWORD);
    browser.fill("#new_password", "four boats on a lake");
    browser.click("main button:not(.show)");
    look("password changed");
    walk_account(browser, &mut look);
    walk_deletion(browser, &mut look);
    browser.sign_out();
    look("signed out");
    browser.go("/recover");
    look("ask for recovery");
    browser.fill("#email", "ben@example.com");
    browser.click("main button:not(.show)");
    look("mail requested");
    browser.await_mail(7);
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
    browser.chromium("Network.clearBrowserCookies", &json!({}));
    browser.go("/confirmation");
    look("ask for confirmation");
    browser.go("/user/me");
    look("sign in first");
    browser.go("/nothing/here");
    look("not found");
    browser.go("/sign-up");
    browser.fill("#email", "eve@example.com");
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-up'] button:not(.show)");
    browser.await_mail(9);
    browser.click("article a.button");
    browser.click("button.quiet");
    look("confirmation cancelled");
    headings
}

/// Visits the pages of the account area that have no other walk.
fn walk_account(browser: &Browser, look: &mut impl FnMut(&str)) {
    browser.go("/account/profile");
    look("profile");
    browser.fill("#name", &"x".repeat(201));
    browser.click("main button");
    look("profile, refused");
    browser.fill("#name", "Ben B.");
    browser.click("main button");
    look("profile, saved");
    browser.go("/account/email");
    look("address");
    browser.fill("#email", "new@example.com");
    browser.fill("#password", PASSWORD);
    browser.click("main button:not(.show)");
    look("address, refused");
    browser.fill("#password", "four boats on a lake");
    browser.click("main button:not(.show)");
    look("address, pending");
    browser.click("form[action='/account/email/cancel'] button");
    look("address, cancelled");
    browser.go("/account/activity");
    look("activity");
    browser.go("/account/data");
    look("data");
    browser.go("/account/devices");
    look("devices");
    browser.go("/account/devices/sign-out-others");
    look("sign out the others");
    browser.click("main form button");
    look("others signed out");
}

/// Deletes the account, and keeps it with the link in the mail.
fn walk_deletion(browser: &Browser, look: &mut impl FnMut(&str)) {
    browser.go("/account/delete");
    look("delete");
    browser.fill("#password", PASSWORD);
    browser.click("main button.danger");
    look("delete, refused");
    browser.fill("#password", "four boats on a lake");
    browser.click("main button.danger");
    look("to be deleted");
    enter(browser, "ben", "four boats on a lake");
    look("deletion pending");
    browser.fill("#password", PASSWORD);
    browser.click("main button:not(.show)");
    look("deletion pending, refused");
    browser.await_mail(6);
    browser.click("article a.button");
    look("keep the account");
    browser.click("main button");
    look("account kept");
    browser.click("main a.button");
    enter(browser, "ben", "four boats on a lake");
}

/// Submits the form of the sign-in page.
fn enter(browser: &Browser, name: &str, password: &str) {
    browser.fill("#username", name);
    browser.fill("#password", password);
    browser.click("form[action='/sign-in'] button:not(.show)");
}

/// Signs up with a username.
fn sign_up(browser: &Browser, name: &str) {
    browser.go("/sign-up?with=username");
    browser.fill("#username", name);
    browser.fill("#password", PASSWORD);
    browser.click("form[action='/sign-up'] button:not(.show)");
}

const SUBMIT: &str = "main form:last-of-type button:not(.show)";

/// The code that an authenticator app shows after it has scanned the page.
pub fn code_of(browser: &Browser) -> String {
    let uri = browser.attribute("a[href^='otpauth:']", "href");
    let seconds = browser.run("return Math.floor(Date.now() / 1000)");
    let app = Totp::from_url(uri).unwrap();
    app.generate(seconds.as_u64().unwrap()).to_string()
}

/// The recovery code in this place of the page.
pub fn recovery_code(browser: &Browser, place: usize) -> String {
    let code = browser.text(&format!(".codes li:nth-child({place})"));
    code.unwrap()
}

/// Visits every page of second factors.
fn walk_factors(browser: &Browser) -> Vec<String> {
    let mut headings = Vec::new();
    let mut look = |page: &str| {
        headings.push(browser.text("h1").unwrap());
        check_page(browser, page);
    };
    sign_up(browser, "zoe");
    enter(browser, "zoe", PASSWORD);
    browser.click("nav a[href='/account/factors']");
    look("factors, none");
    browser.fill("#name", &"x".repeat(65));
    browser.click(SUBMIT);
    look("factors, refused");
    browser.fill("#name", "Phone");
    browser.click(SUBMIT);
    look("set up");
    let code = code_of(browser);
    browser.fill("#code", "000000");
    browser.click(SUBMIT);
    look("set up, wrong code");
    browser.fill("#code", &code);
    browser.click(SUBMIT);
    look("recovery codes");
    let (first, second) = (recovery_code(browser, 1), recovery_code(browser, 2));
    browser.click("main a.button");
    look("factors");
    browser.run("for (const details of document.querySelectorAll('details')) details.open = true");
    browser.click("form[action='/account/factors/recovery-codes'] button");
    look("proof");
    browser.fill("#password", PASSWORD);
    browser.fill("#code", "000000");
    browser.click(SUBMIT);
    look("proof, refused");
    browser.fill("#password", PASSWORD);
    browser.fill("#code", &first);
    browser.click(SUBMIT);
    look("recovery codes, renewed");
    let renewed = recovery_code(browser, 1);
    browser.go("/account/password");
    look("change password, with a code");
    browser.go("/");
    browser.sign_out();
    enter(browser, "zoe", PASSWORD);
    look("code");
    browser.fill("#code", &second);
    browser.click(SUBMIT);
    look("code, refused");
    browser.fill("#code", &renewed);
    browser.click(SUBMIT);
    look("account");
    browser.sign_out();
    browser.go("/sign-in/factor");
    look("sign-in expired");
    headings
}

/// Visits the pages of the second factor that the policy requires.
fn walk_enrolment(browser: &Browser) -> Vec<String> {
    let mut headings = Vec::new();
    let mut look = |page: &str| {
        headings.push(browser.text("h1").unwrap());
        check_page(browser, page);
    };
    sign_up(browser, "zoe");
    enter(browser, "zoe", PASSWORD);
    look("required");
    browser.click(SUBMIT);
    look("required, set up");
    let code = code_of(browser);
    browser.fill("#code", "000000");
    browser.click(SUBMIT);
    look("required, wrong code");
    browser.fill("#code", &code);
    browser.click(SUBMIT);
    look("required, recovery codes");
    browser.click("main a.button");
    look("account");
    headings
}

fn on_a_phone(language: &'static str) -> Browser {
    on_a_phone_at(language, &[])
}

fn on_a_phone_at(language: &'static str, variables: &[(&str, &str)]) -> Browser {
    let setup = Setup {
        language,
        script: true,
    };
    let browser = Browser::open_at(setup, variables);
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": false});
    browser.chromium("Emulation.setDeviceMetricsOverride", &phone);
    browser
}

/// W-01, P-11, WCAG 2.2: for each page see `page_checks`. The console has no errors and no CSP report.
#[test]
fn every_page_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard() {
    let browser = on_a_phone("en");
    let headings = walk(&browser);
    // The pages for developers are in English only.
    for page in ["/docs", "/problems", "/problems/link-expired"] {
        browser.go(page);
        check_page(&browser, page);
    }
    assert_eq!(headings.first().map(String::as_str), Some("Sign in"));
}

#[test]
fn every_page_passes_the_checks_in_german() {
    let browser = on_a_phone("de");
    let headings = walk(&browser);
    for wanted in [
        "Anmelden",
        "Konto anlegen",
        "Schauen Sie in Ihr Postfach",
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

#[test]
fn every_page_of_second_factors_passes_the_checks() {
    for (language, title) in [
        ("en", "Two-factor sign-in"),
        ("de", "Zwei-Faktor-Anmeldung"),
    ] {
        let headings = walk_factors(&on_a_phone(language));
        assert_eq!(headings[0], title);
        let required = [("DOORWARD_FACTORS__REQUIRED", "everyone")];
        let headings = walk_enrolment(&on_a_phone_at(language, &required));
        assert_eq!(headings.len(), 5);
    }
}
