//! Second factors on pages, without JavaScript: sign-in in two steps, `/account/factors`, and the required enrolment.

use doorward_domain::FactorsRequired;
use doorward_domain::values::Role;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Page;
use super::browser::Browser;
use crate::factors::{code, enrol};
use crate::support::{OTHER_PASSWORD, PASSWORD, StoreMode, TestApp};

const CHALLENGE: &str = "__Host-doorward-challenge";
const SESSION: &str = "__Host-doorward";
const SIGN_IN: &str = "username=ben&password=plum+cake+on+sundays";

/// The authenticator app of a page: the action of its form, and an enrolment for [`code`].
fn scanned(page: &Page) -> (String, Value) {
    let part = |from: &str| {
        let (_, main) = page.0.split_once("<main").unwrap();
        let (_, rest) = main.split_once(from).unwrap();
        rest.split('"').next().unwrap().replace("&amp;", "&")
    };
    // A page in another language would not have the secret.
    assert!(!page.0.contains("/account/language"), "{}", page.0);
    let uri = format!("otpauth://{}", part("href=\"otpauth://"));
    let action = part("<form method=\"post\" action=\"");
    (action, json!({"uri": uri}))
}

/// Recovery codes on a page.
fn codes_on(page: &Page) -> Vec<String> {
    assert!(!page.0.contains("/account/language"), "{}", page.0);
    let codes = page.0.split("<li><code>").skip(1);
    let codes = codes.map(|rest| rest.split('<').next().unwrap().to_owned());
    codes.collect()
}

#[tokio::test]
async fn a_form_sign_in_continues_on_the_page_for_the_code() {
    for (language, title, wrong, expired) in [
        (
            "en",
            "Enter a code",
            "Wrong code",
            "Your sign-in has expired",
        ),
        (
            "de",
            "Code eingeben",
            "Der Code ist falsch",
            "Ihre Anmeldung ist abgelaufen",
        ),
    ] {
        let app = TestApp::new().await;
        let ben = app.user("ben").await;
        let (enrolment, codes) = enrol(&app, &ben, "Phone").await;
        let mut browser = Browser::new(&app, language);
        let form = format!("{SIGN_IN}&return_to=%2Freports%3Fa%3D1");
        let next = "/sign-in/factor?return_to=%2Freports%3Fa%3D1";
        let answer = browser.post("/auth", &form).await;
        let cookies = answer.cookies().join("\n");
        assert!(cookies.starts_with(CHALLENGE) && cookies.ends_with("Max-Age=300"));
        assert_eq!(answer.cookies().len(), 1, "{cookies}");
        Browser::redirected(answer, next);
        // The challenge is no session.
        browser.get("/user/me").await.expect(401);
        let page = browser.get(next).await;
        let hidden = "name=\"return_to\" value=\"/reports?a=1\"";
        browser
            .page(page, 200)
            .shows(&[title, hidden, "autocomplete=\"one-time-code\""]);
        let form = "return_to=%2Freports%3Fa%3D1&code=000000";
        let page = browser.post("/sign-in/factor", form).await;
        browser.page(page, 401).shows(&[title, wrong, hidden]);
        let page = browser.post("/sign-in/factor", "code=").await;
        browser.page(page, 422).shows(&["aria-invalid=\"true\""]);
        app.advance_seconds(10);
        let form = format!(
            "return_to=%2Freports%3Fa%3D1&code={}",
            code(&app, &enrolment)
        );
        let answer = browser.post("/sign-in/factor", &form).await;
        Browser::redirected(answer, "/reports?a=1");
        assert!(!browser.cookies.contains_key(CHALLENGE));
        let first = browser.cookies[SESSION].clone();
        let user = app.anonymous().with_token(&first).get("/auth").await;
        assert_eq!(user.expect(200).json()["user"]["username"], "ben");
        // Signed in: the page of the code has nothing to ask.
        Browser::redirected(browser.get("/sign-in/factor").await, "/account");

        // A recovery code in the same field; the replaced session ends.
        Browser::redirected(browser.post("/auth", SIGN_IN).await, "/sign-in/factor");
        let form = format!("code={}", codes[0].to_uppercase());
        Browser::redirected(browser.post("/sign-in/factor", &form).await, "/account");
        app.anonymous()
            .with_token(&first)
            .get("/auth")
            .await
            .expect(401);

        // Too late.
        browser.post("/auth", SIGN_IN).await.expect(303);
        app.advance_seconds(301);
        let page = browser.post("/sign-in/factor", &form).await;
        let sign_in = "<form method=\"post\" action=\"/sign-in\">";
        browser.page(page, 410).shows(&[expired, sign_in]);
        assert!(!browser.cookies.contains_key(CHALLENGE));
        let mut other = Browser::new(&app, language);
        let page = other.get("/sign-in/factor?return_to=/reports").await;
        other
            .page(page, 410)
            .shows(&[expired, "name=\"return_to\" value=\"/reports\""]);
    }
}

