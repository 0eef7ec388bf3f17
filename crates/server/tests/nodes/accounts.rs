//! Accounts for tests.

use serde_json::json;

use crate::cluster::Cluster;

/// The first password of every user.
pub const PASSWORD: &str = "plum cake on sundays";
/// The second one.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

impl Cluster {
    /// An active user without an address, created on the first node.
    pub async fn user(&self, name: &str) {
        let body = json!({"username": name, "password": PASSWORD});
        self.client(0).post("/user", body).await.expect(201);
    }

    /// An active user with a confirmed address at example.com.
    pub async fn user_with_mail(&self, name: &str) {
        let address = format!("{name}@example.com");
        let body = json!({"username": name, "email": address, "password": PASSWORD});
        self.client(0).post("/user", body).await.expect(201);
        let link = self.link_to(&address, "/confirmation/").await;
        let answer = self.client(1).send("POST", &link, None, None).await;
        answer.expect(200);
    }
}
