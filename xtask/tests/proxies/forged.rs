//! `X-Auth-*` from a client, in every spelling: the site never receives it.

use doorward_testkit::servers::ADMIN_PASSWORD;

use crate::client::Client;
use crate::stand::{Kind, PASSWORD, Stand};

crate::every_proxy!(what_a_client_says_of_itself_is_dropped);

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

fn what_a_client_says_of_itself_is_dropped(kind: Kind) {
    let stand = Stand::start(kind);
    stand.create("ben");
    let fields: Vec<String> = spellings()
        .iter()
        .map(|name| format!("{name}: admin-forged"))
        .collect();
    let ben = [
        stand.signed_in("ben", PASSWORD),
        stand.signed_in("ben", PASSWORD).by_http1(),
    ];
    let nobody = [stand.anonymous(), stand.anonymous().by_http1()];
    for field in &fields {
        let by = usize::from(field.contains('_'));
        // Once and twice, with both protocols.
        assert_dropped(&ben[by], &nobody[by], &["-H", field]);
        assert_dropped(&ben[1 - by], &nobody[1 - by], &["-H", field, "-H", field]);
    }
    let all: Vec<&str> = fields.iter().flat_map(|field| ["-H", field]).collect();
    for client in ben.iter().chain(&nobody) {
        for path in ["/reports", "/public/"] {
            let answer = client.ask(path, &all);
            assert!(!answer.body.contains("admin-forged"), "{answer:?}");
        }
    }
    the_way_there_is_not_forged(&stand);
    fields_are_not_taken_away(&stand);
}

#[track_caller]
fn assert_dropped(ben: &Client, nobody: &Client, field: &[&str]) {
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
    let answer = nobody.ask("/public/", field);
    assert!(
        !answer.body.contains("admin-forged"),
        "{field:?} {answer:?}"
    );
    assert_eq!(answer.request(), "GET /public/");
    let closed = nobody.ask("/reports", field);
    assert!(matches!(closed.status, 400 | 401), "{field:?} {closed:?}");
}

/// A client sends the fields with which a proxy describes the request.
fn the_way_there_is_not_forged(stand: &Stand) {
    let browser = stand.anonymous().browser();
    let forged = [
        "-H",
        "X-Forwarded-Uri: /elsewhere",
        "-H",
        "X-Forwarded-Method: GET",
    ];
    let answer = browser.ask("/reports", &forged);
    let door = format!("{}/auth?return_to=%2Freports", stand.origin);
    assert_eq!(
        (answer.status, answer.field("location")),
        (303, Some(door.as_str()))
    );
    for host in [
        "X-Forwarded-Host: evil.example",
        "Forwarded: host=evil.example",
    ] {
        let answer = browser.ask("/reports", &["-H", host]);
        assert_eq!(answer.field("location"), Some(door.as_str()), "{host}");
    }
    let post = browser.ask(
        "/reports",
        &["-d", "x=y", forged[0], forged[1], forged[2], forged[3]],
    );
    assert_eq!(post.status, 401, "{post:?}");
}

/// A client that lists these fields in `Connection` makes a proxy drop them. The site then sees no user, never
/// another one.
fn fields_are_not_taken_away(stand: &Stand) {
    let admin = stand.signed_in("admin", ADMIN_PASSWORD).by_http1();
    let ben = stand.signed_in("ben", PASSWORD).by_http1();
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
