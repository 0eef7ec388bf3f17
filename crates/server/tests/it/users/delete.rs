//! `DELETE /user/{user}`: immediate and irreversible.

use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn deleting_your_own_account_ends_sessions_and_links() {
    let app = TestApp::new().await;
    let (ben, elsewhere) = (app.user("ben").await, app.sign_in("ben").await);
    let mail = json!({"email": "new@example.org", "password": PASSWORD});
    ben.put("/user/me/email", mail).await.expect(202);
    let answer = ben.delete("/user/me").await.expect(204);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-doorward=; ") && cookie.ends_with("Max-Age=0"),
        "{cookie}"
    );
    assert!(answer.header("clear-site-data").is_some());
    for client in [&ben, &elsewhere] {
        client
            .get("/user/me")
            .await
            .expect_problem(401, "invalid-token");
    }
    app.anonymous()
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect_problem(401, "invalid-credentials");
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn an_admin_deletes_a_user_once() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let id = ben.get("/user/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = admin.delete(&format!("/user/{id}")).await.expect(204);
    assert!(answer.header("set-cookie").is_none());
    admin
        .delete(&format!("/user/{id}"))
        .await
        .expect_problem(404, "not-found");
}
