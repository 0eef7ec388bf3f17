//! A client that accepts only the responses allowed for a server with a broken store.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::server::Server;

/// The first password of every user.
pub const PASSWORD: &str = "plum cake on sundays";
/// The second one.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// Time limit for every response, whatever the store does. The server promises about fifteen seconds; the rest is
/// for machines that run other tests at the same time.
const BOUND: Duration = Duration::from_secs(20);

/// The outcome that a response reports.
#[derive(Clone, Debug)]
pub enum Word {
    /// It was done.
    Done(Reply),
    /// It was not done.
    Refused,
    /// It may have been done.
    OutcomeUnknown,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "done",
            Self::Refused => "refused",
            Self::OutcomeUnknown => "outcome unknown",
        })
    }
}

impl Word {
    #[track_caller]
    pub fn done(self) -> Reply {
        match self {
            Self::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }
}

/// Whether the server may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It responds to every request.
    Always,
    /// It may die in the middle of a response.
    UntilKilled,
}

/// A client of one server.
#[derive(Clone, Copy)]
pub struct Client {
    address: SocketAddr,
    serving: Serving,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        Self {
            address: server.address(),
            serving: Serving::Always,
        }
    }

    pub fn of_mortal(server: &Server) -> Self {
        Self {
            serving: Serving::UntilKilled,
            ..Self::of(server)
        }
    }

    /// Any response, within the bound.
    #[track_caller]
    pub fn send(
        self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> std::io::Result<Reply> {
        let mut fields: Vec<String> = token
            .iter()
            .map(|token| format!("Authorization: Bearer {token}"))
            .collect();
        if body.is_some() {
            fields.push("Content-Type: application/json".to_owned());
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = http::request(method, path, &fields, &body);
        let started = Instant::now();
        let reply = http::exchange(self.address, request.as_bytes());
        let took = started.elapsed();
        assert!(took < BOUND, "{method} {path} took {took:?}: {reply:?}");
        reply
    }

    /// Expects this status, or the problem of an unavailable store; anything else fails the test.
    #[track_caller]
    pub fn ask(
        self,
        expected: u16,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Word {
        let reply = match self.send(method, path, token, body) {
            Ok(reply) => reply,
            Err(_) if self.serving == Serving::UntilKilled => return Word::OutcomeUnknown,
            Err(error) => panic!("{method} {path}: {error}"),
        };
        if reply.status == expected {
            return Word::Done(reply);
        }
        let told = format!("{method} {path} for {body:?}: {reply:?}");
        assert_eq!(reply.status, 503, "{told}");
        assert!(reply.header("retry-after").is_some(), "{told}");
        let problem = reply.json();
        match problem["code"].as_str() {
            Some("store-unavailable") => Word::Refused,
            Some("outcome-unknown") => Word::OutcomeUnknown,
            _ => panic!("{told}"),
        }
    }

    #[track_caller]
    pub fn sign_up(self, name: &str) -> Word {
        let body = json!({"username": name, "password": PASSWORD});
        self.ask(201, "POST", "/user", None, Some(&body))
    }

    /// The token. `None` if the sign-in failed.
    #[track_caller]
    pub fn sign_in(self, name: &str, password: &str) -> Option<String> {
        let body = json!({"username": name, "password": password});
        match self.ask(201, "POST", "/auth", None, Some(&body)) {
            Word::Done(reply) => Some(reply.json()["token"].as_str().unwrap().to_owned()),
            Word::Refused | Word::OutcomeUnknown => None,
        }
    }

    #[track_caller]
    pub fn check(self, token: &str) -> Word {
        self.ask(200, "GET", "/auth", Some(token), None)
    }

    /// From `PASSWORD` to `OTHER_PASSWORD`.
    #[track_caller]
    pub fn change_password(self, token: &str) -> Word {
        let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        self.ask(204, "PUT", "/password", Some(token), Some(&body))
    }

    #[track_caller]
    pub fn sign_out(self, token: &str) -> Word {
        self.ask(204, "DELETE", "/auth", Some(token), None)
    }

    /// Returns `true` if the user can sign in with this password. The store must be available.
    #[track_caller]
    pub fn knows(self, name: &str, password: &str) -> bool {
        let body = json!({"username": name, "password": password});
        let reply = self.send("POST", "/auth", None, Some(&body)).unwrap();
        assert!(matches!(reply.status, 201 | 401), "{name}: {reply:?}");
        reply.status == 201
    }

    /// Returns `true` if the session is valid. The store must be available.
    #[track_caller]
    pub fn is_open(self, token: &str) -> bool {
        let reply = self.send("GET", "/auth", Some(token), None).unwrap();
        assert!(matches!(reply.status, 200 | 401), "{reply:?}");
        reply.status == 200
    }
}
