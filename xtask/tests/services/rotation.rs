//! Keys are rotated during requests, and no request fails.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_testkit::servers::{Doorward, doorward_binary};
use doorward_testkit::tools::{node_modules, tool};
use doorward_testkit::wait::{until, wait_until};
use serde_json::Value;

use crate::account::Account;
use crate::http;
use crate::service::{AUDIENCE, EXAMPLES, Lines, Service, put_forward};

/// Creation time of a new key.
enum RotationTime {
    Now,
    /// A quarter of an hour ago, by the command's clock: it signs at once.
    Before,
}

/// Runs `doorward keys rotate` next to the running server. Returns the id of the new key.
fn rotate(doorward: &Doorward, time: &RotationTime) -> String {
    let mut command = Command::new(doorward_binary());
    command.env_clear();
    if matches!(time, RotationTime::Before) {
        put_forward(&mut command, "-15m");
    }
    command
        .args(["keys", "rotate", "--json"])
        .env("DOORWARD_DATA_DIR", doorward.folder().join("data"))
        .current_dir(doorward.folder());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let reported: Value = serde_json::from_slice(&output.stdout).unwrap();
    reported["kid"].as_str().unwrap().to_owned()
}

fn kid(token: &str) -> String {
    let header = token.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Ids of the keys in Doorward's JWKS.
fn shown(doorward: &Doorward) -> Vec<String> {
    let jwks = http::get(&format!("{}/.well-known/jwks.json", doorward.url()), None);
    assert_eq!(jwks.header("cache-control"), "public, max-age=300");
    let jwks = jwks.expect(200).json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Sends requests to each service while `during` runs: each with a new token, and with an old one. `during` gets
/// the number of requests so far.
fn under_load(services: &[Service], account: &Account, during: impl FnOnce(&AtomicUsize)) {
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let before = account.token();
    thread::scope(|scope| {
        for service in services {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::SeqCst) {
                        for token in [&account.token(), &before] {
                            let answer = service.me(token);
                            let (example, kid) = (service.example, kid(token));
                            assert_eq!(answer.status, 200, "{example:?}, {kid}: {answer:?}");
                            asked.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        }
        let _over = SetAtEnd(&is_over);
        during(&asked);
    });
}

/// Ends the load on drop, also after a panic.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Keeps the load for longer than the second in which a service refreshes its keys once, and for enough requests.
fn for_a_while(asked: &AtomicUsize) {
    let enough = asked.load(Ordering::SeqCst) + 50;
    thread::sleep(Duration::from_millis(1_500));
    until("requests get responses", || {
        (asked.load(Ordering::SeqCst) > enough).then_some(())
    });
}

/// Waits until the JWKS starts with this key: each request makes the server refresh its keys, at most once in a
/// short time.
fn show_first(doorward: &Doorward, kid: &str) {
    wait_until(|| shown(doorward), |kids| kids[0] == kid);
}

#[test]
fn no_request_fails_while_keys_are_rotated() {
    let doorward = Doorward::start(&[]);
    let admin = Account::admin(&doorward);
    let services = EXAMPLES.map(|example| Service::start(example, doorward.url()));
    under_load(&services, &admin, |asked| {
        let first = kid(&admin.token());
        for_a_while(asked);
        let second = rotate(&doorward, &RotationTime::Now);
        show_first(&doorward, &second);
        assert_eq!(shown(&doorward), [second, first.clone()]);
        assert_eq!(
            kid(&admin.token()),
            first,
            "the new key is only published so far"
        );
        for_a_while(asked);
        let third = rotate(&doorward, &RotationTime::Before);
        show_first(&doorward, &third);
        assert_eq!(
            kid(&admin.token()),
            third,
            "a key that the services do not know"
        );
        for_a_while(asked);
    });
}

const PYTHON: &str = "
import jwt, sys
url, audience = sys.argv[1:]
keys = jwt.PyJWKClient(url + '/.well-known/jwks.json')
for token in sys.stdin:
    token = token.strip()
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=['EdDSA'], audience=audience, issuer=url)
    print(claims['sub'], flush=True)
";

const NODE: &str = "
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'
const [url, audience] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(url + '/.well-known/jwks.json'))
for await (const token of createInterface({ input: process.stdin })) {
  console.log((await jwtVerify(token, keys, { audience, issuer: url })).payload.sub)
}
";

/// With the libraries' defaults, and a refresh of the keys just before.
#[test]
fn no_request_fails_with_the_defaults_of_pyjwt_and_jose() {
    let doorward = Doorward::start(&[]);
    let admin = Account::admin(&doorward);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain.mjs");
    std::fs::write(&file, NODE).unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    let mut commands = [tool("python"), tool("node")];
    commands[0].args(["-c", PYTHON]);
    commands[1].arg(file);
    let mut readers = commands.map(|mut command| {
        command.args([doorward.url(), AUDIENCE]);
        Lines::start(&command)
    });
    for _ in 0..3 {
        for reader in &mut readers {
            assert_eq!(reader.answer(&admin.token()), admin.id);
        }
        let new = rotate(&doorward, &RotationTime::Now);
        show_first(&doorward, &new);
    }
}
