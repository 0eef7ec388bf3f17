//! The page lists every path that creates a session, and no others.

use doorward_testkit::repository::{root, tracked};

use crate::PAGE;

/// Product files with this code above their tests.
fn having(code: &str) -> Vec<String> {
    let mut files = tracked(&["crates/*.rs"]);
    files.retain(|file| file.contains("/src/") && !file.starts_with("crates/testkit/"));
    files.retain(|file| {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        product.contains(code)
    });
    files
}

/// a new path that creates sessions fails this test, and is then added to the table.
#[test]
fn one_function_creates_sessions_and_one_flow_calls_it() {
    assert_eq!(
        having("session_store.open("),
        ["crates/domain/src/sessions/issuer.rs"]
    );
    assert_eq!(
        having(".issue_session("),
        ["crates/domain/src/sign_in/completion.rs"]
    );
    // The sign-ups that may continue there: one that is active, and one whose link, or whose invitation, was just used.
    assert_eq!(
        having("CompletedSignUp {"),
        [
            "crates/domain/src/email/confirm.rs",
            "crates/domain/src/invitation/accept.rs",
            "crates/domain/src/sign_up/cookie.rs",
            "crates/domain/src/sign_up/mod.rs",
        ]
    );
}

///
#[test]
fn each_entry_point_on_the_page_is_a_route() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let (_, section) = page.split_once("## Entry points").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let routes = tracked(&["crates/web/src/*/routes.rs"]);
    let routes = routes
        .iter()
        .map(|file| std::fs::read_to_string(root().join(file)).unwrap());
    let routes = routes.collect::<String>();
    let mut listed = 0;
    for quoted in section.split('`').skip(1).step_by(2) {
        if let Some((method, path)) = quoted.split_once(' ')
            && path.starts_with('/')
        {
            listed += 1;
            let row = format!("Route::{}(\"{path}\",", method.to_lowercase());
            assert!(routes.contains(&row), "{quoted} is not a route");
        }
    }
    assert!(listed >= 6, "{listed}");
}
