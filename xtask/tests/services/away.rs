//! While Doorward is away.

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
        late.lets_in_at_last(&token);
    }
}
