//! The routes whose response time could reveal an account, and their requests.

use std::time::Duration;

use anyhow::ensure;

use super::client::{Client, request};
use super::server::{PASSWORD, Server};

const WRONG: &str = "another walk by the sea";
/// Accounts in each state, with addresses at `example.com`. All names have the same length, since a longer one
/// takes longer to read. `richest` has the maximum `data`.
const ACCOUNTS: [&str; 6] = [
    "unknown", "present", "pending", "blocked", "deleted", "richest",
];
/// Number of known accounts to use in turn, for requests with a lasting effect.
const POOL_SIZE: usize = 50;

/// One route, and the classes that must be indistinguishable.
pub(super) struct Experiment {
    pub(super) name: &'static str,
    pub(super) classes: Vec<Class>,
}

/// A class of requests. `make` gets the round.
pub(super) struct Class {
    pub(super) name: String,
    status: u16,
    make: Box<dyn Fn(usize) -> String>,
    /// A following request, which is measured instead.
    after: Option<String>,
}

impl Class {
    /// Returns the response time. All classes share a connection: two could be served by two threads of different
    /// speed.
    pub(super) fn ask(&self, client: &mut Client, round: usize) -> anyhow::Result<u64> {
        let request = (self.make)(round);
        let answer = client.ask(&request)?;
        ensure!(
            answer.status == self.status,
            "{}: {} instead of {}: {request}\n{}",
            self.name,
            answer.status,
            self.status,
            answer.body
        );
        match &self.after {
            None => Ok(answer.nanoseconds),
            Some(next) => Ok(client.ask(next)?.nanoseconds),
        }
    }
}

/// All experiments. Creates their accounts.
pub(super) fn experiments(server: &Server) -> anyhow::Result<Vec<Experiment>> {
    populate(server)?;
    let token = server.token("asker")?;
    Ok(vec![
        sign_in("username"),
        sign_in("email"),
        change_password(),
        mail("POST /confirmation", None),
        mail("POST /recovery", None),
        mail("POST /recovery, and the next request", Some(probe())),
        export(server)?,
        sign_up("POST /user", None),
        sign_up("POST /user, and the next request", Some(probe())),
        change_email(&token),
        other_account("GET", &token),
        other_account("PUT", &token),
        other_account("DELETE", &token),
    ])
}

/// Those on a server where ten wrong passwords lock an account out: a denial must not reveal whether it exists.
pub(super) fn refusals(server: &Server) -> anyhow::Result<Vec<Experiment>> {
    populate(server)?;
    let mut refused = sign_in("email");
    refused.name = "POST /auth, by email, throttled";
    let mut client = Client::connect(server.port)?;
    for class in &mut refused.classes {
        for _ in 0..10 {
            class.ask(&mut client, 0)?;
            // Longer than the delay after fewer than ten failures.
            std::thread::sleep(Duration::from_secs(4));
        }
        class.status = 429;
    }
    Ok(vec![refused])
}

