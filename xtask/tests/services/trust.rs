//! Tokens that Doorward issues, and the access that the examples give for them.

use doorward_testkit::servers::Doorward;

use crate::account::Account;
use crate::service::{Clock, EXAMPLES, Service};

#[test]
fn signed_in_users_have_access_and_admins_have_more() {
    let doorward = Doorward::start(&[]);
    let (admin, ben) = (Account::admin(&doorward), Account::user(&doorward, "ben"));
    for example in EXAMPLES {
        let service = Service::start(example, doorward.url());
        let answer = service.me(&ben.token()).expect(200).json();
        assert_eq!(answer["user"], ben.id, "{example:?}");
        assert_eq!(answer["session"], ben.session_id, "{example:?}");
        assert_eq!(answer["role"], "user", "{example:?}");
        service.admin(&ben.token()).expect(403);
        let answer = service.me(&admin.token()).expect(200).json();
        assert_eq!(answer["role"], "admin", "{example:?}");
        service.admin(&admin.token()).expect(200);
    }
}

#[test]
fn session_tokens_and_tokens_of_other_issuers_are_rejected() {
    let (doorward, other) = (Doorward::start(&[]), Doorward::start(&[]));
    let (admin, other_admin) = (Account::admin(&doorward), Account::admin(&other));
    for example in EXAMPLES {
        let service = Service::start(example, doorward.url());
        service.me(&admin.token()).expect(200);
        service.refuses(&admin.session, "a session token");
        let foreign = admin.token_for("https://other.example.com");
        service.refuses(&foreign, "a foreign audience");
        service.refuses(&other_admin.token(), "another Doorward");
    }
}

/// The service's clock is ten minutes ahead, so tokens that Doorward issues now have expired there.
#[test]
fn an_expired_token_is_rejected() {
    let doorward = Doorward::start(&[]);
    let admin = Account::admin(&doorward);
    for example in EXAMPLES {
        let service = Service::start_at(example, doorward.url(), Clock::Ahead);
        service.refuses(&admin.token(), "an expired token");
        let service = Service::start(example, doorward.url());
        service.me(&admin.token()).expect(200);
    }
}

/// The documented limit: up to five minutes. A service that needs less calls Doorward (`check`).
#[test]
fn a_token_outlives_its_session_only_until_its_expiry() {
    let doorward = Doorward::start(&[]);
    let ben = Account::user(&doorward, "ben");
    let token = ben.token();
    ben.sign_out();
    for example in EXAMPLES {
        let service = Service::start(example, doorward.url());
        service.me(&token).expect(200);
        let service = Service::start_at(example, doorward.url(), Clock::Ahead);
        service.refuses(&token, "five minutes later");
    }
}
