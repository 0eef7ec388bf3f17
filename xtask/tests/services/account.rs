//! A user with an account at Doorward.

use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward};
use serde_json::json;

use crate::http::send;
use crate::service::AUDIENCE;

/// A session at a Doorward.
pub(crate) struct Account {
    doorward: String,
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) session_id: String,
}

impl Account {
    /// The first admin, signed in.
    pub(crate) fn admin(doorward: &Doorward) -> Self {
        Self::sign_in(doorward.url(), "admin", ADMIN_PASSWORD)
    }

    /// A new user, signed in.
    pub(crate) fn user(doorward: &Doorward, name: &str) -> Self {
        let body = json!({"username": name, "password": "three boats on a lake"});
        let url = format!("{}/user", doorward.url());
        send("POST", &url, None, Some(&body)).expect(201);
        Self::sign_in(doorward.url(), name, "three boats on a lake")
    }

    fn sign_in(doorward: &str, name: &str, password: &str) -> Self {
        let body = json!({"username": name, "password": password});
        let answer = send("POST", &format!("{doorward}/auth"), None, Some(&body));
        let opened = answer.expect(201).json();
        let text = |pointer: &str| {
            opened
                .pointer(pointer)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        Self {
            doorward: doorward.to_owned(),
            id: text("/user/id"),
            session: text("/token"),
            session_id: text("/session_id"),
        }
    }

    /// A token for the services of these tests.
    pub(crate) fn token(&self) -> String {
        self.token_for(AUDIENCE)
    }

    pub(crate) fn token_for(&self, audience: &str) -> String {
        let url = format!("{}/auth/token", self.doorward);
        let body = json!({"audience": audience});
        let made = send("POST", &url, Some(&self.session), Some(&body)).expect(200);
        made.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn sign_out(&self) {
        let url = format!("{}/auth", self.doorward);
        send("DELETE", &url, Some(&self.session), None).expect(204);
    }

    /// As an admin: changes another user.
    pub(crate) fn set(&self, user: &Self, what: &str, value: &str) {
        let url = format!("{}/user/{}/{what}", self.doorward, user.id);
        let body = json!({what: value});
        send("PUT", &url, Some(&self.session), Some(&body)).expect(200);
    }
}