fn populate(server: &Server) -> anyhow::Result<()> {
    for name in ["asker", "present", "blocked", "deleted", "richest"] {
        server.create(name)?;
    }
    let token = server.token("richest")?;
    let data = format!(r#"{{"data":{{{}}}}}"#, many_members());
    let answer = Client::connect(server.port)?.ask(&request("PATCH", "/user/me", &token, &data))?;
    ensure!(answer.status == 200, "{}", answer.body);
    for number in 0..POOL_SIZE {
        server.create(&format!("many{number}"))?;
    }
    server.run(&["user", "disable", "blocked"])?;
    server.run(&["user", "delete", "deleted", "--yes"])?;
    let body = format!(
        r#"{{"username":"pending","email":"pending@example.com","password":"{PASSWORD}"}}"#
    );
    let answer = Client::connect(server.port)?.ask(&request("POST", "/user", "", &body))?;
    ensure!(answer.status == 201, "{}", answer.body);
    Ok(())
}

/// The maximum JSON of an account, with as many members as are slowest to read.
fn many_members() -> String {
    let members = (0..2_000).map(|number| format!(r#""{number:x}":0"#));
    members.collect::<Vec<_>>().join(",")
}

/// A user's own export, while an address that is taken or free is pending.
fn export(server: &Server) -> anyhow::Result<Experiment> {
    let mut classes = Vec::new();
    for (name, wanted) in [
        ("waitera", "free"),
        ("waiterb", "many0"),
        ("waiterc", "pending"),
    ] {
        server.create(name)?;
        let token = server.token(name)?;
        let body = format!(r#"{{"email":"{wanted}@example.com","password":"{PASSWORD}"}}"#);
        let asked = request("PUT", "/user/me/email", &token, &body);
        let answer = Client::connect(server.port)?.ask(&asked)?;
        ensure!(answer.status == 202, "{}", answer.body);
        let export = request("GET", "/user/me/export", &token, "");
        classes.push(class(wanted, 200, None, move |_| export.clone()));
    }
    Ok(Experiment {
        name: "GET /user/me/export",
        classes,
    })
}

/// A request that writes, and so waits for concurrent writes.
fn probe() -> String {
    request(
        "POST",
        "/recovery",
        "",
        r#"{"email":"unknown@example.org"}"#,
    )
}

fn class(
    name: &str,
    status: u16,
    after: Option<&String>,
    make: impl Fn(usize) -> String + 'static,
) -> Class {
    Class {
        name: name.to_owned(),
        status,
        make: Box::new(make),
        after: after.cloned(),
    }
}

fn sign_in(by: &'static str) -> Experiment {
    let classes = ACCOUNTS.map(|name| {
        let who = if by == "email" {
            format!("{name}@example.com")
        } else {
            name.to_owned()
        };
        let body = format!(r#"{{"{by}":"{who}","password":"{WRONG}"}}"#);
        class(name, 401, None, move |_| {
            request("POST", "/auth", "", &body)
        })
    });
    Experiment {
        name: if by == "email" {
            "POST /auth, by email"
        } else {
            "POST /auth, by username"
        },
        classes: classes.into(),
    }
}

fn change_password() -> Experiment {
    let classes = ACCOUNTS.map(|name| {
        let body = format!(
            r#"{{"email":"{name}@example.com","current_password":"{WRONG}","new_password":"three lamps and a boat"}}"#
        );
        class(name, 401, None, move |_| request("PUT", "/password", "", &body))
    });
    Experiment {
        name: "PUT /password without a session",
        classes: classes.into(),
    }
}

fn mail(name: &'static str, after: Option<String>) -> Experiment {
    let path = if name.contains("recovery") {
        "/recovery"
    } else {
        "/confirmation"
    };
    let ask = move |email: String| request("POST", path, "", &format!(r#"{{"email":"{email}"}}"#));
    let after = after.as_ref();
    Experiment {
        name,
        classes: vec![
            class("unknown", 202, after, move |round| {
                ask(format!("none{}@example.com", round % POOL_SIZE))
            }),
            class("known", 202, after, move |round| {
                ask(format!("many{}@example.com", round % POOL_SIZE))
            }),
            class("pending", 202, after, move |_| {
                ask("pending@example.com".to_owned())
            }),
        ],
    }
}

fn sign_up(name: &'static str, after: Option<String>) -> Experiment {
    let run = if after.is_some() { "b" } else { "a" };
    let ask = move |email: String| {
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        request("POST", "/user", "", &body)
    };
    let after = after.as_ref();
    Experiment {
        name,
        classes: vec![
            class("free address", 201, after, move |round| {
                ask(format!("free{run}{round}@example.com"))
            }),
            class("taken address", 201, after, move |round| {
                ask(format!("many{}@example.com", round % POOL_SIZE))
            }),
        ],
    }
}

fn change_email(token: &str) -> Experiment {
    let token = token.to_owned();
    let other = token.clone();
    let ask = |token: &str, email: String| {
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        request("PUT", "/user/me/email", token, &body)
    };
    Experiment {
        name: "PUT /user/me/email",
        classes: vec![
            class("free address", 202, None, move |round| {
                ask(&token, format!("new{}@example.com", round % POOL_SIZE))
            }),
            class("taken address", 202, None, move |round| {
                ask(&other, format!("many{}@example.com", round % POOL_SIZE))
            }),
        ],
    }
}

fn other_account(method: &'static str, token: &str) -> Experiment {
    let body = if method == "PUT" {
        r#"{"name":"x","data":{}}"#
    } else {
        ""
    };
    let classes = ["unknown", "present", "pending", "deleted"].map(|name| {
        let request = request(method, &format!("/user/{name}"), token, body);
        class(name, 403, None, move |_| request.clone())
    });
    Experiment {
        name: match method {
            "GET" => "GET /user/{user} as another",
            "PUT" => "PUT /user/{user} as another",
            _ => "DELETE /user/{user} as another",
        },
        classes: classes.into(),
    }
}
