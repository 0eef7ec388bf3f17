//! `DELETE /user/{user}`: immediate and irreversible.

use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, path_in};

#[tokio::test]
async fn deleting_oneself_ends_everything_that_hung_on_it() {
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
    app.anon()
        .post("/auth", json!({"username": "ben", "password": PASSWORD}))
        .await
        .expect_problem(401, "invalid-credentials");
    assert!(app.mails().await.is_empty());
}

/// no identifier of the deleted user gives access to the next user with that name.
#[tokio::test]
async fn the_next_user_with_the_same_name_is_another_one() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    let id = ben.get("/user/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    app.anon()
        .post("/recovery", json!({"email": "ben@example.com"}))
        .await
        .expect(202);
    let link = path_in(&app.one_mail().await);
    let answer = admin.delete("/user/ben").await.expect(204);
    assert!(answer.header("set-cookie").is_none());
    let confirmation = app.unconfirmed("ben").await;
    app.anon()
        .request("POST", &confirmation)
        .send()
        .await
        .expect(200);
    ben.get("/user/me")
        .await
        .expect_problem(401, "invalid-token");
    app.anon()
        .post(&link, json!({"new_password": OTHER_PASSWORD}))
        .await
        .expect_problem(410, "link-expired");
    admin
        .get(&format!("/user/{id}"))
        .await
        .expect_problem(404, "not-found");
    assert_ne!(
        admin.get("/user/ben").await.expect(200).json()["id"],
        id.as_str()
    );
}

#[tokio::test]
async fn an_outdated_if_match_deletes_no_user() {
    let app = TestApp::new().await;
    let ben = app.user("ben").await;
    ben.patch("/user/me", json!({"name": "Ben"}))
        .await
        .expect(200);
    let stale = ben
        .request("DELETE", "/user/me")
        .header("if-match", "\"1\"")
        .send()
        .await;
    stale.expect_problem(412, "precondition-failed");
    ben.request("DELETE", "/user/me")
        .header("if-match", "\"2\"")
        .send()
        .await
        .expect(204);
}

#[tokio::test]
async fn another_may_not_and_an_admin_learns_who_is_not_there() {
    let app = TestApp::new().await;
    let (admin, ben) = (app.admin().await, app.user("ben").await);
    for named in ["root", "nobody"] {
        ben.delete(&format!("/user/{named}"))
            .await
            .expect_problem(403, "forbidden");
    }
    admin
        .delete("/user/nobody")
        .await
        .expect_problem(404, "not-found");
    let id = ben.get("/user/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    admin.delete(&format!("/user/{id}")).await.expect(204);
    admin
        .delete(&format!("/user/{id}"))
        .await
        .expect_problem(404, "not-found");
}