#[tokio::test]
async fn a_lockout_by_wrong_codes_is_explained_on_the_page() {
    let app = TestApp::with(|options| options.policy.limits.lockout_after = 2).await;
    let ben = app.user("ben").await;
    let (_, codes) = enrol(&app, &ben, "Phone").await;
    let mut browser = Browser::new(&app, "en");
    browser.post("/auth", SIGN_IN).await.expect(303);
    for status in [401, 401] {
        let answer = browser.post("/sign-in/factor", "code=000000").await;
        answer.expect(status);
        app.advance_seconds(20);
    }
    let page = browser.post("/sign-in/factor", "code=000000").await;
    browser.page(page, 429).shows(&["Use a recovery code"]);
    let form = format!("code={}", codes[0]);
    Browser::redirected(browser.post("/sign-in/factor", &form).await, "/account");
}

#[tokio::test]
async fn a_user_adds_and_removes_authenticators_on_pages() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    app.allow_unread_mail();
    let mut browser = Browser::new(&app, "en");
    Browser::redirected(browser.get("/auth/factors").await, "/account/factors");
    let signed_out = browser.get("/account/factors").await;
    Browser::redirected(signed_out, "/sign-in?return_to=%2Faccount%2Ffactors");
    Browser::redirected(browser.post("/auth", SIGN_IN).await, "/account");
    let account = browser.get("/account").await;
    browser
        .page(account, 200)
        .shows(&["href=\"/account/factors\""]);
    let page = browser.get("/account/factors").await;
    let page = browser.page(page, 200);
    assert!(!page.0.contains("/remove") && !page.0.contains("/account/factors/recovery-codes"));

    let long = format!("name={}", "x".repeat(65));
    let page = browser.post("/account/factors", &long).await;
    let page = browser.page(page, 422);
    page.shows(&["at most 64 characters", "aria-invalid=\"true\"", "xxx"]);
    let page = browser
        .post("/account/factors", "name=My+%3Cb%3Ephone")
        .await;
    let (action, phone) = scanned(&browser.page(page, 200));
    assert!(action.starts_with("/account/factors/"));
    // The form sends the URI back, and the page has the same QR code and key again.
    let uri = phone["uri"].as_str().unwrap();
    let encoded = utf8_percent_encode(uri, NON_ALPHANUMERIC);
    let page = browser
        .post(&action, &format!("code=000000&uri={encoded}"))
        .await;
    let page = browser.page(page, 401);
    let page = page.shows(&["<a href=\"#code\">Wrong code", &action, "class=\"qr\""]);
    let (_, again) = scanned(&page);
    assert_eq!(again, phone);
    // Without it, or with other text, the page offers a new start.
    for uri in ["", "https://evil.example/?secret=x"] {
        app.advance_seconds(30);
        let form = format!("code=000000&uri={uri}");
        let page = browser.post(&action, &form).await;
        let page = browser.page(page, 401).shows(&["start again"]);
        assert!(!page.0.contains("class=\"qr\"") && !page.0.contains("evil"));
    }
    let form = format!("code={}", code(&app, &phone));
    let page = browser.post(&action, &form).await;
    let page = browser
        .page(page, 200)
        .shows(&["href=\"/account/factors\""]);
    let codes = codes_on(&page);
    assert_eq!(codes.len(), 10);
    let file = format!("data:text/plain;charset=utf-8,{}%0A", codes.join("%0A"));
    page.shows(&[
        &format!("href=\"{file}\""),
        "download=\"doorward-recovery-codes.txt\"",
    ]);
    let page = browser.get("/account/factors").await;
    browser.page(page, 200).shows(&[
        "My &lt;b&gt;phone",
        "<time datetime=\"2026-11-21T",
        "Unused recovery codes: 10.",
        &format!("{action}/remove"),
    ]);

    // The session was opened without a second factor, so every change needs one.
    let page = browser.post("/account/factors", "name=Tablet").await;
    browser.page(page, 401).shows(&[
        "Confirm that it&#39;s you",
        "<form method=\"post\" action=\"/account/factors\">",
        "name=\"name\" value=\"Tablet\"",
        "name=\"password\"",
        "name=\"code\"",
    ]);
    app.advance_seconds(30);
    let wrong = "name=Tablet&password=two+boats&code=000000";
    let page = browser.post("/account/factors", wrong).await;
    browser.page(page, 401).shows(&[
        "<a href=\"#password\">Wrong password.</a>",
        "aria-invalid=\"true\"",
    ]);
    app.advance_seconds(30);
    let proof = format!("password=plum+cake+on+sundays&code={}", code(&app, &phone));
    let page = browser
        .post("/account/factors", &format!("name=Tablet&{proof}"))
        .await;
    let (second, tablet) = scanned(&browser.page(page, 200));
    let form = format!("code={}", code(&app, &tablet));
    let done = browser.post(&second, &form).await;
    Browser::redirected(done, "/account/factors?added");
    let page = browser.get("/account/factors?added").await;
    browser
        .page(page, 200)
        .shows(&["app is added.", "role=\"status\""]);

    // The proof counts for five minutes. A used code is refused.
    app.advance_seconds(301);
    let page = browser
        .post("/account/factors/recovery-codes", &proof)
        .await;
    let page = browser
        .page(page, 401)
        .shows(&["<a href=\"#code\">Wrong code"]);
    let (_, version) = page.0.split_once("name=\"codes\" value=\"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    let proof = format!(
        "password=plum+cake+on+sundays&code={}&codes={version}",
        codes[0]
    );
    let page = browser
        .post("/account/factors/recovery-codes", &proof)
        .await;
    let renewed = codes_on(&browser.page(page, 200));
    assert!(renewed.len() == 10 && renewed[0] != codes[0]);
    // A reload of this page sends the form again, and renews nothing.
    let again = browser
        .post("/account/factors/recovery-codes", &proof)
        .await;
    Browser::redirected(again, "/account/factors");

    app.advance_seconds(301);
    let remove = format!("{action}/remove");
    let page = browser.post(&remove, "").await;
    let page = browser.page(page, 401).shows(&[&remove, "name=\"code\""]);
    let button = "<button class=\"danger\">Remove <bdi>My &lt;b&gt;phone</bdi></button>";
    let page = page.shows(&[button, "signed out on your other devices"]);
    let last = "your only authenticator app";
    assert!(!page.0.contains(last), "{}", page.0);
    let proof = format!("password=plum+cake+on+sundays&code={}", renewed[0]);
    let done = browser.post(&remove, &proof).await;
    Browser::redirected(done, "/account/factors?removed");
    let remove = format!("{second}/remove");
    let page = browser.get(&remove).await;
    let page = browser.page(page, 200);
    let page = page.shows(&[last, "Remove <bdi>Tablet"]);
    assert!(!page.0.contains("name=\"code\""), "{}", page.0);
    let done = browser.post(&remove, "").await;
    Browser::redirected(done, "/account/factors?removed");
    let page = browser.get("/account/factors?removed").await;
    let page = browser.page(page, 200).shows(&["app is removed."]);
    assert!(!page.0.contains("/remove\""));
}

