//! The collection of `clients` against the site's address: routes that a proxy does not forward are skipped and
//! reported.

use doorward_testkit::process::said;
use doorward_testkit::repository::root;
use doorward_testkit::servers::ADMIN_PASSWORD;
use doorward_testkit::tools::npm_tool;

use crate::stand::{Kind, Stand};

crate::every_proxy!(the_collection_passes_and_says_what_it_skips);

fn the_collection_passes_and_says_what_it_skips(kind: Kind) {
    let stand = Stand::start(kind);
    let mut newman = npm_tool("newman");
    newman.arg("run");
    newman.arg(root().join("clients/doorward.postman_collection.json"));
    newman.args(["--insecure", "--color", "off"]);
    newman.args(["--env-var", &format!("baseUrl={}", stand.origin)]);
    newman.args(["--env-var", &format!("adminPassword={ADMIN_PASSWORD}")]);
    let output = newman.output().unwrap();
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("A proxy is in front"), "{told}");
    assert_eq!(told.matches("Skipped, because the proxy").count(), 14);
}
