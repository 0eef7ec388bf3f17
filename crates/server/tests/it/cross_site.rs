//! Cross-site requests (H-10, W-03): `Sec-Fetch-Site` and `Origin`, one rule for the API and the pages.

use doorward_domain::values::Role;
use doorward_web::routes::table;
use serde_json::json;

use crate::support::{FORM, PASSWORD, PUBLIC_URL, TestApp};

const COOKIE: &str = "__Host-doorward";
const APP: &str = "https://app.example";
const SIGN_IN: &str = "username=ben&password=plum+cake+on+sundays";

/// `Sec-Fetch-Site`, `Origin`, and whether a request is accepted with the session cookie and without. An origin of
/// `cors.origins` can use no page.
type Row = (Option<&'static str>, Option<&'static str>, bool, bool);

const ROWS: &[Row] = &[
    (Some("same-origin"), None, true, true),
    (Some("same-origin"), Some("null"), true, true),
    (Some("none"), None, true, true),
    (Some("same-site"), None, false, false),
    (Some("cross-site"), None, false, false),
    (Some("cross-site"), Some(PUBLIC_URL), false, false),
    (Some("Same-Origin"), None, false, false),
    (Some(""), Some(PUBLIC_URL), false, false),
    (None, Some(PUBLIC_URL), true, true),
    (None, Some("https://ACCOUNTS.example"), true, true),
    (None, Some("http://localhost:8000"), true, true),
    (None, Some("http://localhost:8001"), false, false),
    (None, Some("https://accounts.example:8443"), false, false),
    (
        None,
        Some("https://accounts.example.evil.example"),
        false,
        false,
    ),
    (None, Some("https://evil.example"), false, false),
    (None, Some("null"), false, false),
    (None, Some(""), false, false),
    (None, None, false, true),
    // An origin of `cors.origins` cannot use the cookie.
    (Some("cross-site"), Some(APP), false, true),
    (Some("same-site"), Some(APP), false, true),
    (None, Some(APP), false, true),
];

#[tokio::test]
async fn an_unsafe_request_must_come_from_the_same_origin_or_a_program() {
    let app = TestApp::with(|options| {
        options.policy.throttle = false;
        options.options.cors_origins = APP.parse().unwrap();
    })
    .await;
    let ben = app.user("ben").await;
    let anonymous = app.anonymous();
    for &(site, origin, with_cookie, without) in ROWS {
        let request = |method: &str, path: &str, has_cookie: bool| {
            let mut draft = anonymous.request(method, path);
            if has_cookie {
                draft = draft.cookie(ben.token());
            }
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    draft = draft.header(name, value);
                }
            }
            draft
        };
        let row = format!("{site:?} {origin:?}");
        let renamed = request("PATCH", "/user/me", true).json(&json!({"name": "Ben"}));
        let renamed = renamed.send().await;
        assert_eq!(renamed.status == 200, with_cookie, "{row}");
        let body = json!({"username": "ben", "password": PASSWORD});
        let by_api = request("POST", "/auth", false).json(&body).send().await;
        assert_eq!(by_api.status == 201, without, "{row}");
        let by_form = request("POST", "/auth", false).form(SIGN_IN).send().await;
        assert_eq!(by_form.status == 201, without, "{row}");
        let by_page = request("POST", "/auth", false).html().form(SIGN_IN);
        let by_page = by_page.send().await;
        let is_own = without && origin != Some(APP);
        assert_eq!(by_page.status == 303, is_own, "{row}");
        let rejection = "/problems/cross-site-request";
        assert_eq!(by_page.text().contains(rejection), !is_own, "{row}");
        for (answer, is_accepted) in [
            (&renamed, with_cookie),
            (&by_api, without),
            (&by_form, without),
        ] {
            assert!(is_own || answer.cookies().is_empty(), "{row}");
            assert_eq!(answer.code() == "cross-site-request", !is_accepted, "{row}");
        }
        // A safe method is always accepted.
        let read = request("GET", "/user/me", true).send().await;
        read.expect(200);
    }
}

/// W-03: over the route table, a form of another site changes nothing and sets no cookie.
#[tokio::test]
async fn a_cross_site_form_changes_nothing() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    let link = app.pending("zoe").await;
    let state = async || {
        let user = ben.get("/user/me").await.expect(200).json();
        let sessions = ben.get("/user/me/session").await.expect(200).json();
        (user, sessions)
    };
    let before = state().await;
    let form = "username=ben&email=ben%40example.com&password=plum+cake+on+sundays\
                &current_password=plum+cake+on+sundays&new_password=three+boats+on+a+lake&name=Eve";
    let posts = table().filter(|route| route.method == "POST");
    for route in posts {
        let path = route.path.replace("/confirmation/{token}", &link);
        let path = path.replace("{token}", &"A".repeat(43));
        let token = ben.token();
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            for cookie in [None, Some(format!("{COOKIE}={token}"))] {
                let anonymous = app.anonymous();
                let mut draft = anonymous.request("POST", &path).html();
                draft = draft.header(name, value).body(FORM, form);
                if let Some(cookie) = &cookie {
                    draft = draft.header("cookie", cookie);
                }
                let answer = draft.send().await;
                assert_eq!(answer.status, 403, "{path} {name} {}", answer.text());
                assert!(answer.text().contains("/problems/cross-site-request"));
                assert!(answer.cookies().is_empty(), "{path} {name}");
            }
        }
    }
    assert_eq!(state().await, before);
    app.anonymous().get(&link).await.expect(200);
    app.allow_unread_mail();
}

/// W-03: over the route table, a page of a listed origin can submit no form of Doorward's pages and set no cookie.
#[tokio::test]
async fn a_listed_origin_cannot_use_the_forms_of_pages() {
    let app = TestApp::with(|options| options.options.cors_origins = APP.parse().unwrap()).await;
    app.create("ben", Role::User).await;
    let link = app.pending("zoe").await;
    for route in table().filter(|route| route.method == "POST") {
        let path = route.path.replace("/confirmation/{token}", &link);
        let path = path.replace("{token}", &"A".repeat(43));
        for site in [Some("cross-site"), Some("same-site"), None] {
            let anonymous = app.anonymous();
            let mut draft = anonymous.request("POST", &path).html().form(SIGN_IN);
            draft = draft.header("origin", APP);
            if let Some(site) = site {
                draft = draft.header("sec-fetch-site", site);
            }
            let answer = draft.send().await;
            assert_eq!(answer.status, 403, "{path} {site:?} {}", answer.text());
            assert!(answer.text().contains("/problems/cross-site-request"));
            assert!(answer.cookies().is_empty(), "{path} {site:?}");
        }
    }
    app.anonymous().get(&link).await.expect(200);
    app.allow_unread_mail();
}

/// A form that a program posts without a cookie needs none of the browsers' headers.
#[tokio::test]
async fn a_program_can_post_a_form_without_browser_headers() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let anonymous = app.anonymous();
    anonymous
        .request("POST", "/auth")
        .form(SIGN_IN)
        .send()
        .await
        .expect(201);
    let device = "__Host-doorward-device=abc; other=x";
    let with_other_cookies = anonymous.request("POST", "/auth").header("cookie", device);
    with_other_cookies.form(SIGN_IN).send().await.expect(201);
}
