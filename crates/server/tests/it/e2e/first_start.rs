//! The first start, with nothing configured and with a little.

use serde_json::json;

use super::{Server, Setup, mode};
use crate::support::PASSWORD;

fn admin_password(server: &Server) -> String {
    let line = server.line("Admin ");
    line.split('`').nth(3).unwrap().to_owned()
}

#[test]
fn the_first_start_makes_an_admin_and_shows_the_password_once() {
    let setup = Setup::new();
    let server = setup.start();
    let password = admin_password(&server);
    let token = server.sign_in("admin", &password);
    let users = server.send("GET", "/user", Some(&token), None).expect(200).json();
    assert_eq!(users["items"][0]["role"], "admin");
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
    let log = server.stop();
    assert!(!log.contains(&password));

    let server = setup.start();
    server.sign_in("admin", &password);
    server.signal("TERM");
    let (status, _) = server.wait();
    assert!(status.success());
}
