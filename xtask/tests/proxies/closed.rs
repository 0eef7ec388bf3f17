//! Denied access: signed out, disabled, deleted, and while Doorward does not respond.

use doorward_testkit::patience::until;
use doorward_testkit::process::Process;
use doorward_testkit::repository::root;
use doorward_testkit::tools::tool;
use serde_json::json;

use crate::client::Client;
use crate::stand::{Kind, PASSWORD, Stand};

crate::every_proxy!(
    an_ended_session_has_no_access_at_once,
    without_an_answer_nothing_passes,
    without_an_answer_in_time_nothing_passes,
    a_200_of_another_server_identifies_no_user,
);

fn an_ended_session_has_no_access_at_once(kind: Kind) {
    let stand = Stand::start(kind);
    for name in ["ben", "off", "gone", "meek"] {
        stand.create(name);
    }
    let ben = stand.signed_in("ben", PASSWORD);
    let cookie = format!("Cookie: {}", ben.cookie());
    assert_eq!(ben.get("/reports").status, 200);
    let out = ben.post("/auth/sign-out", "");
    assert_eq!((out.status, out.field("location")), (303, Some("/")));
    assert!(out.field("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(ben.get("/reports").status, 303);
    // A copy of the cookie is invalid, too.
    let kept = stand.anonymous().browser();
    assert_eq!(kept.ask("/reports", &["-H", &cookie]).status, 303);
    assert_eq!(
        stand.anonymous().ask("/reports", &["-H", &cookie]).status,
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
        let client = stand.signed_in(name, PASSWORD);
        assert_eq!(client.get("/reports").status, 200);
        let done = stand.as_admin(method, path, &body);
        assert!(matches!(done.status, 200 | 204), "{done:?}");
        let shut_out = client.get("/reports");
        assert_eq!(shut_out.status, 303, "{name} {shut_out:?}");
    }
    // A new role takes effect at once, too.
    let meek = stand.signed_in("meek", PASSWORD);
    assert_eq!(meek.get("/admin/").status, 403);
    let promoted = stand.as_admin("PUT", "/user/meek/role", &json!({"role": "admin"}));
    assert_eq!(promoted.status, 200, "{promoted:?}");
    assert_eq!(meek.get("/admin/").request(), "GET /admin/");
}

fn without_an_answer_nothing_passes(kind: Kind) {
    let stand = Stand::start(kind);
    stand.create("ben");
    let ben = stand.signed_in("ben", PASSWORD);
    assert_eq!(ben.get("/reports").status, 200);
    stand.doorward.stop();
    for client in [&ben, &stand.anonymous(), &stand.anonymous().browser()] {
        for path in ["/reports", "/admin/", "/"] {
            let answer = client.get(path);
            assert!(answer.status >= 500, "{path} {answer:?}");
            assert!(answer.seen().is_none(), "{path} {answer:?}");
        }
    }
    stand.doorward.start_again();
    // A proxy may skip a server for a while that it could not reach.
    let back = until("the site is there again", || {
        let answer = ben.get("/reports");
        (answer.status < 500).then_some(answer)
    });
    assert_eq!(back.request(), "GET /reports", "{back:?}");
}

/// It accepts connections, and sends nothing.
fn without_an_answer_in_time_nothing_passes(kind: Kind) {
    let stand = Stand::start(kind);
    stand.create("ben");
    let ben = stand.signed_in("ben", PASSWORD);
    assert_eq!(ben.get("/reports").status, 200);
    // Traefik's timeout cannot be set.
    let (longest, expected) = match kind {
        Kind::Traefik => ("40", 500),
        Kind::Nginx => ("15", 503),
        Kind::Caddy => ("15", 504),
    };
    stand.doorward.signal("STOP");
    let anybody = stand.anonymous().browser();
    let answers = std::thread::scope(|scope| {
        let ask = |client: &Client| client.ask("/reports", &["--max-time", longest]);
        let asking = [&ben, &anybody].map(|client| scope.spawn(move || ask(client)));
        asking.map(|asked| asked.join().unwrap())
    });
    stand.doorward.signal("CONT");
    for answer in answers {
        assert_eq!(answer.status, expected, "{answer:?}");
        assert!(answer.seen().is_none(), "{answer:?}");
    }
    let back = until("the site is there again", || {
        ben.try_get("/reports")?.seen()
    });
    assert_eq!(back[0], "GET /reports");
}

/// The proxy uses another server, which responds 200 to everything without the fields.
fn a_200_of_another_server_identifies_no_user(kind: Kind) {
    let stand = Stand::start(kind);
    stand.doorward.stop();
    let mut stranger = tool("python");
    stranger.arg(root().join("examples/site/site.py"));
    stranger.env("PORT", stand.doorward.port().to_string());
    let _stranger = Process::start(&stranger, stand.doorward.folder());
    let client = stand.anonymous();
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
