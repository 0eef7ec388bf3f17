//! Spans reach a collector, form traces, and contain no personal data; a collector that is down does no harm.

use std::time::{Duration, Instant};

use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward};
use serde_json::{Value, json};

use crate::server::{MonitoredServer, PASSWORD, bearer, wait_for};
use crate::spans::{Collector, Span};

const CALLER: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLERS_SPAN: &str = "b7ad6b7169203331";

fn traced(collector: &Collector, more: &[(&str, &str)]) -> MonitoredServer {
    let url = collector.url();
    let mut variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    variables.extend(more);
    MonitoredServer::start(&variables)
}

#[track_caller]
fn find(spans: &[Span], name: &str) -> Span {
    let found = spans.iter().find(|span| span.name() == name);
    let names: Vec<_> = spans.iter().map(Span::name).collect();
    found
        .unwrap_or_else(|| panic!("no {name} in {names:?}"))
        .clone()
}

#[test]
fn request_flow_and_store_spans_share_a_trace() {
    let collector = Collector::start();
    let server = traced(&collector, &[]);
    server.admin();
    let spans = wait_for(
        || collector.spans(),
        |spans| spans.iter().any(|span| span.name() == "POST /auth"),
    );
    let request = find(&spans, "POST /auth");
    let flow = find(&spans, "sign_in");
    let mine = |name: &str| {
        let of_trace =
            |span: &&Span| span.name() == name && span.text("trace") == request.text("trace");
        let found = spans.iter().find(of_trace);
        found
            .unwrap_or_else(|| panic!("no {name} in {spans:?}"))
            .clone()
    };
    assert_eq!(request.text("path"), "/v1/traces");
    assert_eq!(request.text("kind"), "server");
    assert_eq!(request.text("parent"), "");
    assert!(flow.is_below(&request));
    for name in [
        "database read users",
        "database read credentials",
        "verify_password",
        "database apply",
    ] {
        assert!(mine(name).is_below(&flow), "{name}");
    }
    let attributes = &request.0["attributes"];
    assert_eq!(attributes["http.request.method"], "POST");
    assert_eq!(attributes["http.route"], "/auth");
    assert_eq!(attributes["http.response.status_code"], 201);
    assert_eq!(request.0["resource"]["service.name"], "doorward");
    assert_eq!(request.0["is_error"], false);
    // The log line, the response and the span have the same id.
    let id = attributes["doorward.request_id"].as_str().unwrap();
    let log = server.doorward.log();
    let line = log.lines().find(|line| line.contains(id)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["trace_id"], request.text("trace"));
    assert_eq!(line["request.id"], id);
}

#[test]
fn the_trace_and_sampling_of_a_trusted_proxy_are_continued() {
    let collector = Collector::start();
    let trusted = ("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1");
    let server = traced(
        &collector,
        &[("DOORWARD_TRACES__SAMPLE_RATIO", "0"), trusted],
    );
    let token = server.admin();
    let call = |flags: &str| {
        let parent = format!("traceparent: 00-{CALLER}-{CALLERS_SPAN}-{flags}\r\n");
        let headers = format!("{}{parent}", bearer(&token));
        server
            .send("GET", "/user/me", &headers, Value::Null)
            .expect(200);
    };
    call("00");
    call("01");
    server
        .send("GET", "/healthz", "traceparent: 00-zz-01\r\n", Value::Null)
        .expect(200);
    server.doorward.stop();
    let spans = collector.every_span();
    let request = find(&spans, "GET /user/{user}");
    assert_eq!(request.text("trace"), CALLER);
    assert_eq!(request.text("parent"), CALLERS_SPAN);
    assert!(find(&spans, "authenticate").is_below(&request));
    // No other span is exported: not by sampling, and not if the caller does not sample.
    assert!(
        spans.iter().all(|span| span.text("trace") == CALLER),
        "{spans:?}"
    );
    let requests = spans.iter().filter(|span| span.text("kind") == "server");
    assert_eq!(requests.count(), 1, "{spans:?}");
}

/// Otherwise the SDK would read queue, resource and sampler from there; a queue of this size is invalid.
#[test]
fn variables_of_the_sdk_are_ignored() {
    let collector = Collector::start();
    let server = traced(
        &collector,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of%20short"),
            ("DOORWARD_TRACES__HEADERS", "x-key=of%20long"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=of%20the%20sdk"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "99999999999999"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=another"),
            ("OTEL_SERVICE_NAME", "another"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
        ],
    );
    server.admin();
    server.doorward.stop();
    let request = find(&collector.every_span(), "POST /auth");
    assert_eq!(request.text("key"), "of long");
    assert_eq!(request.0["resource"]["service.name"], "doorward");
    assert_eq!(request.0["attributes"]["http.route"], "/auth");
    assert!(!server.doorward.log().contains("of long"));
}

/// OpenTelemetry's variable for traces: a whole URL, with precedence over the general one.
#[test]
fn an_endpoint_for_traces_is_used_unchanged() {
    let collector = Collector::start();
    let url = format!("{}/some/where", collector.url());
    let server = MonitoredServer::start(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
    ]);
    server.admin();
    server.doorward.stop();
    let request = find(&collector.every_span(), "POST /auth");
    assert_eq!(request.text("path"), "/some/where");
}

