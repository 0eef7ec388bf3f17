//! The host of the public URL is among the names that no password may consist of.

use serde_json::json;

use super::Setup;

/// P-06: the names of the product, the host and the user.
#[test]
fn the_host_name_is_rejected_as_a_password() {
    let server = Setup::on_a_file().start();
    for password in ["localhost", "LocalHost2026", "doorward", "henrietta.b"] {
        let wanted = json!({"username": "henrietta", "email": "henrietta.b@example.com", "password": password});
        let refused = server.post("/user", wanted).expect(422).json();
        assert_eq!(refused["errors"][0]["code"], "too-personal", "{password}");
    }
}
