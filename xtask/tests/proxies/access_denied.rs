//! Denied access: signed out, disabled, deleted, and while Doorward does not respond.

use doorward_testkit::process::Process;
use doorward_testkit::repository::root;
use doorward_testkit::tools::tool;
use doorward_testkit::wait::until;
use serde_json::json;

use crate::client::Client;
use crate::stack::{Kind, PASSWORD, ProxyStack};

crate::every_proxy!(
    an_ended_session_has_no_access_at_once,
    access_is_denied_if_doorward_is_down,
    access_is_denied_if_doorward_hangs,
    a_200_of_another_server_identifies_no_user,
);

fn an_ended_session_has_no_access_at_once(kind: Kind) {
    let stack = ProxyStack::start(kind);
    for name in ["ben", "off", "gone", "meek"] {
        stack.create(name);
    }
    let ben = stack.signed_in("ben", PASSWORD);
    let cookie = format!("Cookie: {}", ben.cookie());
    assert_eq!(ben.get("/reports").status, 200);
    let out = ben.post("/auth/sign-out", "");
    let page = Some("/sign-in?signed-out");
    assert_eq!((out.status, out.field("location")), (303, page));
    assert!(out.deletes_session_cookie(), "{out:?}");
    assert_eq!(ben.get("/reports").status, 303);
    // A copy of the cookie is invalid, too.
    let kept = stack.anonymous().browser();
    assert_eq!(kept.ask("/reports", &["-H", &cookie]).status, 303);
    assert_eq!(
        stack.anonymous().ask("/reports", &["-H", &cookie]).status,
        401
    );
    for (name, method, path, body) in [
        (
            "off",
            "PUT",
            "/user/off/status",
            json!({"status": "disabled"}),
        ),
        ("gone", "DELETE", "/user/gone", json!({})),
        ("meek", "DELETE", "/user/meek/session", json!({})),
    ] {
        let client = stack.signed_in(name, PASSWORD);
        assert_eq!(client.get("/reports").status, 200);
        let done = stack.as_admin(method, path, &body);
        assert!(matches!(done.status, 200 | 204), "{done:?}");
        let shut_out = client.get("/reports");
        assert_eq!(shut_out.status, 303, "{name} {shut_out:?}");
    }
    // A new role takes effect at once, too.
    let meek = stack.signed_in("meek", PASSWORD);
    assert_eq!(meek.get("/admin/").status, 403);
    let promoted = stack.as_admin("PUT", "/user/meek/role", &json!({"role": "admin"}));
    assert_eq!(promoted.status, 200, "{promoted:?}");
    assert_eq!(meek.get("/admin/").request(), "GET /admin/");
}

fn access_is_denied_if_doorward_is_down(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let ben = stack.signed_in("ben", PASSWORD);
    assert_eq!(ben.get("/reports").status, 200);
    stack.doorward.stop();
    for client in [&ben, &stack.anonymous(), &stack.anonymous().browser()] {
        for path in ["/reports", "/admin/", "/"] {
            let answer = client.get(path);
            assert!(answer.status >= 500, "{path} {answer:?}");
            assert!(answer.seen().is_none(), "{path} {answer:?}");
        }
    }
    stack.doorward.start_again();
    // A proxy may skip a server for a while that it could not reach.
    let back = until("the site is available again", || {
        let answer = ben.get("/reports");
        (answer.status < 500).then_some(answer)
    });
    assert_eq!(back.request(), "GET /reports", "{back:?}");
}

/// It accepts connections, and sends nothing.
fn access_is_denied_if_doorward_hangs(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let ben = stack.signed_in("ben", PASSWORD);
    assert_eq!(ben.get("/reports").status, 200);
    // Traefik's timeout cannot be set.
    let (longest, expected) = match kind {
        Kind::Traefik => ("40", 500),
        Kind::Nginx => ("15", 503),
        Kind::Caddy => ("15", 504),
    };
    stack.doorward.signal("STOP");
    let anonymous = stack.anonymous().browser();
    let answers = std::thread::scope(|scope| {
        let ask = |client: &Client| client.ask("/reports", &["--max-time", longest]);
        let asking = [&ben, &anonymous].map(|client| scope.spawn(move || ask(client)));
        asking.map(|asked| asked.join().unwrap())
    });
    stack.doorward.signal("CONT");
    for answer in answers {
        assert_eq!(answer.status, expected, "{answer:?}");
        assert!(answer.seen().is_none(), "{answer:?}");
    }
    let back = until("the site is available again", || {
        ben.try_get("/reports")?.seen()
    });
    assert_eq!(back[0], "GET /reports");
}

/// The proxy uses another server, which responds 200 to everything without the fields.
fn a_200_of_another_server_identifies_no_user(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.doorward.stop();
    let mut other_server = tool("python");
    other_server.arg(root().join("examples/site/site.py"));
    other_server.env("PORT", stack.doorward.port().to_string());
    let _other_server = Process::start(&other_server, stack.doorward.folder());
    let client = stack.anonymous();
    until("the other server responds", || {
        client.try_get("/auth")?.seen()
    });
    let forged = [
        "-H",
        "X-Auth-User-Id: admin-forged",
        "-H",
        "X-Auth-Role: admin",
    ];
    for arguments in [&[][..], &forged] {
        let answer = client.ask("/reports", arguments);
        for name in ["x-auth-user-id", "x-auth-username", "x-auth-role"] {
            let passed = answer.passed(name);
            assert!(passed.iter().all(String::is_empty), "{answer:?}");
        }
    }
}
