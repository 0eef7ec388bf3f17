//! The metrics listener is small, and client input does not make the metrics grow.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use doorward_testkit::process::{piped, said};
use doorward_testkit::servers::doorward_binary;
use doorward_testkit::tools::debian_tool;

use crate::scrape::Scrape;
use crate::server::{MonitoredServer, wait_for};

#[test]
fn ten_thousand_unknown_paths_create_no_new_series() {
    let server = MonitoredServer::start(&[]);
    flood(&server, 2);
    let before = server.scrape();
    flood(&server, 3_334);
    let after = server.scrape();
    let of_requests = |scrape: &Scrape| {
        let lines = scrape.text.lines();
        lines
            .filter(|line| line.starts_with("doorward_http"))
            .count()
    };
    assert_eq!(of_requests(&after), of_requests(&before));
    // Series of the worker's own activity in the meantime.
    assert!(
        after.series() < before.series() + 150,
        "{} and then {}",
        before.series(),
        after.series()
    );
    let unknown = [("route", "-"), ("status", "404")];
    assert!(after.sum("doorward_http_requests_total", &unknown) >= 6_668.0);
    assert!(!after.text.contains("odd"), "{}", after.text);
    assert!(!after.text.contains("BREW"), "{}", after.text);
}

/// Unsupported methods of a route are counted with unknown routes.
#[test]
fn unknown_methods_at_known_routes_create_few_series() {
    let server = MonitoredServer::start(&[]);
    let document = server.get("/openapi.json", "").expect(200).json();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.len() > 20, "{paths:?}");
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW",
    ];
    for path in paths {
        let path = path.replace(['{', '}'], "");
        for method in methods {
            // Raw, since a response to HEAD ends before its `Content-Length`.
            let port = server.doorward.port();
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 "), "{method} {path}");
        }
    }
    let seen = server.scrape();
    let no_route = [("route", "-"), ("status", "405")];
    let counted = seen.all("doorward_http_requests_total", &no_route);
    // HEAD is supported wherever GET is; elsewhere it counts as unsupported.
    assert_eq!(counted.len(), methods.len(), "{counted:?}");
    let of_others = [("method", "other")];
    let of_others = seen.all("doorward_http_requests_total", &of_others);
    assert_eq!(of_others.len(), 1, "{of_others:?}");
    // One histogram for each route and method, with HEAD wherever GET is, and what does not depend on routes.
    let of_routes = document["paths"].as_object().unwrap().values();
    let methods = of_routes.flat_map(|route| route.as_object().unwrap().keys());
    let histograms: usize = methods.map(|name| if name == "get" { 2 } else { 1 }).sum();
    let most = 500 + 25 * histograms;
    assert!(seen.series() < most, "{} of {most}", seen.series());
}

/// No more than 16 connections are open.
#[test]
fn the_metrics_listener_is_bounded() {
    let server = MonitoredServer::start(&[]);
    let silent: Vec<_> = (0..16).map(|_| server.metrics_connection()).collect();
    let mut surplus = server.metrics_connection();
    let _ = surplus.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(matches!(surplus.read(&mut [0]), Ok(0) | Err(_)));
    drop(silent);
    let is_answered = || {
        let mut stream = server.metrics_connection();
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        matches!(stream.read(&mut [0]), Ok(1))
    };
    wait_for(is_answered, |answered| *answered);
}

/// Sends this number of requests for unknown paths and users with unknown methods.
fn flood(server: &MonitoredServer, count: usize) {
    let address = format!("127.0.0.1:{}", server.doorward.port());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 65_536];
    for number in 0..count {
        let requests = format!(
            "GET /odd/{number} HTTP/1.1\r\nHost: x\r\n\r\n\
             BREW /odd{number} HTTP/1.1\r\nHost: x\r\n\r\n\
             GET /user/odd{number}/session HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        stream.write_all(requests.as_bytes()).unwrap();
        while seen.windows(9).filter(|part| *part == b"HTTP/1.1 ").count() < 3 {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..read]);
        }
        // The rest of the third response does not belong to a later one.
        seen.clear();
    }
}

#[test]
fn the_prometheus_linter_reports_nothing() {
    let server = MonitoredServer::start(&[]);
    server.get("/user/me", "").expect(401);
    let text = server.scrape().text;
    let output = piped(debian_tool("promtool").args(["check", "metrics"]), &text);
    let printed = said(&output);
    assert!(output.status.success() && printed.is_empty(), "{printed}");
}

#[test]
fn the_listener_serves_metrics_and_nothing_else() {
    let server = MonitoredServer::start(&[]);
    let answer = server.metrics("GET", "/metrics").expect(200);
    let kind = answer.header("content-type");
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    for path in ["/", "/user", "/healthz", "/metrics/", "/auth"] {
        server.metrics("GET", path).expect(404);
    }
    server.metrics("POST", "/metrics").expect(405);
    // The main listener has no metrics.
    server.get("/metrics", "").expect(404);
}

#[test]
fn a_draining_server_still_serves_metrics() {
    let server = MonitoredServer::start(&[("DOORWARD_SHUTDOWN__DRAIN_SECONDS", "20")]);
    server.doorward.signal("TERM");
    wait_for(|| server.get("/readyz", ""), |answer| answer.status == 503);
    let seen = server.scrape();
    assert!(seen.sum("doorward_http_requests_total", &[("status", "503")]) > 0.0);
}

#[test]
fn the_same_port_for_both_listeners_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(doorward_binary())
        .args(["config", "check"])
        .current_dir(folder.path())
        .env_clear()
        .env("DOORWARD_METRICS__LISTEN", "127.0.0.1:8000")
        .output()
        .unwrap();
    let printed = said(&output);
    assert!(!output.status.success(), "{printed}");
    assert!(
        printed.contains("Set `metrics.listen` to another port"),
        "{printed}"
    );
}

#[test]
fn metrics_are_disabled_by_default() {
    let server = doorward_testkit::servers::Doorward::start(&[]);
    assert!(!server.log().contains("metrics"), "{}", server.log());
}
