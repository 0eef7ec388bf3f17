//! `doorward serve --demo`: a server to try.

use super::{Setup, http, mode};

/// A folder for temporary files, and the address of the image: other machines can reach it.
fn setup() -> Setup {
    let setup = Setup::on_a_file();
    std::fs::create_dir(setup.path("tmp")).unwrap();
    let temporary = setup.path("tmp").display().to_string();
    setup
        .with("TMPDIR", &temporary)
        .with("DOORWARD_LISTEN", "0.0.0.0:0")
        .with("DOORWARD_LOG__FILTER", "trace")
}

/// C-01: off loopback, only a demo starts without a public URL and a mail server.
#[test]
fn a_demo_listens_on_all_addresses_and_leaves_no_data() {
    let setup = setup();
    let refused = setup.run(&["serve"]).expect(1).err;
    assert!(
        refused.contains("`public_url`") && refused.contains("`mail.url`"),
        "{refused}"
    );
    let server = setup.start_by(setup.command(&["serve", "--demo"]));
    let folder = || std::fs::read_dir(setup.path("tmp")).unwrap();
    let data = folder().next().unwrap().unwrap().path();
    assert_eq!(mode(&data), 0o700);
    assert!(data.join("doorward.db").is_file() && !setup.data_dir().exists());
    let line = server.line("lost");
    assert!(
        line.contains("Demo") && line.contains("All data is lost"),
        "{line}"
    );
    // As in the image, without the option.
    let address = format!("0.0.0.0:{}", server.port);
    let checking = setup.clone().with("DOORWARD_LISTEN", &address);
    checking.run(&["healthcheck"]).expect(0);
    let log = server.stop();
    assert!(
        log.contains("all data is lost when the server stops"),
        "{log}"
    );
    assert_eq!(folder().count(), 0);
}

/// C-01: the link of the banner opens the inbox; its key is not in the log.
#[test]
fn the_inbox_of_a_demo_opens_with_the_printed_link() {
    let setup = setup();
    let server = setup.start_by(setup.command(&["serve", "--demo"]));
    let line = server.line("/inbox?key=");
    let (_, link) = line.split_once(&format!(":{}", server.port)).unwrap();
    let link = link.split_whitespace().next().unwrap();
    let (_, key) = link.split_once("key=").unwrap();
    assert_eq!(key.len(), 22, "128 bits in base64url");
    server.get("/inbox").expect(404);
    server.get("/inbox?key=AAAAAAAAAAAAAAAAAAAAAA").expect(404);
    let opened = server.get(link).expect(303);
    assert_eq!(opened.header("location"), Some("/inbox"));
    let cookie = opened.header("set-cookie").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let fields = [format!("Cookie: {cookie}")];
    for path in ["/inbox", "/inbox.json"] {
        let request = http::request("GET", path, &fields, "");
        let reply = http::exchange(server.address(), request.as_bytes());
        reply.unwrap().expect(200);
    }
    let log = server.stop();
    assert!(!log.contains(key), "{log}");
}

#[test]
fn a_demo_keeps_nothing_in_a_database_of_the_operator() {
    for (name, value) in [
        ("DATABASE_URL", "sqlite:kept.db"),
        ("REDIS_URL", "redis://localhost"),
    ] {
        let setup = setup().with(name, value);
        let refused = setup.run(&["serve", "--demo"]).expect(1).err;
        assert!(refused.contains("--demo"), "{refused}");
        assert!(!setup.path("kept.db").exists());
        assert_eq!(std::fs::read_dir(setup.path("tmp")).unwrap().count(), 0);
    }
}
