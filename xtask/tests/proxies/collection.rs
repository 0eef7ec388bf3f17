//! The collection of `clients` against the site's address: routes that a proxy does not forward are skipped and
//! reported.

use doorward_testkit::process::said;
use doorward_testkit::repository::root;
use doorward_testkit::servers::ADMIN_PASSWORD;
use doorward_testkit::tools::npm_tool;

use crate::stack::{Kind, ProxyStack};

crate::every_proxy!(the_collection_passes_and_reports_what_it_skips);

fn the_collection_passes_and_reports_what_it_skips(kind: Kind) {
    let stack = ProxyStack::start(kind);
    let mut newman = npm_tool("newman");
    newman.arg("run");
    newman.arg(root().join("clients/doorward.postman_collection.json"));
    newman.args(["--insecure", "--color", "off"]);
    newman.args(["--env-var", &format!("baseUrl={}", stack.origin)]);
    newman.args(["--env-var", &format!("adminPassword={ADMIN_PASSWORD}")]);
    let output = newman.output().unwrap();
    let message = said(&output);
    assert!(output.status.success(), "{message}");
    assert!(message.contains("A proxy is in front"), "{message}");
    assert_eq!(message.matches("Skipped, because the proxy").count(), 15);
}
