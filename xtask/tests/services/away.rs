//! While Doorward is away.

use std::time::{Duration, Instant};

use doorward_testkit::servers::Doorward;

use crate::caller::Caller;
use crate::service::{EXAMPLES, Service};

#[test]
fn who_knows_the_keys_goes_on_and_who_does_not_says_so() {
    let doorward = Doorward::start(&[]);
    let token = Caller::admin(&doorward).token();
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
        eventually_lets_in(&late, &token);
    }
}

fn eventually_lets_in(service: &Service, token: &str) {
    let patience = Instant::now() + Duration::from_secs(20);
    while service.me(token).status != 200 {
        assert!(
            Instant::now() < patience,
            "{:?} never looked again",
            service.example
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
