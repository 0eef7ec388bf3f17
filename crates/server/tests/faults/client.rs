//! A client that accepts only the responses allowed for a server with a broken store.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use doorward_testkit::wait::TEST_TIMEOUT;
use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::server::Server;

/// The first password of every user.
pub const PASSWORD: &str = "plum cake on sundays";
/// The second one.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// Time limit for every response, regardless of the store. The server promises about fifteen seconds. The failure
/// that this guards against is a request without a limit, which waits for as long as the store is silent.
const BOUND: Duration = Duration::from_secs(45);

/// The outcome that a response reports.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was done.
    Done(Reply),
    /// It was not done.
    Refused,
    /// It may have been done.
    Unknown,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "done",
            Self::Refused => "refused",
            Self::Unknown => "outcome unknown",
        })
    }
}

impl Outcome {
    #[track_caller]
    pub fn done(self) -> Reply {
        match self {
            Self::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }
}

/// The part a server plays in a test: it can be killed, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerLife {
    /// It responds to every request.
    Always,
    /// It may die in the middle of a response.
    UntilKilled,
}

fn is_busy(reply: &Reply) -> bool {
    reply.status == 503 && reply.json()["code"] == "overloaded"
}

/// A client of one server.
#[derive(Clone, Copy)]
pub struct Client {
    address: SocketAddr,
    serving: ServerLife,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        Self {
            address: server.address(),
            serving: ServerLife::Always,
        }
    }

    pub fn of_killable(server: &Server) -> Self {
        Self {
            serving: ServerLife::UntilKilled,
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

    /// Expects this status, or the problem of an unavailable store; anything else fails the test. Sends a
    /// password again while the server is busy: on a slow machine, its hash waits.
    #[track_caller]
    pub fn ask(
        self,
        expected: u16,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Outcome {
        let is_hashed = method == "POST" && ["/user", "/auth"].contains(&path);
        let deadline = Instant::now() + TEST_TIMEOUT;
        let reply = loop {
            match self.send(method, path, token, body) {
                Ok(reply) if is_hashed && is_busy(&reply) && Instant::now() < deadline => {
                    std::thread::park_timeout(Duration::from_secs(1));
                }
                Ok(reply) => break reply,
                Err(_) if self.serving == ServerLife::UntilKilled => return Outcome::Unknown,
                Err(error) => panic!("{method} {path}: {error}"),
            }
        };
        if reply.status == expected {
            return Outcome::Done(reply);
        }
        let context = format!("{method} {path} for {body:?}: {reply:?}");
        assert_eq!(reply.status, 503, "{context}");
        assert!(reply.header("retry-after").is_some(), "{context}");
        let problem = reply.json();
        match problem["code"].as_str() {
            Some("store-unavailable") => Outcome::Refused,
            Some("outcome-unknown") => Outcome::Unknown,
            _ => panic!("{context}"),
        }
    }

    #[track_caller]
    pub fn sign_up(self, name: &str) -> Outcome {
        let body = json!({"username": name, "password": PASSWORD});
        self.ask(201, "POST", "/user", None, Some(&body))
    }

    /// The token. `None` if the sign-in failed.
    #[track_caller]
    pub fn sign_in(self, name: &str, password: &str) -> Option<String> {
        let body = json!({"username": name, "password": password});
        match self.ask(201, "POST", "/auth", None, Some(&body)) {
            Outcome::Done(reply) => Some(reply.json()["token"].as_str().unwrap().to_owned()),
            Outcome::Refused | Outcome::Unknown => None,
        }
    }

    #[track_caller]
    pub fn check(self, token: &str) -> Outcome {
        self.ask(200, "GET", "/auth", Some(token), None)
    }

    /// From `PASSWORD` to `OTHER_PASSWORD`.
    #[track_caller]
    pub fn change_password(self, token: &str) -> Outcome {
        let body = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        self.ask(204, "PUT", "/password", Some(token), Some(&body))
    }

    #[track_caller]
    pub fn sign_out(self, token: &str) -> Outcome {
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