/// Also right after a sign-in, in which no proof is needed.
#[tokio::test]
async fn a_removal_and_new_recovery_codes_are_confirmed_on_a_page_of_their_own() {
    for (language, last, voids) in [
        (
            "en",
            "This is your only authenticator app.",
            "The old ones will no longer work.",
        ),
        (
            "de",
            "Das ist Ihre einzige Authenticator-App.",
            "Die alten gelten dann nicht mehr.",
        ),
    ] {
        let app = TestApp::new().await;
        let ben = app.user("ben").await;
        let (_, codes) = enrol(&app, &ben, "Phone").await;
        let mut browser = Browser::new(&app, language);
        browser.post("/auth", SIGN_IN).await.expect(303);
        let form = format!("code={}", codes[0]);
        browser.post("/sign-in/factor", &form).await.expect(303);
        let page = browser.get("/account/factors").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains("action=\"/account/factors/"), "{}", page.0);
        let renew = "/account/factors/recovery-codes";
        let (_, remove) = page.0.split_once("href=\"/account/factors/").unwrap();
        let remove = format!("/account/factors/{}", remove.split('"').next().unwrap());
        assert!(remove.ends_with("/remove"), "{remove}");
        for (path, text) in [(renew, voids), (&remove, last)] {
            let shown = browser.get(path).await;
            let shown = browser.page(shown, 200);
            let form = format!("<form method=\"post\" action=\"{path}\">");
            let shown = shown.shows(&[text, &form]);
            assert!(!shown.0.contains("name=\"password\""), "{}", shown.0);
        }
        // The proof is no longer recent.
        app.advance_seconds(301);
        for path in [renew, &remove] {
            let shown = browser.get(path).await;
            let fields = ["name=\"password\"", "name=\"code\""];
            browser.page(shown, 200).shows(&fields);
        }
        let none = "/account/factors/00000000-0000-7000-8000-000000000000/remove";
        Browser::redirected(browser.get(none).await, "/account/factors");
        app.allow_unread_mail();
    }
}

