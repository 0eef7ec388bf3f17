//! The log: one JSON line per event, without personal data or secrets (T-CANARY, L-02, L-03).

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::http::{Reply, exchange, request};
use super::sink::ReceivedMail;
use super::{MailSink, Server, Setup, eventually};
use crate::support::Combination;

const PASSWORD: &str = "canary-password-7b1f";
const OTHER_PASSWORD: &str = "canary-other-password-9c2e";
const LAST_PASSWORD: &str = "canary-last-password-2d8a";
const NAME: &str = "Canary Surname";
const EMAIL: &str = "canary@example.com";
const NEW_EMAIL: &str = "moved@example.org";
const CLIENT: &str = "198.51.100.77";
const CLIENT_6: &str = "2001:db8:77aa:bb::cc";
const PEPPER: &str = "canaryQ-pepper5-key6-nB4xRt9yKq1m";
const MASTER: &str = "canaryQ-master3-key8-wL0zXv5uTn2r";

/// T-CANARY, L-02: passwords, tokens, cookies, links, email and network addresses must not appear in the most
/// detailed log, in the metrics or in error responses. All of them except personal data must not appear in the
/// database file, nor in the mails, which contain the links.
#[test]
fn the_trace_log_contains_no_token_password_or_address() {
    let mut canary = CanaryUser::start();
    let token = canary.signs_up();
    canary.causes_errors(&token);
    canary.uses_a_browser();
    canary.comes_through_a_proxy(&token);
    canary.changes_password_and_address();
    canary.recovers();
    let metrics = metrics_of(&canary.server);
    assert!(metrics.contains("doorward_"), "{metrics}");
    let log = canary.server.stop();
    assert!(log.lines().count() > 10);
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let (random, links) = (&canary.random, &canary.links);
    for (place, text) in [("log", &log), ("metrics", &metrics)] {
        let personal = PERSONAL.map(str::to_owned);
        assert_contains_none(random.iter().chain(links).chain(&personal), place, text);
    }
    let database = files_of(&canary.setup.data_dir());
    if Combination::chosen() == Combination::Sqlite {
        assert!(database.contains("canary-user"), "it is the file of users");
    }
    assert_contains_none(random.iter().chain(links), "database", &database);
    canary.mails.extend(canary.sink.other_mails());
    assert!(canary.mails.len() >= 5);
    for mail in &canary.mails {
        assert_contains_none(random.iter(), "mail", &mail.whole());
    }
}

/// Personal data that the database stores, and that a mail to its owner may contain.
const PERSONAL: [&str; 6] = [NAME, EMAIL, NEW_EMAIL, "Canary/1.0", CLIENT, CLIENT_6];

fn assert_contains_none<'a>(random: impl Iterator<Item = &'a String>, place: &str, text: &str) {
    let text = text.to_lowercase();
    for secret in random {
        let at = text.find(&secret.to_lowercase());
        let around = at.map(|at| {
            let before = text[..at].chars().rev().take(300).collect::<Vec<_>>();
            before.into_iter().rev().collect::<String>()
        });
        assert!(at.is_none(), "{secret} is in the {place} after: {around:?}");
    }
}

/// All files of a folder, as text.
fn files_of(folder: &Path) -> String {
    let mut all = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            all += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    all
}

/// A user whose data is unique enough to be searched for.
struct CanaryUser {
    sink: MailSink,
    server: Server,
    /// Passwords, keys, tokens, cookies.
    random: Vec<String>,
    /// The tokens of mailed links.
    links: Vec<String>,
    mails: Vec<ReceivedMail>,
    // Dropped last: the server writes into its folder until it ends.
    setup: Setup,
}

impl CanaryUser {
    fn start() -> Self {
        let sink = MailSink::start();
        let setup = Setup::new()
            .with("SMTP_URL", &sink.url())
            .with("DOORWARD_LOG__FILTER", "trace")
            .with("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1")
            .with("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")
            .with("DOORWARD_PASSWORD__PEPPER", PEPPER)
            .with("JWT_SECRET_KEY", MASTER)
            .with("ADMIN_PASSWORD", OTHER_PASSWORD);
        let server = setup.start();
        let random = [PASSWORD, OTHER_PASSWORD, LAST_PASSWORD, MASTER, PEPPER];
        Self {
            sink,
            server,
            random: random.map(str::to_owned).to_vec(),
            links: Vec::new(),
            mails: Vec::new(),
            setup,
        }
    }

