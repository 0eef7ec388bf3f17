//! Whole journeys with JavaScript disabled: every page works without it.

use crate::browser::{Browser, Setup};
use crate::pages::{code_of, recovery_code};

const WITHOUT_SCRIPT: Setup = Setup {
    language: "en",
    script: false,
};

#[track_caller]
fn sign_up(browser: &Browser, email: &str, password: &str) {
    browser.go("/");
    browser.fill("#up-email", email);
    browser.fill("#up-password", password);
    browser.click("form[action='/user'] button");
    browser.expect_heading("Check your email");
}

#[track_caller]
fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.go("/");
    browser.fill("#in-name", name);
    browser.fill("#in-password", password);
    browser.click("form[action='/auth'] button");
}

#[test]
fn a_user_signs_up_confirms_signs_in_changes_the_password_and_signs_out_without_scripts() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    browser.go("data:text/html,<title>off</title><script>document.title='on'</script><h1>x</h1>");
    assert_eq!(
        browser.run("return document.title"),
        "off",
        "JavaScript is not switched off"
    );

    sign_up(&browser, "ben@example.com", "three boats on a lake");
    browser.expect_text("main", "ben@example.com");
    browser.click("a.button[href='/inbox']");
    browser.await_mail(1);
    browser.click("article a.button");
    browser.expect_heading("Did you create this account?");
    browser.click("main button");
    browser.expect_heading("Email address confirmed");

    browser.click("a.button");
    sign_in(&browser, "Ben@example.com", "three goats on a lake");
    browser.expect_text("[role=alert]", "Incorrect email, username or password");
    assert_eq!(
        (browser.value("#in-name"), browser.value("#in-password")),
        ("Ben@example.com".to_owned(), String::new())
    );
    browser.fill("#in-password", "three boats on a lake");
    browser.click("form[action='/auth'] button");
    browser.expect_heading("Hello, ben@example.com");

    browser.click("a.button[href='/password']");
    browser.fill("#current", "three goats on a lake");
    browser.fill("#new", "four boats on a lake");
    browser.click("main button");
    browser.expect_text("[role=alert]", "The current password is incorrect.");
    browser.fill("#current", "three boats on a lake");
    browser.fill("#new", "four boats on a lake");
    browser.click("main button");
    browser.expect_heading("Password changed");
    browser.click("a.button");
    browser.expect_heading("Hello, ben@example.com");

    browser.click("form[action='/auth/sign-out'] button");
    browser.expect_heading("Welcome");
    sign_in(&browser, "ben@example.com", "three boats on a lake");
    browser.expect_text("[role=alert]", "Incorrect email, username or password");
    sign_in(&browser, "ben@example.com", "four boats on a lake");
    browser.expect_heading("Hello, ben@example.com");
}

/// The redirects after a form stay on the host that the browser uses: `form-action 'self'` blocks any
/// other one, also that of `public_url`.
#[test]
fn a_user_signs_in_and_out_at_an_ip_address() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    browser.go("/");
    let by_address = browser.url("/").replace("localhost", "127.0.0.1");
    assert!(by_address.contains("127.0.0.1"));
    browser.go(&by_address);
    browser.fill("#up-username", "ben");
    browser.fill("#up-password", "three boats on a lake");
    browser.click("form[action='/user'] button");
    browser.expect_heading("Your account is ready");
    browser.go(&by_address);
    browser.fill("#in-name", "ben");
    browser.fill("#in-password", "three boats on a lake");
    browser.click("form[action='/auth'] button");
    browser.expect_heading("Hello, ben");
    browser.click("form[action='/auth/sign-out'] button");
    browser.expect_heading("Welcome");
}

#[test]
fn cancelling_the_confirmation_deletes_the_account() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    sign_up(&browser, "eve@example.com", "three boats on a lake");
    sign_in(&browser, "eve@example.com", "three boats on a lake");
    browser.expect_text("[role=alert]", "isn't confirmed yet");
    browser.await_mail(1);
    browser.click("article a.button");
    browser.click("button.quiet");
    browser.expect_heading("Thanks for letting us know");
    sign_in(&browser, "eve@example.com", "three boats on a lake");
    browser.expect_text("[role=alert]", "Incorrect email, username or password");
}

