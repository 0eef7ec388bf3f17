//! `doorward keys` next to a running server (J-06).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Setup, eventually};
use crate::support::PASSWORD;

#[test]
fn keys_are_rotated_while_the_server_runs_and_sessions_stay_valid() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let server = setup.start();
    let old = server.sign_in("admin", PASSWORD);
    let before = setup.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(before["keys"].as_array().unwrap().len(), 1);
    let rotated = setup.run(&["keys", "rotate", "--json"]).expect(0).json();
    let after = setup.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(after["keys"][0]["kid"], rotated["kid"]);
    assert_eq!(after["keys"][1]["kid"], before["keys"][0]["kid"]);
    assert!(after["keys"][0]["retired_at"].is_null() && after["keys"][1]["retired_at"].is_string());
    let text = setup.run(&["keys", "list"]).expect(0);
    assert!(
        text.out.contains("active") && text.out.contains("retired"),
        "{}",
        text.out
    );
    server.send("GET", "/auth", Some(&old), None).expect(200);

    // A node that starts later signs with the new key. The running one accepts its tokens at once.
    let second = setup
        .clone()
        .with("DOORWARD_PUBLIC_URL", &server.url(""))
        .start();
    let new = second.sign_in("admin", PASSWORD);
    assert_eq!(kid_of(&new), rotated["kid"]);
    server.send("GET", "/auth", Some(&new), None).expect(200);
    second.send("GET", "/auth", Some(&old), None).expect(200);
    eventually("the JWKS has both", || {
        let jwks = server.get("/.well-known/jwks.json").expect(200).json();
        (jwks["keys"].as_array().unwrap().len() == 2).then_some(())
    });
    let body = json!({"audience": "x"});
    server
        .send("POST", "/auth/token", Some(&new), Some(body))
        .expect(200);
}

fn kid_of(token: &str) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

#[test]
fn there_is_no_key_before_the_first_start() {
    let setup = Setup::new();
    setup.run(&["migrate"]).expect(0);
    let none = setup.run(&["keys", "list"]).expect(0);
    assert!(none.out.contains("no keys yet"), "{}", none.out);
}

/// T-REVOKE: a session ended on one node ends on the other within a second.
#[test]
fn a_session_ended_on_one_node_is_ended_on_the_other() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let one = setup.start();
    let two = setup
        .clone()
        .with("DOORWARD_PUBLIC_URL", &one.url(""))
        .start();
    let token = one.sign_in("admin", PASSWORD);
    two.send("GET", "/auth", Some(&token), None).expect(200);
    one.send("DELETE", "/auth", Some(&token), None).expect(204);
    one.send("GET", "/auth", Some(&token), None).expect(401);
    let ended = Instant::now();
    let (believed, _) = time_until_accepted(ended, &[&two], &token);
    assert!(believed < Duration::from_secs(1), "{believed:?}");
}

/// Returns how long the token was accepted after `moment`, which is the start of the last accepted request, however
/// slow the requests are, and the time that the slowest of them took.
fn time_until_accepted(
    moment: Instant,
    nodes: &[&super::Server],
    token: &str,
) -> (Duration, Duration) {
    let (mut last, mut slowest) = (Duration::ZERO, Duration::ZERO);
    for node in nodes {
        eventually("its token is refused", || {
            let began = moment.elapsed();
            let status = node.send("GET", "/auth", Some(token), None).status;
            slowest = slowest.max(moment.elapsed().saturating_sub(began));
            if status == 401 {
                return Some(());
            }
            last = last.max(began);
            None
        });
    }
    (last, slowest)
}

/// J-06, T-REVOKE: a stolen key is invalid on both nodes within a second, and a new one signs.
#[test]
fn a_revoked_key_is_invalid_on_every_node_within_a_second() {
    let setup = Setup::new().with("ADMIN_PASSWORD", PASSWORD);
    let one = setup.start();
    let two = setup
        .clone()
        .with("DOORWARD_PUBLIC_URL", &one.url(""))
        .start();
    let nodes = [&one, &two];
    let token = one.sign_in("admin", PASSWORD);
    for node in nodes {
        node.send("GET", "/auth", Some(&token), None).expect(200);
    }
    let stolen = kid_of(&token).as_str().unwrap().to_owned();
    let unknown = setup.run(&["keys", "revoke", "made-up"]).expect(1);
    assert!(unknown.err.contains("keys list"), "{}", unknown.err);
    let revoked = setup
        .run(&["keys", "revoke", &stolen, "--yes", "--json"])
        .expect(0);
    let (believed, slowest) = time_until_accepted(Instant::now(), &nodes, &token);
    // Nodes check their keys every 0.8 seconds. A busy machine delays that as it delays responses, of which the slowest
    // is a few milliseconds on an idle one.
    let bound = Duration::from_secs(1) + 10 * slowest;
    assert!(believed < bound, "{believed:?}, {slowest:?}");
    let kids = |node: &super::Server| {
        let jwks = node.get("/.well-known/jwks.json").expect(200).json();
        let keys = jwks["keys"].as_array().unwrap().clone();
        keys.into_iter()
            .map(|key| key["kid"].clone())
            .collect::<Vec<_>>()
    };
    let signs = revoked.json()["kid"].clone();
    for node in nodes {
        assert_eq!(kids(node), std::slice::from_ref(&signs));
    }
    let again = two.sign_in("admin", PASSWORD);
    assert_eq!(kid_of(&again), signs);
    let body = json!({"audience": "x"});
    let made = one
        .send("POST", "/auth/token", Some(&again), Some(body))
        .expect(200);
    assert_eq!(kid_of(made.json()["token"].as_str().unwrap()), signs);
    let events = one
        .send("GET", "/audit?event=key-revoked", Some(&again), None)
        .expect(200)
        .json();
    assert_eq!(events["items"][0]["actor"], "command-line");
    assert_eq!(events["items"][0]["detail"], stolen);
}
