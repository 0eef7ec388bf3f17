//! From a protected page to the sign-in, and back to it.

use doorward_testkit::servers::ADMIN_PASSWORD;

use crate::client::{Answer, unescaped};
use crate::stack::{Kind, PASSWORD, ProxyStack};

crate::every_proxy!(
    return_to_is_exact,
    return_to_another_site_is_ignored,
    the_site_gets_the_identity,
    a_part_of_the_site_is_for_admins_only,
    only_listed_paths_are_public,
);

/// Targets that must be preserved exactly.
const WANTED: &[&str] = &[
    "/",
    "/reports",
    "/reports/?year=2026&by=month",
    "/reports?q=%26&r=%23&s=%25&t=a%2Bb+c&u=%2F%2Fevil.example%2F&v=%0A",
    "/?next=https://evil.example/&return_to=/x&=&&",
    // Without an apostrophe: a browser sends `%27` in a query, and the URL Standard's parser writes it.
    "/a%20b/%C3%BC.html?x=()*!$,:@[]~",
    "/stra%C3%9Fe/100%25?",
];

/// The `return_to` in a page's form.
fn carried(page: &Answer) -> Option<String> {
    let (_, rest) = page.body.split_once("name=\"return_to\" value=\"")?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn encoded(path: &str) -> String {
    let bytes = path.bytes().map(|byte| format!("%{byte:02X}"));
    bytes.collect()
}

fn return_to_is_exact(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    // The maximum length, with three bytes for each after encoding.
    let longest = format!("/?q={}", "/".repeat(2048 - "/?q=".len()));
    for wanted in WANTED.iter().copied().chain([longest.as_str()]) {
        let ben = stack.anonymous().browser();
        let closed = ben.get(wanted);
        assert_eq!(closed.status, 303, "{wanted} {closed:?}");
        assert!(closed.body.is_empty() && closed.field("cache-control") == Some("no-store"));
        let sign_in_page = closed.field("location").unwrap();
        let start = format!("{}/sign-in?return_to=", stack.origin);
        assert!(sign_in_page.starts_with(&start), "{sign_in_page}");
        let page = ben.get(sign_in_page);
        assert_eq!(
            (page.status, carried(&page).as_deref()),
            (200, Some(wanted))
        );
        // A failed attempt preserves it.
        let form = |password: &str| {
            let password = password.replace(' ', "+");
            format!(
                "return_to={}&username=ben&password={password}",
                encoded(wanted)
            )
        };
        let refused = ben.post("/auth", &form("not mine"));
        assert_eq!(
            (refused.status, carried(&refused).as_deref()),
            (401, Some(wanted))
        );
        let signed_in = ben.post("/auth", &form(PASSWORD));
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
        let back = signed_in.field("location").unwrap();
        assert_eq!(back, wanted);
        assert_eq!(ben.get(back).request(), format!("GET {wanted}"));
        // A user who is signed in already, in another tab, is redirected at once.
        let again = ben.get(sign_in_page);
        assert_eq!((again.status, again.field("location")), (303, Some(back)));
    }
}

fn return_to_another_site_is_ignored(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    for evil in [
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "/%2Fevil.example/",
        "/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ] {
        for value in [
            encoded(evil),
            evil.replace("\r\n", "%0D%0A").replace(' ', "+"),
        ] {
            let ben = stack.anonymous().browser();
            let page = ben.get(&format!("/sign-in?return_to={value}"));
            assert_eq!((page.status, carried(&page)), (200, None), "{evil}");
        }
        let ben = stack.anonymous().browser();
        let form = format!(
            "return_to={}&username=ben&password=plum+cake+on+sundays",
            encoded(evil)
        );
        let answer = ben.post("/auth", &form);
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, Some("/account")),
            "{evil}"
        );
    }
    // A path that starts like this is on the same site; no honest client requests it.
    for path in ["//evil.example/", "/.//evil.example/", "/\\evil.example/"] {
        let answer = stack.anonymous().browser().get(path);
        assert!(answer.seen().is_none(), "{answer:?}");
        if let Some(sign_in_page) = answer.field("location") {
            assert!(
                sign_in_page.starts_with('/') && !sign_in_page.starts_with("//")
                    || sign_in_page.starts_with(&stack.origin),
                "{sign_in_page}"
            );
        }
    }
}

