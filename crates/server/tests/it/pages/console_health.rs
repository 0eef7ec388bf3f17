//! The health of the server in the console.

use std::sync::Arc;

use doorward_domain::diagnostics::Diagnostic;

use super::console_access::admin_browser;
use crate::nodes::report;
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

#[tokio::test]
async fn the_servers_are_shown_with_their_versions_and_a_warning_about_one_that_does_not_report() {
    for (language, texts) in [
        (
            "en",
            [
                "No server has reported yet.",
                "an upgrade is under way",
                "has not reported for three minutes",
                "runs",
                "not seen",
            ],
        ),
        (
            "de",
            [
                "Noch hat sich kein Server gemeldet.",
                "Ein Upgrade ist im Gange",
                "drei Minuten oder länger nicht gemeldet",
                "läuft",
                "nicht gemeldet",
            ],
        ),
    ] {
        let [none, upgrade, missing, runs, overdue] = texts;
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/health").await;
        browser.page(page, 200).shows(&[none]);
        report(&app, "one", "0.1.0").await;
        app.advance_seconds(179);
        let page = browser.get("/admin/health").await;
        let one = |class: &str, state: &str| {
            format!("<bdi>one</bdi> <span class=\"badge {class}\">{state}</span>")
        };
        let page = browser
            .page(page, 200)
            .shows(&[&one("good", runs), "Doorward 0.1.0 ·"]);
        assert!(!page.0.contains("class=\"notice\""), "{}", page.0);
        report(&app, "two", "0.2.0").await;
        let page = browser.get("/admin/health").await;
        let page = browser
            .page(page, 200)
            .shows(&[upgrade, "Doorward 0.2.0 ·"]);
        assert!(!page.0.contains(missing), "{}", page.0);
        app.advance_seconds(1);
        let page = browser.get("/admin/health").await;
        let page = browser
            .page(page, 200)
            .shows(&[missing, &one("bad", overdue)]);
        assert!(!page.0.contains(upgrade), "{}", page.0);
    }
}
