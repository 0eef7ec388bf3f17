//! The operator's brand.

use std::path::PathBuf;

use doorward_domain::values::Role;
use doorward_web::BrandSettings;
use serde_json::json;
use tempfile::TempDir;

use super::browser::Browser;
use crate::support::TestApp;

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

async fn branded(folder: &TempDir) -> TestApp {
    let logo: PathBuf = folder.path().join("logo.svg");
    std::fs::write(&logo, LOGO).unwrap();
    TestApp::with(|options| {
        options.options.brand = BrandSettings {
            name: Some("Müller & Söhne".to_owned()),
            accent: Some("#fff3a0".parse().unwrap()),
            logo: Some(logo),
            terms_url: Some("https://example.com/terms".to_owned()),
            privacy_url: Some("https://example.com/privacy".to_owned()),
            support: Some("mailto:help@example.com".to_owned()),
            ..BrandSettings::default()
        };
    })
    .await
}

#[tokio::test]
async fn pages_have_the_brand_and_not_the_name_of_the_product() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    let mut browser = Browser::new(&app, "en");
    for path in [
        "/sign-in",
        "/sign-up",
        "/recover",
        "/docs",
        "/problems",
        "/problems/forbidden",
    ] {
        let html = browser.get(path).await.expect(200).text();
        for part in [
            "Müller &amp; Söhne</title>",
            "<img class=\"logo\" src=\"/assets/logo.svg\" alt=\"Müller &amp; Söhne\"",
            "href=\"https://example.com/privacy\"",
            "href=\"mailto:help@example.com\"",
            "href=\"/assets/brand-",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("Doorward"), "{html}");
    }
    let html = browser.get("/sign-up").await.expect(200).text();
    let terms = "By creating an account you accept the <a href=\"https://example.com/terms\">";
    assert!(html.contains(terms), "{html}");
}

/// Where a page says to contact the support, it leads there.
#[tokio::test]
async fn a_disabled_account_and_an_expired_undo_link_lead_to_the_support() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    let root = app.admin().await;
    app.create("ben", Role::User).await;
    let disabled = json!({"status": "disabled"});
    root.put("/user/ben/status", disabled).await.expect(200);
    let mut browser = Browser::new(&app, "en");
    let form = "username=ben&password=plum+cake+on+sundays";
    let page = browser.post("/sign-in", form).await.expect(403).text();
    let link = "<p><a href=\"mailto:help@example.com\">Contact support</a></p>";
    assert!(page.contains(link), "{page}");
    for kind in ["email-undo", "factor-undo"] {
        let link = format!("/{kind}/{}", "A".repeat(43));
        let page = browser.get(&link).await.expect(410).text();
        let button = "<a class=\"button\" href=\"mailto:help@example.com\">Contact support</a>";
        assert!(page.contains(button), "{page}");
    }
}

#[tokio::test]
async fn an_export_has_the_name_of_the_brand_and_the_date() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    let export = app.user("ben").await.get("/user/me/export").await;
    let name = export.expect(200);
    let name = name.header("content-disposition").unwrap().to_owned();
    // “müller-söhne-2026-11-21.json” (RFC 6266).
    let encoded = "m%C3%BCller%2Ds%C3%B6hne%2D2026%2D11%2D21%2Ejson";
    assert_eq!(name, format!("attachment; filename*=UTF-8''{encoded}"));
}

#[tokio::test]
async fn an_operator_replaces_single_texts_of_pages() {
    let folder = tempfile::tempdir().unwrap();
    let english = "sign-up-title = Join <b>Müller</b>\nsign-in-new = { $link }, please\n";
    std::fs::write(folder.path().join("en.ftl"), english).unwrap();
    let texts = folder.path().to_owned();
    let app = TestApp::with(|options| options.options.texts = Some(texts)).await;
    let mut browser = Browser::new(&app, "en");
    let page = browser.get("/sign-up").await;
    let title = "<h1>Join &lt;b&gt;Müller&lt;/b&gt;</h1>";
    browser.page(page, 200).shows(&[title]);
    let page = browser.get("/sign-in").await;
    browser.page(page, 200).shows(&["</a>, please</p>"]);
    // The other language has the built-in ones.
    let mut browser = Browser::new(&app, "de");
    let page = browser.get("/sign-up").await;
    browser.page(page, 200).shows(&["<h1>Konto anlegen</h1>"]);
}

#[tokio::test]
async fn a_script_in_a_logo_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    let logo = app.anonymous().get("/assets/logo.svg").await.expect(200);
    assert_eq!(logo.text(), LOGO);
    for (name, value) in [
        ("content-type", "image/svg+xml"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ),
        ("x-content-type-options", "nosniff"),
        // Webmail shows it in mails.
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        assert_eq!(logo.header(name), Some(value));
    }
}

/// Browsers ask for the icon by name if a page names none.
#[tokio::test]
async fn a_brand_has_its_own_icon_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    app.anonymous().get("/favicon.ico").await.expect(204);
    let file = folder.path().join("icon.svg");
    std::fs::write(&file, LOGO).unwrap();
    let app = TestApp::with(|options| options.options.brand.icon = Some(file)).await;
    let icon = app.anonymous().get("/favicon.ico").await.expect(303);
    assert_eq!(icon.header("location"), Some("/assets/brand-icon.svg"));
}

/// A pale yellow is made darker for light pages, and is kept on dark ones.
#[tokio::test]
async fn the_stylesheet_of_the_brand_has_an_accent_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let app = branded(&folder).await;
    let page = app
        .anonymous()
        .request("GET", "/sign-in")
        .html()
        .send()
        .await;
    let html = page.expect(200).text();
    let (_, rest) = html.split_once("/assets/brand-").unwrap();
    let (name, _) = rest.split_once('"').unwrap();
    let path = format!("/assets/brand-{name}");
    let css = app.anonymous().get(&path).await.expect(200);
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    let (light, dark) = css
        .text()
        .split_once("@media")
        .map(|(light, dark)| (light.to_owned(), dark.to_owned()))
        .unwrap();
    assert!(!light.contains("#fff3a0"), "{light}");
    assert!(dark.contains("--accent: #fff3a0"), "{dark}");
}
