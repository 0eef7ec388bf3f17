//! A Doorward with a metrics listener, and requests of the tests.

use std::net::TcpStream;

pub(crate) use doorward_testkit::http::Answer;
use doorward_testkit::http::Request;
use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward};
pub(crate) use doorward_testkit::wait::wait_until as wait_for;
use serde_json::{Value, json};

use crate::scrape::Scrape;

pub(crate) const PASSWORD: &str = "canary-three-boats-on-a-lake";

pub(crate) struct MonitoredServer {
    pub(crate) doorward: Doorward,
    metrics: String,
}

impl MonitoredServer {
    /// With a metrics listener on a free port.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut all = vec![("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")];
        all.extend(variables);
        let doorward = Doorward::start(&all);
        let log = doorward.log();
        let output = log.split("\"metrics.listen\":\"").nth(1);
        let metrics = output.and_then(|rest| rest.split('"').next());
        let metrics = metrics.unwrap_or_else(|| panic!("no listener for metrics: {log}"));
        Self {
            metrics: metrics.to_owned(),
            doorward,
        }
    }

    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::of(&self.metrics("GET", "/metrics").expect(200).body)
    }

    /// A request to the metrics listener.
    pub(crate) fn metrics(&self, method: &str, path: &str) -> Answer {
        ask(method, &format!("http://{}{path}", self.metrics), "").send()
    }

    /// A connection to it.
    pub(crate) fn metrics_connection(&self) -> TcpStream {
        TcpStream::connect(&self.metrics).unwrap()
    }

    /// Without a body if `body` is null.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: Value) -> Answer {
        let request = ask(method, &self.url(path), headers);
        match body {
            Value::Null => request.send(),
            body => request.json(&body).send(),
        }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        ask("GET", &self.url(path), &bearer(token)).send()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.doorward.url())
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "", body)
    }

    pub(crate) fn sign_in(&self, username: &str, password: &str) -> Answer {
        self.post("/auth", json!({"username": username, "password": password}))
    }

    /// Signs the first admin in and returns the token.
    pub(crate) fn admin(&self) -> String {
        let signed_in = self.sign_in("admin", ADMIN_PASSWORD).expect(201).json();
        signed_in["token"].as_str().unwrap().to_owned()
    }

    /// The path of the link in the newest mail to this address.
    pub(crate) fn link_to(&self, address: &str) -> String {
        let path = format!("/inbox.json?to={address}&wait=10");
        let mails = self.get(&path, "").expect(200).json();
        let mails = mails.as_array().or_else(|| mails["items"].as_array());
        let url = mails.unwrap()[0]["url"].as_str().unwrap();
        let path = url.split_once("://").unwrap().1.split_once('/').unwrap().1;
        format!("/{path}")
    }
}

pub(crate) fn bearer(token: &str) -> String {
    match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    }
}

fn ask(method: &str, url: &str, headers: &str) -> Request {
    let fields = headers.lines().filter_map(|line| line.split_once(": "));
    fields.fold(Request::new(method, url), |request, (name, value)| {
        request.field(name, value)
    })
}
