//! `kill -9` during sign-ups: acknowledged sign-ups are stored, and none is half done (T-POWER).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use doorward_testkit::repeat::repetitions;
use serde_json::json;

use super::{Server, Setup, eventually};
use crate::support::PASSWORD;

/// Number of acknowledged sign-ups before the kill.
const ENOUGH: usize = 30;

/// T-POWER: `cargo xtask repeat` runs it 200 times.
#[test]
fn every_acknowledged_sign_up_survives_a_kill() {
    let setup = Setup::new()
        .with("DOORWARD_THROTTLE__ENABLED", "false")
        .with("ADMIN_PASSWORD", PASSWORD);
    for round in 0..repetitions(1) {
        let asked = killed_under_load(setup.start(), round);
        has_acknowledged_state(&setup.start(), &asked);
    }
}

/// Returns the usernames of all requests, and whether each was acknowledged.
fn killed_under_load(server: Server, round: usize) -> Vec<(String, bool)> {
    let server = Arc::new(server);
    let (acknowledged, is_finished) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let people: Vec<_> = (0..4)
        .map(|thread| {
            let (server, acknowledged, is_finished) =
                (server.clone(), acknowledged.clone(), is_finished.clone());
            std::thread::spawn(move || {
                let mut asked = Vec::new();
                for number in 0.. {
                    let name = format!("user-{round}-{thread}-{number}");
                    let body = json!({"username": name, "password": PASSWORD});
                    let answer = server.try_send("POST", "/user", None, Some(&body));
                    let is_there = answer.as_ref().is_ok_and(|reply| reply.status == 201);
                    asked.push((name, is_there));
                    if !is_there {
                        assert!(is_finished.load(Ordering::SeqCst), "{answer:?}");
                        return asked;
                    }
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                asked
            })
        })
        .collect();
    eventually("thirty are acknowledged", || {
        (acknowledged.load(Ordering::SeqCst) >= ENOUGH).then_some(())
    });
    is_finished.store(true, Ordering::SeqCst);
    server.signal("KILL");
    let asked = people.into_iter().flat_map(|person| person.join().unwrap());
    asked.collect()
}

/// Asserts that acknowledged users exist, and no user is half created.
fn has_acknowledged_state(server: &Server, asked: &[(String, bool)]) {
    let admin = server.sign_in("admin", PASSWORD);
    let mut there = 0;
    for (name, is_there) in asked {
        let found = server
            .send("GET", &format!("/user/{name}"), Some(&admin), None)
            .status;
        assert!(
            found == 200 || !is_there,
            "{name} was acknowledged and is missing"
        );
        if found == 200 {
            there += 1;
            // Every user who exists has the password and an audit event.
            server.sign_in(name, PASSWORD);
            let audit = server
                .send(
                    "GET",
                    &format!("/audit?event=sign-up&user={name}"),
                    Some(&admin),
                    None,
                )
                .expect(200)
                .json();
            assert_eq!(audit["items"].as_array().unwrap().len(), 1, "{name}");
        } else {
            server
                .post("/user", json!({"username": name, "password": PASSWORD}))
                .expect(201);
        }
    }
    assert!(there >= ENOUGH);
}
