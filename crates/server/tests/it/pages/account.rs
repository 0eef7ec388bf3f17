//! `/account`.

use doorward_domain::model::Role;
use serde_json::json;

use super::browser::Browser;
use crate::support::TestApp;

#[tokio::test]
async fn the_account_page_has_names_and_devices_but_not_the_data_of_applications() {
    let app = TestApp::new().await;
    app.create("ben", Role::User).await;
    let ben = app.sign_in("ben").await;
    let profile = json!({"name": "Ben B.", "data": {"colour": "ultramarine"}});
    ben.put("/user/me", profile).await.expect(200);
    let mut browser = Browser::new(&app, "en");
    let signed_out = browser.get("/account").await;
    Browser::redirected(signed_out, "/sign-in?return_to=%2Faccount");
    let form = "username=ben&password=plum+cake+on+sundays&return_to=%2Faccount";
    Browser::redirected(browser.post("/sign-in", form).await, "/account");
    let page = browser.get("/account").await;
    let page = browser.page(page, 200).shows(&[
        "Hello, Ben B.",
        "ben@example.com",
        "href=\"/password\"",
        "href=\"/auth/factors\"",
        "action=\"/auth/sign-out\"",
    ]);
    assert!(!page.0.contains("ultramarine"));
    // Two sessions, and this one first.
    assert_eq!(page.0.matches("Last active").count(), 2, "{}", page.0);
    let (_, devices) = page.0.split_once("id=\"devices\"").unwrap();
    let (first, _) = devices.split_once("</li>").unwrap();
    assert!(first.contains("This device"), "{devices}");
    assert_eq!(devices.matches("This device").count(), 1);
}
