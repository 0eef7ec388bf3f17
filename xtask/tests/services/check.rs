//! The example that calls Doorward for every request.

use std::time::{Duration, Instant};

use doorward_testkit::servers::Doorward;
use serde_json::json;

use crate::account::Account;
use crate::http::Request;
use crate::service::{Example, Service};

#[test]
fn signed_in_users_have_access_and_admins_have_more() {
    let doorward = Doorward::start(&[]);
    let service = Service::start(Example::FastApi, doorward.url());
    let (admin, zoe) = (Account::admin(&doorward), Account::user(&doorward, "zoë"));
    let answer = service.me(&zoe.session).expect(200).json();
    assert_eq!(answer["user"], zoe.id);
    assert_eq!(answer["username"], "zoë");
    service.admin(&zoe.session).expect(403);
    service.admin(&admin.session).expect(200);
    service.refuses(&admin.token(), "a token for another");
    service.refuses("made-up", "no token");
    let answer = service.ask(None).unwrap().expect(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[test]
fn a_revocation_or_change_applies_to_the_next_request() {
    let doorward = Doorward::start(&[]);
    let service = Service::start(Example::FastApi, doorward.url());
    let (admin, ben) = (Account::admin(&doorward), Account::user(&doorward, "ben"));
    admin.set(&ben, "role", "admin");
    service.admin(&ben.session).expect(200);
    admin.set(&ben, "role", "user");
    service.admin(&ben.session).expect(403);
    admin.set(&ben, "status", "disabled");
    service.refuses(&ben.session, "a disabled account");
    admin.sign_out();
    service.refuses(&admin.session, "a session that has ended");
}

/// No response denies access, within a time limit.
#[test]
fn access_is_denied_while_doorward_is_down_or_hangs() {
    let doorward = Doorward::start(&[]);
    let service = Service::start(Example::FastApi, doorward.url());
    let admin = Account::admin(&doorward);
    service.me(&admin.session).expect(200);
    doorward.signal("STOP");
    let asked = Instant::now();
    service.me(&admin.session).expect(503);
    assert!(asked.elapsed() < Duration::from_secs(30), "{asked:?}");
    doorward.signal("CONT");
    service.eventually_accepts(&admin.session);
    doorward.stop();
    let answer = service.me(&admin.session).expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    doorward.start_again();
    service.eventually_accepts(&admin.session);
}

/// A browser sends the cookie by itself, also with a request that a page of another site has caused.
#[test]
fn the_cookie_signs_in_and_another_site_cannot_use_it_to_write() {
    let doorward = Doorward::start(&[]);
    let service = Service::start(Example::FastApi, doorward.url());
    let ben = Account::user(&doorward, "ben");
    let cookie = format!("__Host-doorward={}; theirs=1", ben.session);
    let request = |method, path: &str| {
        Request::new(method, &format!("{}{path}", service.url)).field("Cookie", &cookie)
    };
    let answer = request("GET", "/me").send().expect(200).json();
    assert_eq!(answer["username"], "ben");
    let note = json!({"text": "buy milk"});
    for site in ["cross-site", "same-site"] {
        let write = request("POST", "/notes").field("Sec-Fetch-Site", site);
        write.json(&note).send().expect(403);
    }
    request("POST", "/notes").json(&note).send().expect(403);
    let write = request("POST", "/notes").field("Sec-Fetch-Site", "same-origin");
    write.json(&note).send().expect(201);
}
