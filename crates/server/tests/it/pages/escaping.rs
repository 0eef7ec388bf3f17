//! User input is displayed and never executed.

use serde_json::json;

use super::Page;
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

/// W-02, R-14.
#[tokio::test]
async fn user_input_is_escaped_on_every_page() {
    let app = TestApp::new().await;
    for (number, name) in HOSTILE.iter().enumerate() {
        let email = format!("u{number}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        app.anonymous().post("/user", body).await.expect(201);
        let link = path_in(&app.one_mail().await);
        let shown = [name
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#x27;")];
        for language in ["en", "de"] {
            let page = Page::get(&app.anonymous(), &link, language).await;
            // Template engines differ in the escape of a quote.
            let html = page
                .0
                .replace("&#34;", "&quot;")
                .replace("&#39;", "&#x27;")
                .replace("&#x2f;", "/");
            assert!(html.contains(&shown[0]), "{html}");
        }
        Page::post(&app.anonymous(), &link, "", "en").await;
        let token = app
            .anonymous()
            .post("/auth", json!({"email": email, "password": PASSWORD}))
            .await
            .expect(201)
            .json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        Page::of(
            &app.anonymous()
                .request("GET", "/account")
                .cookie(&token)
                .html()
                .send()
                .await,
            "en",
        );
    }
}
