//! The settings in the console.

use doorward_web::ShownSetting;

use super::console_access::admin_browser;
use crate::support::TestApp;

#[tokio::test]
async fn each_setting_has_its_value_and_origin_and_those_that_differ_from_the_default_can_be_chosen()
 {
    for (language, general, all, changed, line) in [
        (
            "en",
            "general",
            "All settings",
            "Settings that differ from their default",
            "from <code>doorward.toml</code> line 7",
        ),
        (
            "de",
            "allgemein",
            "Alle Einstellungen",
            "Einstellungen, die vom Standard abweichen",
            "aus <code>doorward.toml</code> Zeile 7",
        ),
    ] {
        let setting = |key, value: &str, origin: Option<&str>| ShownSetting {
            key,
            help: "What it is for.",
            value: value.to_owned(),
            origin: origin.map(str::to_owned),
            is_changed: origin.is_some(),
        };
        let settings = vec![
            setting(
                "listen",
                "127.0.0.1:9000",
                Some("environment DOORWARD_LISTEN"),
            ),
            setting("mail.url", "log:", Some("doorward.toml line 7")),
            setting("tls.key", "", None),
        ];
        let app = TestApp::with(|options| options.options.settings = settings).await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/admin/settings").await;
        browser.page(page, 200).shows(&[
            "<code>listen</code>",
            "<code>127.0.0.1:9000</code>",
            "<code>environment DOORWARD_LISTEN</code>",
            "<code>tls.key</code>",
            "<a href=\"#mail\">mail</a>",
            "<h3 id=\"mail\">mail</h3>",
            &format!("<h3 id=\"general\">{general}</h3>"),
            all,
            line,
            &format!("<a href=\"/admin/settings?changed=1\">{changed}</a>"),
        ]);
        let page = browser.get("/admin/settings?changed=1").await;
        let page = browser.page(page, 200).shows(&["<code>listen</code>"]);
        assert!(!page.0.contains("tls.key"), "{}", page.0);
        browser.get("/admin/settings?nope=1").await.expect(422);
    }
}