    fn keep(&mut self, secret: &str) {
        assert!(secret.len() > 8, "{secret}");
        self.random.push(secret.to_owned());
    }

    /// Asserts that an error response contains no submitted secret.
    fn refused(&self, reply: &Reply, status: u16) {
        assert_eq!(reply.status, status, "{}", reply.body);
        let body = reply.body.to_lowercase();
        let kept = self.random.iter().chain(&self.links).map(String::as_str);
        for secret in kept.chain(PERSONAL) {
            assert!(!body.contains(&secret.to_lowercase()), "{}", reply.body);
        }
    }

    fn next_mail(&mut self) -> &ReceivedMail {
        self.mails.push(self.sink.next_mail());
        self.mails.last().unwrap()
    }

    fn keep_link(&mut self, link: &str) {
        let secret = link.rsplit('/').next().unwrap();
        assert!(secret.len() > 8, "{secret}");
        self.links.push(secret.to_owned());
    }

    /// The path of such a link in one of the next mails to `to`. Records its token.
    fn link(&mut self, to: &str, place: &str) -> String {
        for _ in 0..4 {
            let mail = self.next_mail();
            if mail.to() == to && mail.text().contains(place) {
                let link = mail.link(place);
                self.keep_link(&link);
                return link;
            }
        }
        panic!("there is no mail to {to} with {place}");
    }

    /// Signs up, confirms, signs in, renews.
    fn signs_up(&mut self) -> String {
        let body = json!({"username": "canary-user", "email": EMAIL, "password": PASSWORD, "name": NAME, "data": {"note": NAME}});
        self.server.post("/user", body).expect(201);
        let link = self.link(EMAIL, "/confirmation/");
        self.server.get(&link).expect(200);
        self.server.send("POST", &link, None, None).expect(200);
        let token = self.server.sign_in("canary-user", PASSWORD);
        self.keep(&token);
        self.keep(token.rsplit('.').next().unwrap());
        let renewed = self
            .server
            .send("POST", "/auth/renewal", Some(&token), None);
        let renewed = renewed.expect(200).json()["token"].clone();
        self.keep(renewed.as_str().unwrap());
        let audience = Some(json!({"audience": "x"}));
        let made = self
            .server
            .send("POST", "/auth/token", Some(&token), audience);
        let made = made.expect(200).json()["token"].clone();
        self.keep(made.as_str().unwrap());
        token
    }

    /// Sends secrets in the wrong places.
    fn causes_errors(&self, token: &str) {
        let wrong = json!({"email": EMAIL, "password": OTHER_PASSWORD});
        self.refused(&self.server.post("/auth", wrong), 401);
        let query = format!("/auth?access_token={token}&q={NAME}").replace(' ', "+");
        self.server
            .send("GET", &query, Some(token), None)
            .expect(200);
        let body = Some(json!({"name": 1, "note": PASSWORD}));
        let reply = self.server.send("PATCH", "/user/me", Some(token), body);
        self.refused(&reply, 422);
        let body = Some(json!(PASSWORD));
        let reply = self.server.send("PATCH", "/user/me", Some(token), body);
        self.refused(&reply, 400);
    }

    /// The cookies of a page: the session and the known device.
    fn uses_a_browser(&mut self) {
        let fields = [
            "Accept: text/html".to_owned(),
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
        ];
        let form = format!("username=canary-user&password={PASSWORD}");
        let signed_in = self.exchange("POST", "/auth", &fields, &form);
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        for name in ["__Host-doorward", "__Host-doorward-device"] {
            self.keep(&cookie(&signed_in, name));
        }
    }