#[tokio::test]
async fn an_account_with_ten_authenticator_apps_has_no_form_for_another_one() {
    let app = TestApp::with(|options| {
        options.policy.throttle = false;
        options.policy.reauthenticate_after = jiff::SignedDuration::ZERO;
    })
    .await;
    let ben = app.user("ben").await;
    let (_, codes) = enrol(&app, &ben, "App 1").await;
    let mut browser = Browser::new(&app, "en");
    browser.post("/auth", SIGN_IN).await.expect(303);
    let form = format!("code={}", codes[0]);
    Browser::redirected(browser.post("/sign-in/factor", &form).await, "/account");
    let ben = app.anonymous().with_token(&browser.cookies[SESSION]);
    let (add, most) = (
        "<form method=\"post\" action=\"/account/factors\">",
        "at most 10 authenticator apps",
    );
    for number in 2..=10 {
        let page = browser.get("/account/factors").await;
        let page = browser.page(page, 200).shows(&[add]);
        assert!(!page.0.contains(most));
        enrol(&app, &ben, &format!("App {number}")).await;
    }
    let page = browser.get("/account/factors").await;
    let page = browser.page(page, 200).shows(&["App 10", most]);
    assert!(!page.0.contains(add) && !page.0.contains("role=\"alert\""));
    // A page from before.
    let page = browser.post("/account/factors", "name=App+11").await;
    let page = browser.page(page, 422);
    let page = page.shows(&["App 10", most, "role=\"alert\""]);
    assert!(!page.0.contains("name=\"password\""));

    // The proof is asked for again only if it was wrong.
    for (form, asks) in [("password=plum&code=%3F", true), ("nope=1", false)] {
        let page = browser.post("/account/factors/recovery-codes", form).await;
        let page = browser.page(page, 422);
        assert_eq!(page.0.contains("name=\"password\""), asks, "{form}");
    }
}

