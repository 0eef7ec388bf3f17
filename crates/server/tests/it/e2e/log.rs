//! The log: one line of JSON an event, and nothing in it that is anybody's (T-CANARY, L-02, L-03).

use serde_json::{Value, json};

use super::{Setup, Sink};

const PASSWORD: &str = "canary-password-7b1f";
const OTHER_PASSWORD: &str = "canary-other-password-9c2e";
const NAME: &str = "Canary Surname";
const CLIENT: &str = "198.51.100.77";
const CLIENT_6: &str = "2001:db8:77aa:bb::cc";
const MASTER: &str = "canaryQ-master3-key8-wL0zXv5uTn2r";

/// T-CANARY, L-02: passwords, tokens, cookies, links, e-mail and network addresses, in the log at its most
/// talkative and in the metrics.
#[test]
fn the_log_at_its_finest_holds_no_token_no_password_and_no_address() {
    let sink = Sink::start();
    let setup = Setup::new()
        .with("SMTP_URL", &sink.url())
        .with("DOORWARD_LOG__FILTER", "trace")
        .with("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1")
        .with("DOORWARD_METRICS__LISTEN", "127.0.0.1:0")
        .with("JWT_SECRET_KEY", MASTER)
        .with("ADMIN_PASSWORD", OTHER_PASSWORD);
    let server = setup.start();
    let mut secrets: Vec<String> = [
        PASSWORD,
        OTHER_PASSWORD,
        NAME,
        MASTER,
        "canary@example.com",
        "moved@example.org",
        "Canary/1.0",
        CLIENT,
        CLIENT_6,
    ]
    .map(str::to_owned)
    .to_vec();
    let mut keep = |secret: &str| secrets.push(secret.to_owned());

    let body = json!({"username": "canary-user", "email": "canary@example.com", "password": PASSWORD, "name": NAME, "data": {"note": NAME}});
    server.post("/user", body).expect(201);
    let link = sink.next_mail().link("/confirmation/");
    keep(link.rsplit('/').next().unwrap());
    server.get(&link).expect(200);
    server.send("POST", &link, None, None).expect(200);
    server
        .post(
            "/auth",
            json!({"email": "canary@example.com", "password": OTHER_PASSWORD}),
        )
        .expect(401);
    let token = server.sign_in("canary-user", PASSWORD);
    keep(&token);
    keep(token.rsplit('.').next().unwrap());
    let renewed = server
        .send("POST", "/auth/renewal", Some(&token), None)
        .expect(200)
        .json();
    keep(renewed["token"].as_str().unwrap());
    let made = server
        .send(
            "POST",
            "/auth/token",
            Some(&token),
            Some(json!({"audience": "x"})),
        )
        .expect(200)
        .json();
    keep(made["token"].as_str().unwrap());
    server
        .send(
            "GET",
            &format!("/auth?access_token={token}&q={NAME}").replace(' ', "+"),
            Some(&token),
            None,
        )
        .expect(200);
    server
        .send(
            "PUT",
            "/user/me/email",
            Some(&token),
            Some(json!({"email": "moved@example.org", "password": PASSWORD})),
        )
        .expect(202);
    for _ in 0..2 {
        let mail = sink.next_mail();
        if mail.to() == "moved@example.org" {
            keep(mail.link("/confirmation/").rsplit('/').next().unwrap());
        }
    }
    server
        .send(
            "PATCH",
            "/user/me",
            Some(&token),
            Some(json!({"name": 1, PASSWORD: NAME})),
        )
        .expect(422);
    server
        .send("PATCH", "/user/me", Some(&token), Some(json!(PASSWORD)))
        .expect(400);
    server.post("/recovery", json!({"email": "canary@example.com"}));
    let fields = [
        "User-Agent: Canary/1.0\tevil \u{1}".replace('\u{1}', ""),
        format!("Cookie: __Host-doorward={token}"),
        format!("X-Canary: {PASSWORD}"),
        format!("X-Forwarded-For: {CLIENT}"),
    ];
    for address in [CLIENT, CLIENT_6] {
        let fields = [
            format!("X-Forwarded-For: {address}"),
            "Content-Type: application/json".to_owned(),
        ];
        let body = json!({"username": "canary-user", "password": OTHER_PASSWORD}).to_string();
        let request = super::http::request("POST", "/auth", &fields, &body);
        let reply = super::http::exchange(server.address(), request.as_bytes()).unwrap();
        assert_eq!(reply.status, 401);
        assert!(!reply.body.contains("canary"), "{}", reply.body);
    }
    let request = super::http::request("GET", "/auth", &fields, "");
    assert_eq!(
        super::http::exchange(server.address(), request.as_bytes())
            .unwrap()
            .status,
        200
    );
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    server
        .send("PUT", "/password", Some(&token), Some(change))
        .expect(204);
    let metrics = metrics_of(&server);
    assert!(metrics.contains("doorward_"), "{metrics}");
    assert!(!metrics.contains(CLIENT) && !metrics.to_lowercase().contains("canary"));
    let log = server.stop();

    assert!(log.lines().count() > 10);
    for line in log.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let text = log.to_lowercase();
    for secret in &secrets {
        let at = text.find(&secret.to_lowercase());
        assert!(
            at.is_none(),
            "{secret} is in the log: {}",
            &log[at.unwrap().saturating_sub(300)..][..400]
        );
    }
}