/// An untrusted client determines neither sampling nor the trace id in the log.
#[test]
fn the_trace_of_an_untrusted_client_is_not_continued() {
    let collector = Collector::start();
    let all = traced(&collector, &[]);
    let none = traced(&collector, &[("DOORWARD_TRACES__SAMPLE_RATIO", "0")]);
    let parent = |flags: &str| format!("traceparent: 00-{CALLER}-{CALLERS_SPAN}-{flags}\r\n");
    for (server, flags) in [(&all, "00"), (&none, "01")] {
        server
            .send("GET", "/healthz", &parent(flags), Value::Null)
            .expect(200);
        server.doorward.stop();
        assert!(!server.doorward.log().contains(CALLER));
    }
    let spans = collector.every_span();
    // Only of the first server, which samples all its traces.
    let request = find(&spans, "GET /healthz");
    assert_eq!(request.text("parent"), "");
    let asked = spans.iter().filter(|span| span.name() == "GET /healthz");
    assert_eq!(asked.count(), 1, "{spans:?}");
    assert!(spans.iter().all(|span| span.text("trace") != CALLER));
}

#[test]
fn a_mail_has_its_own_trace() {
    let collector = Collector::start();
    let server = traced(&collector, &[]);
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    server.post("/user", body).expect(201);
    server.link_to("ben@example.com");
    let spans = wait_for(
        || collector.spans(),
        |spans| spans.iter().any(|span| span.name() == "deliver_mail"),
    );
    let turn = find(&spans, "deliver_mail");
    assert_eq!(turn.text("parent"), "");
    assert_eq!(turn.0["attributes"]["doorward.mail.kind"], "sign-up");
    let sent = find(&spans, "send mail");
    assert!(sent.is_below(&turn));
    assert_eq!(sent.0["attributes"]["doorward.mail.template"], "confirm");
    // The worker's regular polling is not traced.
    assert!(!spans.iter().any(|span| span.name() == "database claim"));
}

/// L-02: no span, metric or detailed log contains submitted data.
#[test]
fn telemetry_contains_no_submitted_data() {
    let collector = Collector::start();
    let server = traced(&collector, &[("DOORWARD_LOG__FILTER", "trace")]);
    let mut random: Vec<String> = [
        PASSWORD,
        "canary@example.com",
        "canary-user",
        "Canary Surname",
        "canary-note",
        "canary-path",
        "Canary/1.0",
        ADMIN_PASSWORD,
    ]
    .map(str::to_owned)
    .to_vec();
    let agent = "User-Agent: Canary/1.0\r\n";
    let body = json!({"username": "canary-user", "email": "canary@example.com", "password": PASSWORD, "name": "Canary Surname", "data": {"note": "canary-note"}});
    server.send("POST", "/user", agent, body).expect(201);
    let link = server.link_to("canary@example.com");
    random.push(link.rsplit('/').next().unwrap().to_owned());
    server.post(&link, Value::Null).expect(200);
    server
        .sign_in("canary-user", "canary-wrong-password")
        .expect(401);
    random.push("canary-wrong-password".to_owned());
    let token = server.sign_in("canary-user", PASSWORD).expect(201).json();
    let token = token["token"].as_str().unwrap();
    random.push(token.to_owned());
    random.push(token.rsplit('.').next().unwrap().to_owned());
    let headers = format!("{agent}{}", bearer(token));
    server
        .send("GET", "/auth?x=canary-path", &headers, Value::Null)
        .expect(200);
    server
        .send("GET", "/user/canary-user", &headers, Value::Null)
        .expect(200);
    server
        .send("GET", "/canary-path", &headers, Value::Null)
        .expect(404);
    let metrics = server.scrape().text;
    server.doorward.stop();
    let spans = collector.every_span();
    find(&spans, "POST /confirmation/{token}");
    find(&spans, "send mail");
    let log = server.doorward.log();
    for secret in random {
        for span in &spans {
            let whole = format!("{}{}", span.text("everything"), span.0);
            assert!(!whole.contains(&secret), "{secret} in {whole}");
        }
        assert!(!metrics.contains(&secret), "{secret} in {metrics}");
        assert!(!log.contains(&secret), "{secret} in {log}");
    }
    for address in ["127.0.0.1", "::1"] {
        let tells = |span: &&Span| span.text("everything").contains(address);
        assert!(!spans.iter().any(|span| tells(&span)), "{address}");
    }
}

#[test]
fn a_collector_that_is_down_affects_no_request_and_is_logged_once() {
    // One that refuses connections, and one that accepts them and sends nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &silent] {
        let server = Doorward::start(&[
            ("DOORWARD_TRACES__ENDPOINT", endpoint),
            ("DOORWARD_METRICS__LISTEN", "127.0.0.1:0"),
        ]);
        let mut slowest = Duration::ZERO;
        for _ in 0..500 {
            let started_at = Instant::now();
            let mut command = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
            std::io::Write::write_all(
                &mut command,
                b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            )
            .unwrap();
            let mut answer = String::new();
            std::io::Read::read_to_string(&mut command, &mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            slowest = slowest.max(started_at.elapsed());
        }
        // A request that waited for the collector would take eight seconds.
        assert!(slowest < Duration::from_secs(7), "{slowest:?}");
        let started_at = Instant::now();
        server.stop();
        let took = started_at.elapsed();
        // The shutdown waits once for the last spans.
        assert!(took < Duration::from_secs(15), "the shutdown took {took:?}");
        let log = server.log();
        let reported = log.matches("trace collector unavailable").count();
        assert!(reported <= 1, "{log}");
        assert!(!log.contains("panicked"), "{log}");
        if endpoint.ends_with(":1") {
            assert_eq!(reported, 1, "{log}");
        }
    }
}
