//! The health of the server in the console.

use std::sync::Arc;

use doorward_domain::diagnostics::Diagnostic;

use super::console_access::admin_browser;
use crate::support::TestApp;

#[tokio::test]
async fn the_checks_of_doctor_are_shown_with_their_remedies_and_failures_come_first() {
    for (language, failed, warned, passed) in [
        ("en", "failed", "warning", "passed"),
        ("de", "Fehler", "Warnung", "in Ordnung"),
    ] {
        let checks = || {
            vec![
                Diagnostic::passed("database", "reachable"),
                Diagnostic::warning("disk", "almost full", "Free some space"),
                Diagnostic::failed("mail", "no response", "Correct `mail.url`"),
            ]
        };
        let app = TestApp::with(|options| {
            options.diagnose = Some(Arc::new(move || Box::pin(async move { checks() })));
        })
        .await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/health").await;
        let page = browser.page(page, 200).shows(&[
            env!("CARGO_PKG_VERSION"),
            &format!("<h3>database <span class=\"badge good\">{passed}</span></h3>"),
            &format!("<h3>disk <span class=\"badge bad\">{warned}</span></h3>"),
            "Free some space",
            &format!("<h3>mail <span class=\"badge bad\">{failed}</span></h3>"),
            "no response",
            "Correct <code>mail.url</code>",
        ]);
        let places = ["mail", "disk", "database"];
        let places = places.map(|name| page.0.find(&format!("<h3>{name}")));
        assert!(places.is_sorted(), "{}", page.0);
    }
}

#[tokio::test]
async fn a_server_that_cannot_check_itself_says_how_to() {
    for (language, words) in [
        ("en", "Run <code>doorward doctor</code>"),
        ("de", "<code>doorward doctor</code> aus"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/health").await;
        browser.page(page, 200).shows(&[words]);
    }
}