fn metrics_of(server: &super::Server) -> String {
    let log = server.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut addresses =
        lines.filter_map(|line: Value| line["metrics.listen"].as_str().map(str::to_owned));
    let address = addresses.next().unwrap().parse().unwrap();
    let request = super::http::request("GET", "/metrics", &[], "");
    super::http::exchange(address, request.as_bytes())
        .unwrap()
        .body
}

/// L-03: what turns a line around or begins another is spelled out, whoever sends it and wherever.
#[test]
fn no_hostile_text_reaches_the_log_as_it_is() {
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
        let request = super::http::request("GET", path, std::slice::from_ref(&agent), "");
        super::http::exchange(server.address(), request.as_bytes()).unwrap();
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

/// L-01: the answer, the log and the audit log are joined by the request's id; paths, which hold
/// the secrets of links, are logged by their pattern.
#[test]
fn a_request_leaves_a_line_with_its_id_and_route() {
    let server = Setup::new().start();
    let path = format!("/confirmation/{}", "A".repeat(43));
    let reply = server.get(&path).expect(410);
    let id = reply.header("x-request-id").unwrap();
    let log = server.stop();
    let line = log.lines().find(|line| line.contains(id)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["http.route"], "/confirmation/{token}");
    assert_eq!(
        (&line["http.status"], &line["http.method"], &line["problem"]),
        (&json!(410), &json!("GET"), &json!("link-expired"))
    );
    assert!(!log.contains("AAAA"));
}

/// all who come through it would count as one.
#[test]
fn a_proxy_that_is_named_nowhere_is_spoken_of_once() {
    for (trusted, told) in [("", 1), ("127.0.0.1, ::1", 0)] {
        let setup = Setup::on_a_file().with("DOORWARD_TRUSTED_PROXIES", trusted);
        let server = setup.start();
        server.get("/").expect(200);
        assert!(!server.log().contains("from no address of"));
        for _ in 0..2 {
            let fields = ["X-Forwarded-For: 192.0.2.7".to_owned()];
            let request = super::http::request("GET", "/", &fields, "");
            super::http::exchange(server.address(), request.as_bytes())
                .unwrap()
                .expect(200);
        }
        let log = server.stop();
        assert_eq!(log.matches("from no address of").count(), told, "{log}");
    }
}

/// Nobody's attempts are counted by address then, and nothing else would show it.
#[test]
fn a_proxy_that_names_no_client_is_spoken_of_once() {
    for (throttled, told) in [("true", 1), ("false", 0)] {
        let setup = Setup::on_a_file()
            .with("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1")
            .with("DOORWARD_THROTTLE__ENABLED", throttled);
        let server = setup.start();
        // A probe of the proxy's own is no client's.
        server.get("/healthz").expect(200);
        assert!(!server.log().contains("names no client"));
        for _ in 0..2 {
            let body = json!({"username": "nobody", "password": PASSWORD});
            server.post("/auth", body).expect(401);
        }
        let log = server.stop();
        assert_eq!(log.matches("names no client").count(), told, "{log}");
    }
}
