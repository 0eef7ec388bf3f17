//! Who reaches the console at `/admin`.

use doorward_domain::values::Role;
use doorward_web::routes::table;

use super::browser::Browser;
use crate::access_table::filled;
use crate::support::TestApp;

/// The admin `root` with a browser that is signed in.
pub async fn admin_browser(app: &TestApp, language: &'static str) -> Browser {
    app.create("root", Role::Admin).await;
    let mut browser = Browser::new(app, language);
    let form = "username=root&password=plum+cake+on+sundays&return_to=%2Fadmin";
    Browser::redirected(browser.post("/sign-in", form).await, "/admin");
    browser
}

#[test]
fn the_console_is_all_that_is_below_admin() {
    let is_below = |path: &str| path == "/admin" || path.starts_with("/admin/");
    for route in table() {
        assert_eq!(route.is_console, is_below(route.path), "{route:?}");
    }
    assert!(table().filter(|route| route.is_console).count() > 20);
}

#[tokio::test]
async fn a_browser_without_a_session_signs_in_and_comes_back() {
    let app = TestApp::new().await;
    let mut browser = Browser::new(&app, "en");
    for (path, target) in [
        ("/admin", "%2Fadmin"),
        ("/admin/users?q=ben", "%2Fadmin%2Fusers%3Fq%3Dben"),
        ("/admin/audit", "%2Fadmin%2Faudit"),
    ] {
        let expected = format!("/sign-in?return_to={target}");
        Browser::redirected(browser.get(path).await, &expected);
    }
    let sent = browser.post("/admin/users/ben/delete", "").await;
    Browser::redirected(sent, "/sign-in?not-saved&return_to=%2Fadmin%2Fusers");
}

/// Z-02, Z-05: the same 403 as from the API.
#[tokio::test]
async fn a_user_who_is_no_admin_gets_403_which_is_an_audit_event() {
    for (language, words) in [
        ("en", "have access to this page"),
        ("de", "Zugriff auf diese Seite"),
    ] {
        let app = TestApp::new().await;
        let admin = app.admin().await;
        app.create("ben", Role::User).await;
        let mut browser = Browser::new(&app, language);
        let form = "username=ben&password=plum+cake+on+sundays";
        browser.post("/sign-in", form).await.expect(303);
        for path in [
            "/admin",
            "/admin/users",
            "/admin/users/root",
            "/admin/audit",
        ] {
            let answer = browser.get(path).await;
            let page = browser.page(answer, 403).shows(&["/problems/forbidden"]);
            assert!(page.0.contains(words), "{}", page.0);
        }
        let refused = browser.post("/admin/users/root/role", "role=user").await;
        refused.expect(403);
        let page = browser.get("/account").await;
        let page = browser.page(page, 200);
        assert!(!page.0.contains("href=\"/admin\""), "{}", page.0);
        let events = admin.get("/audit?event=forbidden").await.expect(200).json();
        assert_eq!(events["items"].as_array().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn the_account_page_of_an_admin_leads_to_the_console() {
    for (language, link) in [
        ("en", "<a href=\"/admin\">Open the admin console</a>"),
        ("de", "<a href=\"/admin\">Verwaltung öffnen</a>"),
    ] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let page = browser.get("/account").await;
        browser.page(page, 200).shows(&[link]);
        let page = browser.get("/admin").await;
        browser.page(page, 200).shows(&["<a href=\"/account\">"]);
    }
}

#[tokio::test]
async fn a_console_that_is_off_does_not_exist() {
    let app = TestApp::with(|options| options.options.console.enabled = false).await;
    let admin = app.admin().await;
    for route in table().filter(|route| route.is_console) {
        let (method, path) = (route.method.as_str(), filled(route.path, "root"));
        let answer = admin.request(method, &path).send().await;
        answer.expect_problem(404, "not-found");
        let anonymous = app.anonymous();
        let answer = anonymous.request(method, &path).html().send().await;
        assert!(answer.expect(404).text().contains("/problems/not-found"));
    }
    let mut browser = Browser::new(&app, "en");
    let form = "username=root&password=plum+cake+on+sundays";
    browser.post("/sign-in", form).await.expect(303);
    let page = browser.get("/account").await;
    assert!(!browser.page(page, 200).0.contains("href=\"/admin\""));
}

/// A client of no listed network gets the response of a path that does not exist.
#[tokio::test]
async fn the_console_exists_in_its_networks_only() {
    let app = TestApp::with(|options| {
        let networks = "192.0.2.0/24, 2001:db8::7";
        options.options.console.networks = networks.parse().unwrap();
        options.trusted_proxies = "127.0.0.1".parse().unwrap();
    })
    .await;
    let token = app.admin().await.token().to_owned();
    for (peer, forwarded, status) in [
        ("192.0.2.200", None, 200),
        ("2001:db8::7", None, 200),
        ("2001:db8::8", None, 404),
        ("198.51.100.7", None, 404),
        // Only a trusted proxy can name another client.
        ("198.51.100.7", Some("192.0.2.7"), 404),
        ("127.0.0.1", Some("192.0.2.7"), 200),
        ("127.0.0.1", Some("198.51.100.7"), 404),
        ("127.0.0.1", None, 404),
    ] {
        let client = app.at(peer.parse().unwrap()).with_token(&token);
        for path in [
            "/admin",
            "/admin/users",
            "/admin/users/root",
            "/admin/audit",
        ] {
            let mut request = client.request("GET", path);
            if let Some(address) = forwarded {
                request = request.header("x-forwarded-for", address);
            }
            let answer = request.send().await;
            assert_eq!(answer.status, status, "{peer} {forwarded:?} {path}");
        }
    }
}
