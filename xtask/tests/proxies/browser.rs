//! One journey in Chromium, with JavaScript disabled: redirected to the sign-in page, in, back, and out.

use doorward_testkit::browser;

use crate::stack::{Kind, PASSWORD, ProxyStack};

#[test]
fn a_user_reaches_the_requested_page() {
    let stack = ProxyStack::start(Kind::Nginx);
    browser::run(
        "xtask/tests/proxies/browser.mjs",
        "a_user_reaches_the_requested_page",
        &[("SITE", &stack.origin), ("PASSWORD", PASSWORD)],
    );
}
