//! While Doorward is down, or hangs.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use doorward_testkit::servers::Doorward;
use serde_json::json;

use crate::account::Account;
use crate::issuer::{header, sign, unknown_key};
use crate::service::{EXAMPLES, Service};

#[test]
fn a_service_with_cached_keys_continues_and_others_return_503() {
    let doorward = Doorward::start(&[]);
    let token = Account::admin(&doorward).token();
    for example in EXAMPLES {
        let service = Service::start(example, doorward.url());
        service.me(&token).expect(200);
        doorward.stop();
        for _ in 0..20 {
            service.me(&token).expect(200);
        }
        let late = Service::start(example, doorward.url());
        let answer = late.me(&token).expect(503);
        assert_eq!(answer.header("retry-after"), "1", "{example:?}");
        doorward.start_again();
        service.me(&token).expect(200);
        late.eventually_accepts(&token);
    }
}

/// Anyone can make up key ids. While Doorward hangs, a lookup takes long, and a client with a known key must not
/// wait for it.
#[test]
fn unknown_keys_do_not_delay_known_ones_while_doorward_hangs() {
    let doorward = Doorward::start(&[]);
    let token = Account::admin(&doorward).token();
    for example in EXAMPLES {
        let service = Service::start(example, doorward.url());
        service.me(&token).expect(200);
        // After the second in which it does not refresh its keys.
        let fetched = Instant::now();
        while fetched.elapsed() < Duration::from_millis(1_100) {
            service.me(&token).expect(200);
        }
        doorward.signal("STOP");
        let calls = &|client: usize| {
            for call in 0..3 {
                let mut header = header();
                header["kid"] = json!(format!("invented-{client}-{call}"));
                let token = sign(&header, &json!({}), &unknown_key());
                service.me(&token).expect(503);
            }
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..10)
                .map(|client| scope.spawn(move || calls(client)))
                .collect();
            let mut took = Vec::new();
            while !clients.iter().all(ScopedJoinHandle::is_finished) {
                let asked = Instant::now();
                service.me(&token).expect(200);
                took.push(asked.elapsed());
            }
            // A request that waited for the others would always be slow; a busy machine delays single ones.
            took.sort_unstable();
            let usual = took[took.len() / 2];
            assert!(usual < Duration::from_secs(1), "{example:?}: {took:?}");
        });
        doorward.signal("CONT");
        service.me(&token).expect(200);
    }
}
