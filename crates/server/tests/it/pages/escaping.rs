//! User input is displayed and never executed.

use serde_json::json;

use super::browser::Browser;
use super::console_access::admin_browser;
use super::{Page, account_pages};
use crate::support::{PASSWORD, TestApp, path_in};

/// Names that a page must display unchanged (W-02).
pub const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "{{7*7}}{% raw %}",
    "</title><svg/onload=alert(1)>",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)//",
    "\u{200f}<!--",
];

/// Template engines differ in the escape of a quote.
fn normal(html: &str) -> String {
    html.replace("&#34;", "&quot;")
        .replace("&#39;", "&#x27;")
        .replace("&#x2f;", "/")
}

/// W-02, R-14. The inbox has a test in `documents`.
#[tokio::test]
async fn the_name_of_a_user_is_escaped_on_the_page_of_the_link_and_in_the_account_area() {
    let app = TestApp::new().await;
    for (number, name) in HOSTILE.iter().enumerate() {
        let email = format!("u{number}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        app.anonymous().post("/user", body).await.expect(201);
        let link = path_in(&app.one_mail().await);
        let shown = name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#x27;");
        for language in ["en", "de"] {
            let page = Page::get(&app.anonymous(), &link, language).await;
            let html = normal(&page.0);
            assert!(html.contains(&shown), "{html}");
        }
        let mut browser = Browser::new(&app, "en");
        browser.post(&link, "").await.expect(303);
        let form = format!("username={email}&password={}", PASSWORD.replace(' ', "+"));
        browser.post("/sign-in", &form).await.expect(303);
        let is_special = name.contains(['<', '>', '&', '"', '\'']);
        for path in account_pages() {
            let html = normal(&browser.get(path).await.expect(200).text());
            assert!(html.contains(&shown), "{path}: {html}");
            assert!(!is_special || !html.contains(name), "{path}: {html}");
        }
    }
}

/// W-02: an admin sees the names of other users.
#[tokio::test]
async fn the_name_of_a_user_is_escaped_in_the_console() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    for (number, name) in HOSTILE.iter().enumerate() {
        let username = format!("user{number}");
        let body = json!({"username": username, "password": PASSWORD, "name": name});
        app.anonymous().post("/user", body).await.expect(201);
        let page = format!("/admin/users/{username}");
        for path in [
            "/admin",
            "/admin/users",
            "/admin/users?q=user",
            &page,
            &format!("{page}/delete"),
        ] {
            let answer = browser.get(path).await;
            let html = browser.page(answer, 200).0;
            let is_special = name.contains(['<', '>', '&', '"', '\'']);
            assert!(!is_special || !html.contains(name), "{path}: {html}");
        }
    }
    for hostile in ["%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%26quot%3B"] {
        for path in ["/admin/users?q=", "/admin/audit?user="] {
            let answer = browser.get(&format!("{path}{hostile}")).await;
            browser.page(answer, 200);
        }
    }
}
