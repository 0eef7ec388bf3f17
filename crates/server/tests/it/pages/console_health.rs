//! The signing keys and the health of the server in the console.

use std::sync::Arc;

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::{Actor, Error};

use super::console_access::admin_browser;
use crate::support::TestApp;

#[tokio::test]
async fn the_checks_of_doctor_are_shown_with_their_remedies_and_failures_come_first() {
    for (language, failed, passed) in [("en", "failed", "passed"), ("de", "Fehler", "in Ordnung")] {
        let checks = || {
            vec![
                Diagnostic::passed("database", "reachable"),
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
            &format!("<h3>mail <span class=\"badge bad\">{failed}</span></h3>"),
            "no response",
            "Correct <code>mail.url</code>",
        ]);
        assert!(
            page.0.find("<h3>mail") < page.0.find("<h3>database"),
            "{}",
            page.0
        );
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

#[tokio::test]
async fn the_newest_key_signs_and_a_replaced_one_only_verifies() -> Result<(), Error> {
    for (language, signs, verifies) in [
        ("en", "signs", "verifies only"),
        ("de", "signiert", "prüft nur"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let ctx = app.ctx(Actor::CommandLine);
        let newest = app.doorward.keys.rotate(&ctx).await.unwrap();
        let keys = app.doorward.keys.list().await?;
        assert_eq!(keys.len(), 2);
        let page = browser.get("/admin/keys").await;
        browser.page(page, 200).shows(&[
            &format!("<code>{newest}</code> <span class=\"badge good\">{signs}</span>"),
            &format!(
                "<code>{}</code> <span class=\"badge\">{verifies}</span>",
                keys[1].kid
            ),
            "<code>doorward keys rotate</code>",
        ]);
    }
    Ok(())
}
