//! Programs with a token, and what else passes through a proxy.

use serde_json::json;

use crate::stack::{Kind, PASSWORD, ProxyStack};

crate::every_proxy!(
    a_program_sends_a_token_and_is_never_redirected,
    a_body_and_large_headers_are_forwarded,
    error_responses_are_forwarded,
    the_client_address_cannot_be_forged,
    only_same_origin_forms_work_through_the_proxy,
);

fn a_program_sends_a_token_and_is_never_redirected(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let program = stack.anonymous();
    let authorization = format!("Authorization: Bearer {}", stack.token("ben", PASSWORD));
    let seen = program.ask("/reports?x=1", &["-H", &authorization]);
    assert_eq!(seen.request(), "GET /reports?x=1");
    assert_eq!(seen.passed("x-auth-username"), ["ben"]);
    let own = program.ask("/user/me", &["-H", &authorization]);
    assert_eq!(own.json()["username"], "ben");
    for (arguments, code) in [
        (&[][..], "authentication-required"),
        (&["-H", "Authorization: Bearer nonsense"], "invalid-token"),
        (&["-X", "POST", "-d", "x=y"], "authentication-required"),
        (
            &["-H", "Accept: application/json"],
            "authentication-required",
        ),
        (
            &["-H", "Accept: application/json, text/html"],
            "authentication-required",
        ),
    ] {
        let refused = program.ask("/reports", arguments);
        assert_eq!(refused.status, 401, "{arguments:?} {refused:?}");
        assert_eq!(
            refused.field("content-type"),
            Some("application/problem+json")
        );
        assert!(
            refused
                .field("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
        assert_eq!(refused.json()["code"], code, "{arguments:?}");
    }
    // The same for a browser that does not open a page: a redirect would not be displayed.
    let browser = stack.anonymous().browser();
    for arguments in [
        &["-I"][..],
        &["-d", "x=y"],
        &["-X", "PUT", "-d", "x=y"],
        &["-X", "DELETE"],
    ] {
        let refused = browser.ask("/reports", arguments);
        assert_eq!(
            (refused.status, refused.field("location")),
            (401, None),
            "{arguments:?}"
        );
    }
}

fn a_body_and_large_headers_are_forwarded(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let ben = stack.signed_in("ben", PASSWORD);
    let body = "plum ".repeat(20_000);
    let seen = ben.ask("/notes?new", &["--data-binary", &body]);
    assert_eq!(seen.request(), "POST /notes?new");
    assert!(seen.seen().unwrap().last().unwrap() == body.trim_end() || seen.body.contains(&body));
    let large = format!("X-Large: {}", "x".repeat(6000));
    let seen = ben.ask("/reports", &["-H", &large]);
    assert_eq!(seen.passed("x-large")[0].len(), 6000);
    assert_eq!(seen.passed("x-auth-username"), ["ben"]);
}

/// Doorward rejects a request before it is read completely, and malformed ones.
fn error_responses_are_forwarded(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let ben = stack.signed_in("ben", PASSWORD);
    let patch = ["-X", "PATCH", "-H", "Content-Type: application/json"];
    for size in [66_000, 900_000] {
        let file = stack.file(&" ".repeat(size));
        let data = format!("@{file}");
        for (client, expected) in [(&ben, 413), (&stack.anonymous(), 401)] {
            for _ in 0..10 {
                let mut arguments = patch.to_vec();
                arguments.extend(["--data-binary", &data]);
                let refused = client.ask("/user/me", &arguments);
                assert_eq!(refused.status, expected, "{refused:?}");
            }
        }
    }
    // The server cannot know which one is meant.
    let bearer = format!("Authorization: Bearer {}", stack.token("ben", PASSWORD));
    let twice = format!("Cookie: {0}; {0}", ben.cookie());
    let one = format!("Cookie: {}", ben.cookie());
    for arguments in [&["-H", &one, "-H", &bearer][..], &["-H", &twice]] {
        let refused = stack.anonymous().ask("/reports", arguments);
        assert_eq!((refused.status, refused.seen()), (400, None), "{refused:?}");
    }
}

/// H-10 is effective with the proxy's address as the public URL.
fn only_same_origin_forms_work_through_the_proxy(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let form = "username=ben&password=plum+cake+on+sundays";
    let ours = format!("Origin: {}", stack.origin);
    for (fields, status) in [
        (["-H", ours.as_str()], 303),
        (["-H", "Origin: https://evil.example"], 403),
        (["-H", "Sec-Fetch-Site: same-site"], 403),
        (["-H", "Sec-Fetch-Site: cross-site"], 403),
    ] {
        let client = stack.anonymous();
        let mut arguments = vec!["-H", "Accept: text/html", "-d", form];
        arguments.extend(fields);
        let answer = client.ask("/auth", &arguments);
        assert_eq!(answer.status, status, "{fields:?} {answer:?}");
        let cookie = answer.field("set-cookie");
        let is_session = cookie.is_some_and(|cookie| cookie.starts_with("__Host-doorward="));
        assert_eq!(is_session, status == 303);
    }
    let ben = stack.signed_in("ben", PASSWORD);
    let cookie = format!("Cookie: {}", ben.cookie());
    let elsewhere = [
        "-X",
        "POST",
        "-H",
        &cookie,
        "-H",
        "Sec-Fetch-Site: cross-site",
    ];
    assert_eq!(
        stack.anonymous().ask("/auth/sign-out", &elsewhere).status,
        403
    );
    assert_eq!(ben.get("/reports").status, 200);
    // The request of a page's script.
    let name = json!({"name": "Ben"}).to_string();
    let json = [
        "-X",
        "PATCH",
        "-H",
        "Content-Type: application/json",
        "-d",
        &name,
    ];
    assert_eq!(ben.ask("/user/me", &json).status, 200);
}

/// throttling uses it, and users identify their sessions by it. A client cannot set it.
fn the_client_address_cannot_be_forged(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let credentials = json!({"username": "ben", "password": PASSWORD}).to_string();
    let from_elsewhere = [
        "--interface",
        "127.0.0.77",
        "-H",
        "Content-Type: application/json",
        "-H",
        "X-Forwarded-For: 192.0.2.7",
        "-H",
        "Forwarded: for=192.0.2.7",
        "-H",
        "X-Real-Ip: 192.0.2.7",
        "-d",
        &credentials,
    ];
    let signed_in = stack.anonymous().ask("/auth", &from_elsewhere);
    let token = signed_in.json()["token"].as_str().unwrap().to_owned();
    let authorization = format!("Authorization: Bearer {token}");
    let sessions = stack
        .anonymous()
        .ask("/user/me/session", &["-H", &authorization]);
    let sessions = sessions.json();
    assert_eq!(sessions["items"][0]["address"], "127.0.0.77", "{sessions}");
}
