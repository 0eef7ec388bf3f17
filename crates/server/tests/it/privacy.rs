//! What remains of a user after the account is deleted: searches all data that the binary stored (L-05). It is not
//! in `e2e`, since it runs on each store.

use std::process::Command;

use serde_json::{Value, json};

use crate::e2e::http::{self, Reply};
use crate::e2e::{MailSink, Server, Setup, eventually};
use crate::support::{Combination, PASSWORD};

/// Every identifier of the user begins or ends with one of these.
const TRACES: [&str; 2] = ["canary", "skylark"];

/// Network address and user agent of the user's browser.
const BROWSER: [&str; 2] = ["198.51.100.77", "redkite/7"];

/// All stored bytes in lower case: the data folder, the database, and Redis.
fn stored_data(setup: &Setup, stores: &[(&str, String)]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut folders = vec![setup.data_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => kept.extend(std::fs::read(path).unwrap()),
            }
        }
    }
    for (name, value) in stores {
        match *name {
            "DATABASE_URL" if value.starts_with("postgres") => {
                kept.extend(stdout_of("pg_dump", &[value]));
            }
            "DATABASE_URL" => kept.extend(mariadb(value)),
            "REDIS_URL" => kept.extend(redis(value, redis_prefix(stores))),
            _ => {}
        }
    }
    kept.make_ascii_lowercase();
    kept
}

fn stdout_of(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {error}");
    output.stdout
}

/// Client arguments for `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, or for a URL with `?socket=`. The last one is
/// the database.
fn mariadb_text(url: &str) -> Vec<String> {
    let (who, place) = place_of(url);
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    let (host, database) = place.split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap_or((host, "3306"));
    let mut words = vec![format!("--user={user}"), format!("--password={password}")];
    match query.strip_prefix("socket=") {
        Some(socket) => words.push(format!("--socket={socket}")),
        None => words.extend([format!("--host={host}"), format!("--port={port}")]),
    }
    words.push(database.to_owned());
    words
}

fn mariadb(url: &str) -> Vec<u8> {
    let words = mariadb_text(url);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    stdout_of("mariadb-dump", &words)
}

/// User info and host of a URL.
fn place_of(url: &str) -> (&str, &str) {
    let (_, place) = url.split_once("://").unwrap();
    place.rsplit_once('@').unwrap()
}

/// Every key with this prefix, with its content. Other tests use the server too.
fn redis(url: &str, prefix: &str) -> Vec<u8> {
    let server = match url.strip_prefix("redis+unix://") {
        Some(socket) => ["-s", socket],
        None => ["-u", url],
    };
    let ask = |words: &[&str]| stdout_of("redis-cli", &[&server, words].concat());
    let keys = ask(&["--scan", "--pattern", &format!("{prefix}*")]);
    let mut kept = keys.clone();
    for key in String::from_utf8(keys).unwrap().lines() {
        for command in ["HGETALL", "GET"] {
            kept.extend(ask(&[command, key]));
        }
    }
    kept
}

fn redis_prefix<'a>(stores: &'a [(&str, String)]) -> &'a str {
    let found = stores
        .iter()
        .find(|(name, _)| *name == "DOORWARD_REDIS__PREFIX");
    &found.expect("a Redis has a prefix").1
}

fn traces_in(kept: &[u8]) -> Vec<String> {
    places_of(&TRACES, kept)
}

/// The surroundings of each occurrence of these words.
fn places_of(words: &[&str], kept: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for trace in words {
        let places = kept.windows(trace.len());
        let places = places
            .enumerate()
            .filter(|(_, place)| *place == trace.as_bytes());
        found.extend(places.map(|(at, _)| {
            let around = &kept[at.saturating_sub(60)..(at + 60).min(kept.len())];
            String::from_utf8_lossy(around).into_owned()
        }));
    }
    found
}