#[tokio::test]
async fn the_password_page_asks_for_a_code() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let mut browser = Browser::new(&app, "en");
    Browser::redirected(browser.post("/auth", SIGN_IN).await, "/account");
    let page = browser.get("/account/password").await;
    assert!(!browser.page(page, 200).0.contains("name=\"code\""));
    // An account without a factor ignores a code, so the field is there if in doubt.
    app.set_store_mode(StoreMode::CredentialsDown);
    let page = browser.get("/account/password").await;
    browser.page(page, 200).shows(&["name=\"code\""]);
    app.set_store_mode(StoreMode::Fine);
    let (_, codes) = enrol(&app, &ben, "Phone").await;
    let page = browser.get("/account/password").await;
    browser.page(page, 200).shows(&["name=\"code\""]);
    let change = "current_password=plum+cake+on+sundays&new_password=two+boats+and+a+lamp";
    let page = browser.post("/account/password", change).await;
    browser
        .page(page, 401)
        .shows(&["<a href=\"#code\">Enter a code.</a>"]);
    let with_code = format!("{change}&code={}", codes[0]);
    let answer = browser.post("/account/password", &with_code).await;
    Browser::redirected(answer, "/account/password?changed");
    let body = json!({"username": "ben", "password": OTHER_PASSWORD});
    let next = app.anonymous().post("/auth", body).await.expect(200);
    assert_eq!(next.json()["next"], "factor");
}

#[tokio::test]
async fn a_required_factor_is_set_up_on_pages_before_there_is_a_session() {
    for (language, title) in [
        ("en", "Set up two-factor sign-in"),
        ("de", "Zwei-Faktor-Anmeldung einrichten"),
    ] {
        let required = FactorsRequired::Everyone;
        let app = TestApp::with(|options| options.policy.factors_required = required).await;
        app.create("ben", Role::User).await;
        app.allow_unread_mail();
        let mut browser = Browser::new(&app, language);
        let form = format!("{SIGN_IN}&return_to=%2Freports");
        let next = "/sign-in/enrol?return_to=%2Freports";
        Browser::redirected(browser.post("/auth", &form).await, next);
        assert!(!browser.cookies.contains_key(SESSION));
        for path in ["/user/me", "/user/me/factor", "/user/me/session"] {
            browser.get(path).await.expect(401);
        }
        let page = browser.get(next).await;
        let hidden = "name=\"return_to\" value=\"/reports\"";
        let other = "<a href=\"/sign-in?return_to=%2Freports\">";
        browser.page(page, 200).shows(&[title, hidden, other]);
        let page = browser.post("/sign-in/enrol", "return_to=%2Freports").await;
        let page = browser.page(page, 200).shows(&[hidden]);
        let (action, enrolment) = scanned(&page);
        let page = browser
            .post(&action, "return_to=%2Freports&code=000000")
            .await;
        browser
            .page(page, 401)
            .shows(&[hidden, "/sign-in/enrol?return_to="]);
        let form = format!("return_to=%2Freports&code={}", code(&app, &enrolment));
        let page = browser.post(&action, &form).await;
        let page = browser.page(page, 200).shows(&["href=\"/reports\""]);
        assert_eq!(codes_on(&page).len(), 10);
        assert!(!browser.cookies.contains_key(CHALLENGE));
        let session = app.anonymous().with_token(&browser.cookies[SESSION]);
        session.get("/auth").await.expect(200);

        let mut other = Browser::new(&app, language);
        for path in ["/sign-in/enrol", &action] {
            let page = other.post(path, "code=123456").await;
            other.page(page, if path == "/sign-in/enrol" { 422 } else { 410 });
        }
        let page = other.get("/sign-in/enrol").await;
        other
            .page(page, 410)
            .shows(&["<form method=\"post\" action=\"/sign-in\">"]);
    }
}

/// The page of a challenge accepts no request of another site, and a challenge in a cookie opens nothing else.
#[tokio::test]
async fn a_challenge_in_a_cookie_is_for_our_own_pages() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let (enrolment, _) = enrol(&app, &ben, "Phone").await;
    let client = app.anonymous();
    let body = json!({"username": "ben", "password": PASSWORD});
    let next = client.post("/auth", body).await.expect(200).json();
    let cookie = format!("{CHALLENGE}={}", next["challenge"].as_str().unwrap());
    let form = format!("code={}", code(&app, &enrolment));
    for (name, value) in [("sec-fetch-site", "cross-site"), ("x-none", "")] {
        let draft = client.request("POST", "/sign-in/factor").html();
        let draft = draft.header(name, value).header("cookie", &cookie);
        let answer = draft.form(&form).send().await.expect(403);
        assert!(answer.cookies().is_empty());
    }
}
