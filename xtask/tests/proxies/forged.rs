//! `X-Auth-*` from a client, in every spelling: the site never receives it.

use doorward_testkit::servers::ADMIN_PASSWORD;

use crate::client::Client;
use crate::stack::{Kind, PASSWORD, ProxyStack};

crate::every_proxy!(identity_headers_of_a_client_are_dropped);

/// Names that some server reads as `X-Auth-Role`, and the same for the other fields.
fn spellings() -> Vec<String> {
    let mut spellings = Vec::new();
    for name in [
        "X-Auth-User-Id",
        "X-Auth-Username",
        "X-Auth-Email",
        "X-Auth-Role",
    ] {
        spellings.extend([name.to_owned(), name.to_lowercase(), name.to_uppercase()]);
        for other in ["_", "."] {
            spellings.extend([
                name.replace('-', other),
                name.to_uppercase().replace('-', other),
                name.replacen('-', other, 1),
                name.to_lowercase()
                    .replacen("auth-", &format!("auth{other}"), 1),
                name.to_lowercase()
                    .replacen("user-", &format!("user{other}"), 1),
            ]);
        }
    }
    spellings.sort();
    spellings.dedup();
    spellings
}

fn identity_headers_of_a_client_are_dropped(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let fields: Vec<String> = spellings()
        .iter()
        .map(|name| format!("{name}: admin-forged"))
        .collect();
    let ben = [
        stack.signed_in("ben", PASSWORD),
        stack.signed_in("ben", PASSWORD).by_http1(),
    ];
    let anonymous = [stack.anonymous(), stack.anonymous().by_http1()];
    for field in &fields {
        let by = usize::from(field.contains('_'));
        // Once and twice, with both protocols.
        assert_dropped(&ben[by], &anonymous[by], &["-H", field]);
        assert_dropped(
            &ben[1 - by],
            &anonymous[1 - by],
            &["-H", field, "-H", field],
        );
    }
    let all: Vec<&str> = fields.iter().flat_map(|field| ["-H", field]).collect();
    for client in ben.iter().chain(&anonymous) {
        for path in ["/reports", "/public/"] {
            let answer = client.ask(path, &all);
            assert!(!answer.body.contains("admin-forged"), "{answer:?}");
        }
    }
    forwarding_headers_of_a_client_are_dropped(&stack);
    identity_headers_cannot_be_removed(&stack);
}

#[track_caller]
fn assert_dropped(ben: &Client, anonymous: &Client, field: &[&str]) {
    let answer = ben.ask("/reports", field);
    assert!(
        !answer.body.contains("admin-forged"),
        "{field:?} {answer:?}"
    );
    // Doorward may reject a name with an underscore; any other is ignored.
    let is_refused = answer.status == 400 && answer.seen().is_none();
    if !(is_refused && field[1].contains('_')) {
        assert_eq!(answer.passed("x-auth-username"), ["ben"], "{field:?}");
        assert_eq!(answer.passed("x-auth-role"), ["user"], "{field:?}");
        let email = answer.passed("x-auth-email");
        assert!(email.iter().all(String::is_empty), "{field:?} {email:?}");
    }
    let answer = anonymous.ask("/public/", field);
    assert!(
        !answer.body.contains("admin-forged"),
        "{field:?} {answer:?}"
    );
    assert_eq!(answer.request(), "GET /public/");
    let closed = anonymous.ask("/reports", field);
    assert!(matches!(closed.status, 400 | 401), "{field:?} {closed:?}");
}

/// A client sends the fields with which a proxy describes the request.
fn forwarding_headers_of_a_client_are_dropped(stack: &ProxyStack) {
    let browser = stack.anonymous().browser();
    let forged = [
        "-H",
        "X-Forwarded-Uri: /elsewhere",
        "-H",
        "X-Forwarded-Method: GET",
    ];
    let answer = browser.ask("/reports", &forged);
    let sign_in_page = format!("{}/sign-in?return_to=%2Freports", stack.origin);
    assert_eq!(
        (answer.status, answer.field("location")),
        (303, Some(sign_in_page.as_str()))
    );
    for host in [
        "X-Forwarded-Host: evil.example",
        "Forwarded: host=evil.example",
    ] {
        let answer = browser.ask("/reports", &["-H", host]);
        assert_eq!(
            answer.field("location"),
            Some(sign_in_page.as_str()),
            "{host}"
        );
    }
    let post = browser.ask(
        "/reports",
        &["-d", "x=y", forged[0], forged[1], forged[2], forged[3]],
    );
    assert_eq!(post.status, 401, "{post:?}");
}

/// A client that lists these fields in `Connection` makes a proxy drop them. The site then sees no user, never
/// another one.
fn identity_headers_cannot_be_removed(stack: &ProxyStack) {
    let admin = stack.signed_in("admin", ADMIN_PASSWORD).by_http1();
    let ben = stack.signed_in("ben", PASSWORD).by_http1();
    for names in [
        "X-Auth-Role",
        "X-Auth-Role, X-Auth-User-Id, X-Auth-Username, X-Auth-Email",
        "X-Forwarded-Uri, X-Forwarded-Method, Cookie, Authorization",
    ] {
        let connection = format!("Connection: close, {names}");
        let drop = ["-H", connection.as_str()];
        for (client, own) in [(&admin, "admin"), (&ben, "user")] {
            let answer = client.ask("/reports", &drop);
            let role = answer.passed("x-auth-role");
            assert!(
                role.iter().all(|role| role.is_empty() || role == own),
                "{names} {answer:?}"
            );
        }
        let refused = ben.ask("/admin/", &drop);
        let is_in = refused.status == 200 && refused.seen().is_some();
        assert!(!is_in, "{names} {refused:?}");
    }
}
