//! Whole answers of HTTP/1.1, for who is answered before their request is read: a listener writes them as they
//! are. They wear what every answer does (H-11).
//!
//! To add one: a function, which the binary hands to its listener.

use axum::http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::edge;
use crate::problem::{Code, Problem};

/// How soon one who was turned away may come back.
const COME_BACK_SECONDS: u64 = 1;

/// What somebody is told who cannot be let in at all.
pub fn turned_away(app: &App) -> String {
    let id = app.request_ids.next();
    let mut headers = HeaderMap::new();
    edge::dress(app, &id, &mut headers);
    let own = [
        ("Content-Type", "application/problem+json".to_owned()),
        ("Retry-After", COME_BACK_SECONDS.to_string()),
    ];
    let body = edge::problem_text(app, &Problem::new(Code::Overloaded), &id);
    whole(app, Code::Overloaded.status(), &own, &headers, &body)
}

/// What somebody is told who speaks plain HTTP where TLS is spoken. Without HSTS, which must not go out in the
/// clear (RFC 6797, 7.2).
pub fn speaks_tls(app: &App) -> String {
    let mut headers = HeaderMap::new();
    edge::wear(&mut headers);
    let own = [
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("X-Request-Id", app.request_ids.next()),
    ];
    let body = "This port speaks HTTPS: begin the address with https:// instead\n";
    whole(app, StatusCode::BAD_REQUEST, &own, &headers, body)
}

fn whole(
    app: &App,
    status: StatusCode,
    own: &[(&str, String)],
    worn: &HeaderMap,
    body: &str,
) -> String {
    let date = app.accounts.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\nDate: {date}\r\n"
    );
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let worn = worn.iter().map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        (name.as_str(), value)
    });
    for (name, value) in own.chain(worn) {
        for part in [name, ": ", value, "\r\n"] {
            answer.push_str(part);
        }
    }
    answer + "\r\n" + body
}
