//! A client that takes no answer but those that a server with a broken store may give.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::server::Server;

/// Everybody's first password.
pub const PASSWORD: &str = "plum cake on sundays";
/// The one after.
pub const OTHER_PASSWORD: &str = "two boats and a lamp";

/// Within this time everything is answered, whatever the store does. The promise is about fifteen
/// seconds; the rest is for a machine that runs other tests beside.
const BOUND: Duration = Duration::from_secs(20);

/// What an answer says about what was asked for.
#[derive(Clone, Debug)]
pub enum Word {
    /// It is done.
    Done(Reply),
    /// It is not done.
    Refused,
    /// It may be done.
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

/// Whether the server itself is to live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It always answers.
    Always,
    /// It may be gone in the middle of an answer.
    UntilKilled,
}

/// Asks one server.
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

    /// Any answer at all, within the bound.
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

    /// That status, or the problem of a store that is away; anything else is a failure.
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

    /// The token, where there is one.
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

    /// Whether the user can sign in with that password. The store is well when this is asked.
    #[track_caller]
    pub fn knows(self, name: &str, password: &str) -> bool {
        let body = json!({"username": name, "password": password});
        let reply = self.send("POST", "/auth", None, Some(&body)).unwrap();
        assert!(matches!(reply.status, 201 | 401), "{name}: {reply:?}");
        reply.status == 201
    }

    /// Whether the session lives. The store is well when this is asked.
    #[track_caller]
    pub fn is_open(self, token: &str) -> bool {
        let reply = self.send("GET", "/auth", Some(token), None).unwrap();
        assert!(matches!(reply.status, 200 | 401), "{reply:?}");
        reply.status == 200
    }
}
