//! `doorward keys`, beside a running server (J-06).

use serde_json::{Value, json};

use super::{Setup, eventually};
use crate::support::PASSWORD;

#[test]
fn keys_are_rotated_while_the_server_runs_and_nobody_is_signed_out() {
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
        text.out.contains("signs") && text.out.contains("retired"),
        "{}",
        text.out
    );
    server.send("GET", "/auth", Some(&old), None).expect(200);

    // A node that starts later signs with the new key; the running one believes its tokens at once.
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
fn before_the_first_start_there_is_no_key() {
    let setup = Setup::new();
    let none = setup.run(&["keys", "list"]).expect(0);
    assert!(none.out.contains("no key yet"), "{}", none.out);
}

/// T-REVOKE: what one node ends is over on the other within a second.
#[test]
fn what_one_node_ends_is_over_on_the_other() {
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
    let ended = std::time::Instant::now();
    eventually("it is over there too", || {
        (two.send("GET", "/auth", Some(&token), None).status == 401).then_some(())
    });
    assert!(
        ended.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        ended.elapsed()
    );
}