    fn comes_through_a_proxy(&self, token: &str) {
        for address in [CLIENT, CLIENT_6] {
            let fields = [
                format!("X-Forwarded-For: {address}"),
                "Content-Type: application/json".to_owned(),
            ];
            let body = json!({"username": "canary-user", "password": OTHER_PASSWORD}).to_string();
            self.refused(&self.exchange("POST", "/auth", &fields, &body), 401);
        }
        let fields = [
            "User-Agent: Canary/1.0\tevil ".to_owned(),
            format!("Cookie: __Host-doorward={token}"),
            format!("X-Canary: {PASSWORD}"),
            format!("X-Forwarded-For: {CLIENT}"),
        ];
        assert_eq!(self.exchange("GET", "/auth", &fields, "").status, 200);
    }

    /// The old mailbox gets a link, too.
    fn changes_password_and_address(&mut self) {
        let token = self.server.sign_in("canary-user", PASSWORD);
        self.keep(&token);
        let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
        self.server
            .send("PUT", "/password", Some(&token), Some(change))
            .expect(204);
        let change = Some(json!({"email": NEW_EMAIL, "password": OTHER_PASSWORD}));
        self.server
            .send("PUT", "/user/me/email", Some(&token), change)
            .expect(202);
        let mut places = vec![(EMAIL, "/email-undo/"), (NEW_EMAIL, "/confirmation/")];
        while !places.is_empty() {
            let mail = self.next_mail();
            let found = places
                .iter()
                .position(|(to, place)| mail.to() == *to && mail.text().contains(place));
            if let Some(at) = found {
                let link = mail.link(places.remove(at).1);
                self.keep_link(&link);
                self.server.get(&link).expect(200);
            }
        }
    }

    fn recovers(&mut self) {
        let asked = self.server.post("/recovery", json!({"email": EMAIL}));
        asked.expect(202);
        let link = self.link(EMAIL, "/recovery/");
        self.server.get(&link).expect(200);
        let reply = self.server.post(
            &link,
            json!({"new_password": LAST_PASSWORD, "token": MASTER}),
        );
        self.refused(&reply, 422);
        self.server
            .post(&link, json!({"new_password": LAST_PASSWORD}))
            .expect(204);
    }

    fn exchange(&self, method: &str, path: &str, fields: &[String], body: &str) -> Reply {
        let request = request(method, path, fields, body);
        exchange(self.server.address(), request.as_bytes()).unwrap()
    }
}

/// The value of a cookie that was set.
fn cookie(reply: &Reply, name: &str) -> String {
    let set = reply
        .headers
        .iter()
        .filter(|(kept, _)| kept == "set-cookie");
    let mut values = set.filter_map(|(_, set)| set.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().and_then(|value| value.split(';').next());
    value.expect("it is set").to_owned()
}

fn metrics_of(server: &Server) -> String {
    let request = request("GET", "/metrics", &[], "");
    let address = metrics_address(server);
    exchange(address, request.as_bytes()).unwrap().body
}

/// Address of the metrics listener, from the log, which may come later than the line that the server is ready.
pub(super) fn metrics_address(server: &Server) -> SocketAddr {
    eventually("it logs where it serves metrics", || {
        let log = server.log();
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find_map(|line| line["metrics.listen"].as_str()?.parse().ok())
    })
}

/// L-03: characters that reorder a line or begin another are escaped, in any field of any client.
#[test]
fn hostile_text_is_escaped_in_the_log() {
    let setup = Setup::new().with("DOORWARD_LOG__FILTER", "trace");
    let server = setup.start();
    let hostile = "\u{1b}[2J\u{202e}evil\u{2066}\u{9b}31m\u{85}\u{2028}";
    let name = format!("x{hostile}\r\n{{\"level\":\"ERROR\"}}");
    for field in ["username", "email", "name", "password", &name] {
        let mut body = json!({"username": "eve", "password": PASSWORD});
        body[field] = name.clone().into();
        let status = server.post("/user", body).status;
        assert!(matches!(status, 201 | 409 | 422), "{status}");
    }
    let path = "/user/%1b%5b2J%e2%80%ae%0d%0aX?q=%e2%80%ae%1b%0a";
    let agent = format!("User-Agent: {}", hostile.replace('\u{1b}', ""));
    for path in [path, "/%e2%80%ae", "/confirmation/%0a%e2%80%ae"] {
        let request = request("GET", path, std::slice::from_ref(&agent), "");
        exchange(server.address(), request.as_bytes()).unwrap();
    }
    let log = server.stop();
    let is_hostile =
        |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2066}\u{2028}".contains(c));
    for line in log.lines() {
        let read: Value = serde_json::from_str(line).unwrap();
        assert_ne!(read["level"], "ERROR", "{line}");
        assert!(!line.contains(is_hostile) && line.len() < 9_000, "{line}");
    }
}