fn the_site_gets_the_identity(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("bjørn");
    let one = |text: &str| vec![text.to_owned()];
    let bjorn = stack.signed_in("bj%C3%B8rn", PASSWORD);
    let seen = bjorn.get("/reports");
    assert_eq!(seen.passed("x-auth-username"), one("bjørn"), "{seen:?}");
    assert_eq!(seen.passed("x-auth-role"), one("user"));
    assert_eq!(seen.passed("x-auth-user-id")[0].len(), 36);
    // There is no address: the field is empty, or missing.
    assert!(seen.passed("x-auth-email").iter().all(String::is_empty));
    let admin = stack.signed_in("admin", ADMIN_PASSWORD);
    let seen = admin.get("/reports");
    assert_eq!(seen.passed("x-auth-username"), one("admin"));
    assert_eq!(seen.passed("x-auth-email"), one("admin@example.com"));
    assert_eq!(seen.passed("x-auth-role"), one("admin"));
    let public = stack.anonymous().get("/public/");
    assert_eq!(public.request(), "GET /public/");
    let names = ["user-id", "username", "email", "role"].map(|name| format!("x-auth-{name}"));
    for name in names {
        let passed = public.passed(&name);
        assert!(passed.iter().all(String::is_empty), "{passed:?}");
    }
}

fn a_part_of_the_site_is_for_admins_only(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let (ben, admin) = (
        stack.signed_in("ben", PASSWORD),
        stack.signed_in("admin", ADMIN_PASSWORD),
    );
    for path in ["/admin", "/admin/", "/admin/users?x=/public/"] {
        assert_eq!(admin.get(path).request(), format!("GET {path}"));
        let refused = ben.get(path);
        assert_eq!(refused.status, 403, "{refused:?}");
        // Traefik cannot check the role; the site does.
        assert_eq!(refused.seen().is_some(), kind == Kind::Traefik);
        assert_eq!(stack.anonymous().browser().get(path).status, 303);
    }
    // Other spellings of the same path, and of a protected one below the public one.
    for path in [
        "//admin/",
        "/%61dmin/",
        "/x/../admin/",
        "/x/%2e%2e/admin/",
        "/public/../admin/",
        "/public/%2E%2E/admin/",
        "/public/..%2Fadmin/",
    ] {
        let signed_out = stack.anonymous().get(path);
        assert!(signed_out.seen().is_none(), "{path} {signed_out:?}");
        if kind != Kind::Traefik {
            let refused = ben.get(path);
            assert!(refused.seen().is_none(), "{path} {refused:?}");
        }
    }
}

/// `/PUBLIC/` is not a listed path; `/ADMIN/` may be read as the protected one.
fn only_listed_paths_are_public(kind: Kind) {
    let stack = ProxyStack::start(kind);
    stack.create("ben");
    let ben = stack.signed_in("ben", PASSWORD);
    assert_eq!(
        stack.anonymous().get("/public/x").request(),
        "GET /public/x"
    );
    for path in [
        "/PUBLIC/x",
        "/Public/",
        "/publicity/",
        "/AUTH",
        "/User/me",
        "/OpenAPI.json",
    ] {
        let closed = stack.anonymous().get(path);
        assert_eq!(
            (closed.status, closed.seen()),
            (401, None),
            "{path} {closed:?}"
        );
        assert_eq!(ben.get(path).request(), format!("GET {path}"));
    }
    for path in ["/ADMIN/", "/Admin", "/aDMIN/x"] {
        assert_eq!(stack.anonymous().get(path).status, 401, "{path}");
        let refused = ben.get(path);
        assert_eq!(refused.status, 403, "{path} {refused:?}");
        assert_eq!(refused.seen().is_some(), kind == Kind::Traefik, "{path}");
    }
}