#[test]
fn a_lost_password_is_replaced_by_an_acceptable_one() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    sign_up(&browser, "ben@example.com", "three boats on a lake");
    browser.await_mail(1);
    browser.click("article a.button");
    browser.click("main button");

    browser.go("/");
    browser.click("a[href='/recovery']");
    browser.fill("#email", "ben@example.com");
    browser.click("main button");
    browser.expect_heading("Check your email");
    browser.await_mail(2);
    browser.click("article a.button");
    let link = browser.attribute("form", "action");
    browser.fill("#new_password", "password123");
    browser.click("main button");
    browser.expect_text(".fault", "too common");
    assert_eq!(browser.value("#new_password"), "");
    browser.fill("#new_password", "four boats on a lake");
    browser.click("main button");
    browser.expect_heading("Password changed");
    browser.go(&link);
    browser.expect_heading("This link no longer works");
    sign_in(&browser, "ben@example.com", "four boats on a lake");
    browser.expect_heading("Hello, ben@example.com");
}

#[test]
fn a_rejected_sign_up_shows_the_form_with_its_values() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    browser.go("/");
    browser.fill("#up-password", "three boats on a lake");
    browser.click("form[action='/user'] button");
    browser.expect_text(
        "#up-username-fault",
        "Enter an email address or a username.",
    );
    browser.fill("#up-username", "admin");
    browser.fill("#up-password", "three boats on a lake");
    browser.click("form[action='/user'] button");
    browser.expect_text("#up-username-fault", "taken");
    assert_eq!(
        (browser.value("#up-username"), browser.value("#up-password")),
        ("admin".to_owned(), String::new())
    );
    browser.fill("#up-username", "<b>\"zoe'&amp;");
    browser.fill("#up-password", "password123");
    browser.click("form[action='/user'] button");
    assert_eq!(browser.value("#up-username"), "<b>\"zoe'&amp;");
    browser.expect_text("#up-password-fault", "too common");
    browser.fill("#up-username", "zoe");
    browser.fill("#up-password", "three boats on a lake");
    browser.click("form[action='/user'] button");
    browser.expect_heading("Your account is ready");
    sign_in(&browser, "ZOE", "three boats on a lake");
    browser.expect_heading("Hello, zoe");
}

/// A required second factor is added at the first sign-in; then the sign-in has two steps, and returns to the page that
/// asked for it.
#[test]
fn a_second_factor_is_added_and_used_without_scripts() {
    let required = [("DOORWARD_FACTORS__REQUIRED", "everyone")];
    let browser = Browser::open_at(WITHOUT_SCRIPT, &required);
    browser.go("/");
    browser.fill("#up-username", "zoe");
    browser.fill("#up-password", "three boats on a lake");
    browser.click("form[action='/user'] button");
    browser.expect_heading("Your account is ready");
    sign_in(&browser, "zoe", "three boats on a lake");
    browser.expect_heading("Set up two-factor sign-in");
    browser.click("main button");
    browser.expect_heading("Set up your authenticator app");
    let code = code_of(&browser);
    browser.fill("#code", &code);
    browser.click("main button");
    browser.expect_heading("Save your recovery codes");
    let recovery = recovery_code(&browser, 7);
    browser.click("main a.button");
    browser.expect_heading("Hello, zoe");
    browser.click("form[action='/auth/sign-out'] button");

    browser.go("/auth?return_to=/auth/factors");
    browser.fill("#in-name", "zoe");
    browser.fill("#in-password", "three boats on a lake");
    browser.click("form[action='/auth'] button");
    browser.expect_heading("Enter a code");
    browser.fill("#code", &code);
    browser.click("main button");
    browser.expect_text("[role=alert]", "Each code works once");
    browser.fill("#code", &recovery.to_uppercase().replace('-', " "));
    browser.click("main button");
    browser.expect_heading("Two-factor sign-in");
    browser.expect_text("main", "Unused codes: 9.");
}