/// L-01: response, log and audit log are connected by the request id. Paths contain the tokens of links, so their
/// pattern is logged.
#[test]
fn a_request_is_logged_with_its_id_and_route() {
    let server = Setup::new().start();
    let path = format!("/confirmation/{}", "A".repeat(43));
    let reply = server.get(&path).expect(410);
    let id = reply.header("x-request-id").unwrap();
    let log = server.stop();
    let line = log.lines().find(|line| line.contains(id)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["http.route"], "/confirmation/{token}");
    assert_eq!(
        (
            &line["http.response.status_code"],
            &line["http.request.method"],
            &line["problem"]
        ),
        (&json!(410), &json!("GET"), &json!("link-expired"))
    );
    assert!(!log.contains("AAAA"));
}

/// all clients behind it would count as one.
#[test]
fn an_unlisted_proxy_is_logged_once() {
    for (trusted, reported) in [("", 1), ("127.0.0.1, ::1", 0)] {
        let setup = Setup::on_a_file().with("DOORWARD_TRUSTED_PROXIES", trusted);
        let server = setup.start();
        server.get("/").expect(200);
        assert!(
            !server
                .log()
                .contains("from a private address that is not in")
        );
        for _ in 0..2 {
            let fields = ["X-Forwarded-For: 192.0.2.7".to_owned()];
            let request = request("GET", "/", &fields, "");
            exchange(server.address(), request.as_bytes())
                .unwrap()
                .expect(200);
        }
        let log = server.stop();
        assert_eq!(
            log.matches("from a private address that is not in").count(),
            reported,
            "{log}"
        );
    }
}

/// Mail of other users is then in an inbox that any client on this machine can read.
#[test]
fn use_of_the_built_in_inbox_through_a_proxy_is_logged_once() {
    const WARNING: &str = "mail stays in the built-in inbox";
    for (field, mail, reported) in [
        ("X-Forwarded-Host: accounts.example", "inbox:", 1),
        ("X-Real-IP: 127.0.0.1", "inbox:", 1),
        ("Host: accounts.example", "inbox:", 1),
        ("Host: accounts.example", "log:", 0),
        ("Host: LOCALHOST:8000", "inbox:", 0),
    ] {
        let setup = Setup::on_a_file().with("SMTP_URL", mail);
        let server = setup.start();
        server.get("/inbox.json");
        assert!(!server.log().contains(WARNING));
        for path in ["/", "/nothing"] {
            let host = match field.starts_with("Host: ") {
                true => "",
                false => "Host: localhost\r\n",
            };
            let request =
                format!("GET {path} HTTP/1.1\r\n{host}{field}\r\nConnection: close\r\n\r\n");
            exchange(server.address(), request.as_bytes()).unwrap();
        }
        let log = server.stop();
        assert_eq!(
            log.matches(WARNING).count(),
            reported,
            "{field} {mail} {log}"
        );
    }
}

/// Attempts are then not limited by address, and nothing else would reveal it.
#[test]
fn a_proxy_that_sends_no_client_address_is_logged_once() {
    for (throttled, reported) in [("true", 1), ("false", 0)] {
        let setup = Setup::on_a_file()
            .with("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1")
            .with("DOORWARD_THROTTLE__ENABLED", throttled);
        let server = setup.start();
        // A health check of the proxy has no client.
        server.get("/healthz").expect(200);
        assert!(!server.log().contains("sent no client address"));
        for _ in 0..2 {
            let body = json!({"username": "nobody", "password": PASSWORD});
            server.post("/auth", body).expect(401);
        }
        let log = server.stop();
        assert_eq!(
            log.matches("sent no client address").count(),
            reported,
            "{log}"
        );
    }
}