/// L-05: no table, no SQLite file and no Redis key contains the user's names, data or mail addresses. S-03: no
/// session remains.
#[test]
fn no_data_of_a_deleted_user_is_stored() {
    let sink = MailSink::start();
    let stores = Combination::chosen().variables();
    let on_stores = |setup: Setup, (name, value): &(&str, String)| setup.with(name, value);
    let setup = stores.iter().fold(Setup::on_a_file(), on_stores);
    let setup = setup.with("SMTP_URL", &sink.url());
    let server = setup.start();
    let body = json!({"username": "canary", "email": "Canary@skylark.example", "password": PASSWORD, "name": "Ms Skylark", "data": {"phone": "skylark 030"}});
    server.post("/user", body).expect(201);
    let link = sink.next_mail().link("/confirmation/");
    server.send("POST", &link, None, None).expect(200);
    let token = server.sign_in("canary", PASSWORD);
    server.sign_in("canary", PASSWORD);
    let wrong = json!({"email": "canary@skylark.example", "password": "nothing of the kind"});
    server.post("/auth", wrong).expect(401);
    let data = json!({"name": "Skylark II", "data": {"phone": "skylark 031", "more": "canary ".repeat(500)}});
    server
        .send("PUT", "/user/me", Some(&token), Some(data))
        .expect(200);
    let asked = json!({"email": "CANARY@skylark.example"});
    server.post("/recovery", asked).expect(202);
    sink.next_mail();
    let moving = json!({"email": "canary@moved.example", "password": PASSWORD});
    server
        .send("PUT", "/user/me/email", Some(&token), Some(moving))
        .expect(202);
    for _ in 0..2 {
        sink.next_mail();
    }
    let before = traces_in(&stored_data(&setup, &stores));
    assert!(before.len() > 8, "{} traces", before.len());
    let id = server.send("GET", "/user/me", Some(&token), None).json()["id"].clone();
    let gone = server.send("DELETE", "/user/me", Some(&token), None);
    gone.expect(204);
    server.stop();
    for (_, url) in stores.iter().filter(|(name, _)| *name == "REDIS_URL") {
        let sessions = redis(url, redis_prefix(&stores));
        let sessions = String::from_utf8_lossy(&sessions).into_owned();
        assert!(!sessions.contains(id.as_str().unwrap()), "{sessions}");
    }
    let after = traces_in(&stored_data(&setup, &stores));
    assert!(
        after.is_empty(),
        "{} traces: {:#?}",
        after.len(),
        &after[..after.len().min(8)]
    );
}

/// A request of the user's browser, forwarded by a proxy.
fn from_browser(
    server: &Server,
    request: (&str, &str),
    token: Option<&str>,
    body: Option<&Value>,
) -> Reply {
    let [address, browser] = BROWSER;
    let mut fields = vec![
        format!("X-Forwarded-For: {address}"),
        format!("User-Agent: {browser}"),
    ];
    fields.extend(token.map(|token| format!("Authorization: Bearer {token}")));
    fields.extend(body.map(|_| "Content-Type: application/json".to_owned()));
    let body = body.map(Value::to_string).unwrap_or_default();
    let text = http::request(request.0, request.1, &fields, &body);
    http::exchange(server.address(), text.as_bytes()).unwrap()
}

/// L-05: the IP addresses and user agents of a deleted account are erased from its audit events. The events
/// stay, and the log still verifies.
#[test]
fn addresses_and_devices_of_a_deleted_user_are_erased_from_the_audit_log() {
    let stores = Combination::chosen().variables();
    let on_stores = |setup: Setup, (name, value): &(&str, String)| setup.with(name, value);
    let setup = stores.iter().fold(Setup::on_a_file(), on_stores);
    let setup = setup.with("DOORWARD_TRUSTED_PROXIES", "127.0.0.1, ::1");
    let server = setup.start();
    let body = json!({"username": "canary", "password": PASSWORD});
    from_browser(&server, ("POST", "/user"), None, Some(&body)).expect(201);
    let wrong = json!({"username": "canary", "password": "nothing of the kind"});
    from_browser(&server, ("POST", "/auth"), None, Some(&wrong)).expect(401);
    let signed_in = from_browser(&server, ("POST", "/auth"), None, Some(&body));
    let signed_in = signed_in.expect(201).json();
    let token = signed_in["token"].as_str();
    let id = signed_in["user"]["id"].as_str().unwrap().to_owned();
    let places = places_of(&BROWSER, &stored_data(&setup, &stores));
    assert!(places.len() >= 6, "{places:#?}");
    from_browser(&server, ("DELETE", "/user/me"), token, None).expect(204);
    let exported = setup.path("audit.jsonl").display().to_string();
    let rows = eventually("they are erased", || {
        let _ = std::fs::remove_file(&exported);
        setup.run(&["audit", "export", &exported]).expect(0);
        let rows = std::fs::read_to_string(&exported).unwrap();
        places_of(&BROWSER, rows.as_bytes())
            .is_empty()
            .then_some(rows)
    });
    // SQLite overwrites the rows in its file when its journal is merged.
    server.stop();
    let left = places_of(&BROWSER, &stored_data(&setup, &stores));
    assert!(left.is_empty(), "{left:#?}");
    let about = rows.lines().filter(|row| row.contains(&id)).count();
    assert!(about >= 4, "{rows}");
    setup.run(&["audit", "verify"]).expect(0);
}
