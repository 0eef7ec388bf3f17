//! The first start, without settings and with a few.

use serde_json::json;

use super::{Server, Setup, mode};
use crate::support::{OTHER_PASSWORD, PASSWORD};

fn admin_password(server: &Server) -> String {
    let line = server.line("Admin ");
    line.split('`').nth(3).unwrap().to_owned()
}

///
#[test]
fn the_first_start_creates_an_admin_and_prints_the_password_once() {
    let setup = Setup::new();
    let server = setup.start();
    let password = admin_password(&server);
    let token = server.sign_in("admin", &password);
    let users = server
        .send("GET", "/user", Some(&token), None)
        .expect(200)
        .json();
    assert_eq!(users["items"][0]["role"], "admin");
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
    let log = server.stop();
    assert!(!log.contains(&password));

    let mut server = setup.start();
    server.sign_in("admin", &password);
    server.signal("TERM");
    let rest = server.rest();
    assert!(
        !rest.iter().any(|line| line.contains("password")),
        "{rest:?}"
    );
}

/// Without settings, mails can be read on a page.
#[test]
fn a_sign_up_works_without_configuration() {
    let server = Setup::on_a_file().start();
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    server.post("/user", body).expect(201);
    let page = super::eventually("the mail is in the inbox", || {
        let page = server.get("/inbox").expect(200).body;
        page.contains("/confirmation/").then_some(page)
    });
    let at = page.find("/confirmation/").unwrap();
    let link: String = page[at..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "/-_".contains(*c))
        .collect();
    server.send("POST", &link, None, None).expect(200);
    server.sign_in("ben", PASSWORD);
}

#[test]
fn the_first_admin_is_as_configured() {
    let setup = Setup::new()
        .with("ADMIN_PASSWORD", OTHER_PASSWORD)
        .with("ADMIN_EMAIL", "root@example.com");
    let mut server = setup.start();
    let signed_in = server.post(
        "/auth",
        json!({"email": "root@example.com", "password": OTHER_PASSWORD}),
    );
    assert_eq!(signed_in.expect(201).json()["user"]["role"], "admin");
    server.signal("TERM");
    let rest = server.rest();
    assert!(
        !rest.iter().any(|line| line.contains("password")),
        "{rest:?}"
    );
}

#[test]
fn a_weak_admin_password_is_rejected_with_the_reason() {
    let outcome = Setup::new()
        .with("ADMIN_PASSWORD", "iloveyou")
        .run(&["serve"])
        .expect(1);
    assert!(outcome.err.contains("ADMIN_PASSWORD"), "{}", outcome.err);
    assert!(!outcome.err.contains("iloveyou"));
}

#[test]
fn only_the_owner_can_read_the_files_of_the_first_start() {
    let setup = Setup::on_a_file();
    drop(setup.start());
    let data = setup.data_dir();
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(data.join("master.key").exists() && data.join("doorward.db").exists());
}

/// C-01.
#[test]
fn a_master_key_that_other_users_can_read_is_rejected() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new();
    drop(setup.start());
    let key = setup.data_dir().join("master.key");
    let text = std::fs::read_to_string(&key).unwrap();
    for bits in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(bits)).unwrap();
        let outcome = setup.run(&["serve"]).expect(1);
        assert!(outcome.err.contains("chmod 600"), "{}", outcome.err);
        assert!(!outcome.err.contains(text.trim()));
    }
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "short\n").unwrap();
    setup.run(&["serve"]).expect(1);
    // A key other than the one that sealed the signing keys opens nothing.
    std::fs::write(&key, "another-key-altogether-0a1b2c3d4e5f6071\n").unwrap();
    let outcome = setup.run(&["serve"]).expect(1);
    assert!(outcome.err.contains("key"), "{}", outcome.err);
    std::fs::write(&key, text).unwrap();
    drop(setup.start());
}

/// A new key would open nothing, and hide that the old one is missing. `keys rotate` replaces a lost one.
#[test]
fn without_the_master_key_of_a_database_in_use_nothing_is_written() {
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    setup.start().stop();
    let file = setup.data_dir().join("master.key");
    let kept = setup.path("kept.key");
    std::fs::rename(&file, &kept).unwrap();
    let files = || {
        let entries = std::fs::read_dir(setup.data_dir()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().contains(".db-"));
        names.sort();
        names
    };
    let before = files();
    for arguments in [&["serve"][..], &["user", "list"], &["keys", "list"]] {
        let refused = setup.run(arguments).expect(1).err;
        for reported in ["another master key", "master.key", "JWT_SECRET_KEY"] {
            assert!(refused.contains(reported), "{reported}: {refused}");
        }
        assert_eq!(files(), before, "{arguments:?}");
    }
    std::fs::rename(&kept, &file).unwrap();
    let server = setup.start();
    server.sign_in("admin", PASSWORD);
    server.stop();
    std::fs::remove_file(&file).unwrap();
    // A shell without the key of a running server looks the same.
    let asked = setup.run(&["keys", "rotate"]).expect(2).err;
    assert!(asked.contains("--yes") && !file.exists(), "{asked}");
    setup.run(&["keys", "rotate", "--yes"]).expect(0);
    assert_eq!(mode(&file), 0o600);
    setup.start().sign_in("admin", PASSWORD);
}

#[test]
fn a_start_on_an_address_in_use_names_the_address_and_its_setting() {
    let server = Setup::on_a_file().start();
    let address = server.address().to_string();
    let setup = Setup::on_a_file().with("DOORWARD_LISTEN", &address);
    let error = setup.run(&["serve"]).expect(1).err;
    let expected = format!("cannot listen on {address}: the address is already in use");
    assert!(error.contains(&expected), "{error}");
    assert!(error.contains("DOORWARD_LISTEN"), "{error}");
}
