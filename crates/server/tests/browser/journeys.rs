//! Whole journeys with JavaScript disabled: every page works without it.

use crate::browser::{Browser, Setup};
use crate::pages::{code_of, recovery_code};

const WITHOUT_SCRIPT: Setup = Setup {
    language: "en",
    script: false,
};

#[track_caller]
fn sign_up(browser: &Browser, email: &str, password: &str) {
    browser.go("/sign-up");
    browser.fill("#email", email);
    browser.fill("#password", password);
    browser.click("form[action='/sign-up'] button");
    browser.expect_heading("Check your email");
}

/// Submits the form of the sign-in page.
#[track_caller]
fn enter(browser: &Browser, name: &str, password: &str) {
    browser.fill("#username", name);
    browser.fill("#password", password);
    browser.click("form[action='/sign-in'] button");
}

#[track_caller]
fn sign_up_with_username(browser: &Browser, name: &str) {
    browser.click("a[href^='/sign-up']");
    browser.click("a[href^='/sign-up?with=username']");
    browser.fill("#username", name);
    browser.fill("#password", "three boats on a lake");
    browser.click("form[action='/sign-up'] button");
    browser.expect_text("[role=status]", "Your account is ready.");
}

#[track_caller]
fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.go("/sign-in");
    enter(browser, name, password);
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
    enter(&browser, "Ben@example.com", "three goats on a lake");
    browser.expect_text("[role=alert]", "Wrong email, username or password");
    assert_eq!(
        (browser.value("#username"), browser.value("#password")),
        ("Ben@example.com".to_owned(), String::new())
    );
    browser.fill("#password", "three boats on a lake");
    browser.click("form[action='/sign-in'] button");
    browser.expect_heading("Hello, ben@example.com");

    browser.click("dd a[href='/account/password']");
    browser.fill("#current_password", "three goats on a lake");
    browser.fill("#new_password", "four boats on a lake");
    browser.click("main button");
    browser.expect_text("[role=alert]", "The current password is wrong.");
    browser.fill("#current_password", "three boats on a lake");
    browser.fill("#new_password", "four boats on a lake");
    browser.click("main button");
    browser.expect_text("[role=status]", "Your password is changed.");

    browser.sign_out();
    browser.expect_text("[role=status]", "You are signed out.");
    sign_in(&browser, "ben@example.com", "three boats on a lake");
    browser.expect_text("[role=alert]", "Wrong email, username or password");
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
    sign_up_with_username(&browser, "ben");
    enter(&browser, "ben", "three boats on a lake");
    browser.expect_heading("Hello, ben");
    browser.sign_out();
    browser.expect_text("[role=status]", "You are signed out.");
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
    browser.expect_text("[role=alert]", "Wrong email, username or password");
}

#[test]
fn a_lost_password_is_replaced_by_an_acceptable_one() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    sign_up(&browser, "ben@example.com", "three boats on a lake");
    browser.await_mail(1);
    browser.click("article a.button");
    browser.click("main button");

    browser.go("/");
    browser.click("a[href='/recover']");
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
    let submit = "form[action='/sign-up'] button";
    browser.go("/sign-up?with=username");
    browser.fill("#username", "admin");
    browser.fill("#name", "Zoe");
    browser.fill("#password", "three boats on a lake");
    browser.click(submit);
    browser.expect_text("#username-fault", "taken");
    let title = browser.run("return document.title");
    assert_eq!(title, "Error: Create your account · Doorward");
    let values = ["#username", "#name", "#password"].map(|field| browser.value(field));
    assert_eq!(values, ["admin", "Zoe", ""]);
    browser.fill("#username", "<b>\"zoe'&amp;");
    browser.fill("#password", "password123");
    browser.click(submit);
    assert_eq!(browser.value("#username"), "<b>\"zoe'&amp;");
    browser.expect_text("#password-fault", "too common");
    // The errors above the form lead to its fields.
    let link = browser.attribute("[role=alert] a:last-of-type", "href");
    assert!(link.ends_with("#username"), "{link}");
    browser.fill("#username", "zoe");
    browser.fill("#password", "three boats on a lake");
    browser.click(submit);
    browser.expect_text("[role=status]", "Your account is ready.");
    enter(&browser, "ZOE", "three boats on a lake");
    browser.expect_heading("Hello, Zoe");
}

/// A required second factor is added at the first sign-in; then the sign-in has two steps, and returns to the page that
/// asked for it.
#[test]
fn a_second_factor_is_added_and_used_without_scripts() {
    let required = [("DOORWARD_FACTORS__REQUIRED", "everyone")];
    let browser = Browser::open_at(WITHOUT_SCRIPT, &required);
    browser.go("/");
    sign_up_with_username(&browser, "zoe");
    enter(&browser, "zoe", "three boats on a lake");
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
    browser.sign_out();

    browser.go("/auth?return_to=/account/factors");
    enter(&browser, "zoe", "three boats on a lake");
    browser.expect_heading("Enter a code");
    browser.fill("#code", &code);
    browser.click("main button");
    browser.expect_text("[role=alert]", "Each code works once");
    browser.fill("#code", &recovery.to_uppercase().replace('-', " "));
    browser.click("main button");
    browser.expect_heading("Two-factor sign-in");
    browser.expect_text("main", "Unused codes: 9.");
}

#[test]
fn a_user_deletes_the_account_and_keeps_it_by_signing_in() {
    let browser = Browser::open(WITHOUT_SCRIPT);
    let password = "three boats on a lake";
    browser.go("/sign-in");
    sign_up_with_username(&browser, "ben");
    enter(&browser, "ben", password);
    browser.click("nav a[href='/account/delete']");
    browser.expect_heading("Delete your account");
    browser.fill("#password", password);
    browser.click("form[action='/account/delete'] button");
    browser.expect_text("[role=status]", "Your account will be deleted on");
    browser.go("/account");
    browser.expect_heading("Sign in");
    enter(&browser, "ben", password);
    browser.expect_heading("Your account will be deleted");
    browser.fill("#password", password);
    browser.click("form[action='/sign-in/keep-account'] button");
    browser.expect_text("[role=status]", "Your account is not deleted.");
    enter(&browser, "ben", password);
    browser.expect_heading("Hello, ben");
}
