//! The audit log in the console.

use doorward_domain::model::Role;
use serde_json::json;

use super::console_access::admin_browser;
use crate::support::TestApp;

#[tokio::test]
async fn the_log_has_the_filters_of_the_api_and_leads_to_the_users() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    let (root, ben) = (app.sign_in("root").await, app.user("ben").await);
    let id = ben.get("/user/me").await.json()["id"].clone();
    let id = id.as_str().unwrap();
    let role = json!({"role": "admin"});
    root.put("/user/ben/role", role).await.expect(200);
    app.advance_seconds(17 * 3600);
    app.anonymous()
        .post(
            "/auth",
            json!({"username": "ben", "password": "not this one"}),
        )
        .await
        .expect(401);
    let user = format!("<a href=\"/admin/users/{id}\">{id}</a>");
    for (query, shown, hidden) in [
        (
            "event=role-changed",
            "<code>role-changed</code>",
            "<code>sign-in</code>",
        ),
        (
            "user=ben&event=sign-in",
            "<span class=\"badge\">failed</span>",
            "<code>role-changed</code>",
        ),
        (
            "user=ben&until=2026-11-21",
            "<code>role-changed</code>",
            "failed</span>",
        ),
        (
            "user=ben&since=2026-11-22",
            "failed</span>",
            "<code>role-changed</code>",
        ),
        ("user=no-one", "There is no such event.", "<code>"),
    ] {
        let page = browser.get(&format!("/admin/audit?{query}")).await;
        let page = browser.page(page, 200).shows(&[shown]);
        let (_, list) = page.0.split_once("id=\"list\"").unwrap();
        assert!(!list.contains(hidden), "{query}: {list}");
        assert_eq!(list.contains(&user), query != "user=no-one", "{query}");
    }
    let page = browser.get("/admin/audit?event=role-changed").await;
    browser.page(page, 200).shows(&[
        "<option selected>role-changed</option>",
        "<bdi>admin</bdi>",
        "2026-11-21T08:00:00Z",
    ]);
    browser
        .get("/admin/audit?since=yesterday")
        .await
        .expect(422);
    browser.get("/admin/audit?event=nothing").await.expect(422);
}

#[tokio::test]
async fn older_events_are_on_the_next_page_with_the_same_filters() {
    for (language, older, newest) in [("en", "Older", "Newest"), ("de", "Ältere", "Neueste")] {
        let app = TestApp::new().await;
        let mut browser = admin_browser(&app, language).await;
        let ben = app.user("ben").await;
        for number in 0..60 {
            app.advance_seconds(1);
            let body = json!({"name": format!("Ben {number}")});
            ben.patch("/user/me", body).await.expect(200);
        }
        let path = "/admin/audit?event=profile-updated";
        let page = browser.get(path).await;
        let page = browser.page(page, 200).shows(&[&format!(">{older}</a>")]);
        assert_eq!(page.0.matches("<h3><code>profile-updated").count(), 50);
        let (_, rest) = page
            .0
            .split_once(&format!("href=\"{path}&amp;cursor="))
            .unwrap();
        let cursor = rest.split('"').next().unwrap();
        let page = browser.get(&format!("{path}&cursor={cursor}")).await;
        let page = browser.page(page, 200);
        assert_eq!(page.0.matches("<h3><code>profile-updated").count(), 10);
        assert!(
            page.0.contains(&format!("href=\"{path}\">{newest}</a>")),
            "{}",
            page.0
        );
        let next = format!("href=\"{path}&amp;cursor=");
        assert!(!page.0.contains(&next), "{}", page.0);
    }
}

#[tokio::test]
async fn an_actor_that_is_no_user_has_its_name() {
    let app = TestApp::new().await;
    let mut browser = admin_browser(&app, "en").await;
    app.create("ben", Role::User).await;
    let page = browser.get("/admin/audit?event=sign-up").await;
    browser.page(page, 200).shows(&["command-line"]);
}
