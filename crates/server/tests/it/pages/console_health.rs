//! The health of the server in the console.

use std::sync::Arc;

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::model::Node;

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
            &format!("<h3><span lang=\"en\">database</span> <span class=\"badge good\">{passed}</span></h3>"),
            &format!("<h3><span lang=\"en\">disk</span> <span class=\"badge bad\">{warned}</span></h3>"),
            "Free some space",
            &format!("<h3><span lang=\"en\">mail</span> <span class=\"badge bad\">{failed}</span></h3>"),
            "no response",
            "Correct <code>mail.url</code>",
        ]);
        let places = ["mail", "disk", "database"];
        let places = places.map(|name| page.0.find(&format!("<h3><span lang=\"en\">{name}")));
        assert!(places.is_sorted(), "{}", page.0);
    }
}

/// After a kill, two records have the name of one machine.
#[tokio::test]
async fn the_server_that_answers_is_marked() {
    for (language, runs, this) in [
        ("en", "runs", "this server"),
        ("de", "läuft", "dieser Server"),
    ] {
        let node = |started_at: &str| Node {
            name: "one".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: started_at.parse().unwrap(),
            seen_at: started_at.parse().unwrap(),
        };
        let (killed, own) = (node("2026-11-21T07:58:00Z"), node("2026-11-21T08:00:00Z"));
        let app = TestApp::with(|options| options.node = Some(own.clone())).await;
        for node in [&killed, &own] {
            app.doorward.nodes.report(node).await.unwrap();
        }
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/health").await;
        let page = browser.page(page, 200);
        let first = format!("<span class=\"badge good\">{runs}</span></h3>");
        let second = format!(
            "<span class=\"badge good\">{runs}</span> <span class=\"badge\">{this}</span></h3>"
        );
        let places = [first, second].map(|badges| page.0.find(&badges).unwrap());
        assert!(places.is_sorted(), "{}", page.0);
        let mark = format!(">{this}</span>");
        assert_eq!(page.0.matches(&mark).count(), 1, "{}", page.0);
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
