//! The first page of the console.

use doorward_domain::SignUpPolicy;
use doorward_domain::values::Role;

use super::console_access::admin_browser;
use crate::factors::enrol;
use crate::nodes::report;
use crate::support::TestApp;

#[tokio::test]
async fn an_empty_installation_says_what_comes_next() {
    for (language, words) in [
        (
            "en",
            [
                "You are the only user so far.",
                "<a href=\"/sign-up\">Sign up a first user",
                "<code>brand.name</code>",
                "<a href=\"/admin/users/new\">Invite a first user</a>",
                "<a href=\"/admin/health\">Check the installation</a>",
            ],
        ),
        (
            "de",
            [
                "Außer Ihnen hat noch niemand ein Konto.",
                "<a href=\"/sign-up\">Legen Sie",
                "<code>brand.name</code>",
                "<a href=\"/admin/users/new\">Laden Sie das erste Konto ein</a>",
                "<a href=\"/admin/health\">Prüfen Sie die Installation</a>",
            ],
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin").await;
        let page = browser.page(page, 200).shows(&words);
        // Mail is sent elsewhere than to the inbox.
        assert!(!page.0.contains("mail.url"), "{}", page.0);
        app.create("ben", Role::User).await;
        let page = browser.get("/admin").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains(words[0]), "{}", page.0);
        assert!(page.0.contains("<bdi>ben</bdi></a>"), "{}", page.0);
        // The plots lead to what they count.
        let log =
            "<a href=\"/admin/audit?event=sign-in&amp;outcome=failure&amp;since=2026-11-20\">";
        assert!(page.0.contains(log), "{}", page.0);
    }
}

#[tokio::test]
async fn an_installation_with_a_brand_and_without_sign_up_says_less() {
    let app = TestApp::with(|options| {
        options.policy.sign_up = SignUpPolicy::Invitation;
        options.options.brand.name = Some("Acme".to_owned());
    })
    .await;
    let mut browser = admin_browser(&app, "en").await;
    let page = browser.get("/admin").await;
    let page = browser
        .page(page, 200)
        .shows(&["<a href=\"/admin/users/new\">Invite a first user</a>"]);
    for missing in ["href=\"/sign-up\"", "brand.name"] {
        assert!(!page.0.contains(missing), "{missing}: {}", page.0);
    }
}

#[tokio::test]
async fn users_that_need_attention_are_listed_until_they_do_not() {
    for (language, factor, deletion, nothing) in [
        (
            "en",
            "<bdi>root</bdi> is an admin without two-factor sign-in",
            "The account of <bdi>ben</bdi> will be deleted",
            "Nothing. Everything is fine.",
        ),
        (
            "de",
            "<bdi>root</bdi> ist Admin ohne Zwei-Faktor-Anmeldung",
            "Das Konto von <bdi>ben</bdi> wird gelöscht",
            "Nichts. Alles ist in Ordnung.",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        app.create("ben", Role::User).await;
        let root = app.sign_in("root").await;
        let deleted = root.request("PUT", "/user/ben/deletion").send().await;
        deleted.expect(200);
        let page = browser.get("/admin").await;
        browser.page(page, 200).shows(&[
            factor,
            deletion,
            "<time datetime=\"2026-12-05T08:00:00Z\">",
        ]);
        root.delete("/user/ben/deletion").await.expect(200);
        enrol(&app, &root, "Phone").await;
        let page = browser.get("/admin").await;
        browser.page(page, 200).shows(&[nothing, "role=\"status\""]);
    }
}

#[tokio::test]
async fn a_server_that_does_not_report_needs_attention() {
    for (language, words) in [
        (
            "en",
            "Servers that have not reported for three minutes or more: 1",
        ),
        (
            "de",
            "Server, die sich drei Minuten oder länger nicht gemeldet haben: 1",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        report(&app, "one", "0.1.0").await;
        let page = browser.get("/admin").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains(words), "{}", page.0);
        app.advance_seconds(180);
        let page = browser.get("/admin").await;
        let link = format!("<a href=\"/admin/health\"><span>{words}");
        browser.page(page, 200).shows(&[&link]);
    }
}

#[tokio::test]
async fn the_plots_have_the_totals_and_a_table_of_them() {
    for (language, hours, days, table, highest, day) in [
        (
            "en",
            "Last 24 hours",
            "Last 30 days",
            "As a table",
            "busiest hour: 3",
            "<span>21 November</span></p>",
        ),
        (
            "de",
            "Letzte 24 Stunden",
            "Letzte 30 Tage",
            "Als Tabelle",
            "stärkste Stunde: 3",
            "<span>21. November</span></p>",
        ),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        for name in ["ben", "cleo"] {
            app.user(name).await;
        }
        app.doorward.totals.write("one").await.unwrap();
        let page = browser.get("/admin").await;
        let page = browser
            .page(page, 200)
            .shows(&[hours, table, "<strong>3</strong>", highest]);
        // The first and the last hour.
        let hour = |at: &str, time: &str| {
            format!("<span><time datetime=\"{at}\" data-time>{time} UTC</time></span>")
        };
        let (first, last) = (
            hour("2026-11-20T09:00:00Z", "09:00"),
            hour("2026-11-21T08:00:00Z", "08:00"),
        );
        assert_eq!(page.0.matches(&format!("{first} {last}</p>")).count(), 5);
        assert_eq!(
            page.0
                .matches("<svg class=\"plot\" viewBox=\"0 0 240 60\"")
                .count(),
            5
        );
        assert_eq!(page.0.matches("<th scope=\"row\">").count(), 24);
        // Sign-ups and sign-ins: the highest bar of each.
        assert_eq!(
            page.0.matches("y=\"0\" width=\"8\" height=\"60\"").count(),
            2
        );
        let page = browser.get("/admin?by=day").await;
        let page = browser.page(page, 200).shows(&[days, day]);
        assert_eq!(page.0.matches("<th scope=\"row\">").count(), 30);
        let page = browser.get("/admin?by=month").await;
        browser
            .page(page, 200)
            .shows(&[" 2025</span> <span>November 2026</span></p>"]);
        browser.get("/admin?by=week").await.expect(422);
    }
}
