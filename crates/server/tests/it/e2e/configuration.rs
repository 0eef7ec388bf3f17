//! Sources of settings, rejected values, and their output (C-01, C-02).

use serde_json::json;

use super::{Setup, eventually};
use crate::support::PASSWORD;

const SECRET: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP";

#[test]
fn an_unknown_setting_is_fatal_and_names_the_nearest() {
    let setup = Setup::new()
        .with("DOORWARD_PUBLIC_ULR", "https://accounts.example")
        .with("DOORWARD_LOG__FROMAT", "json");
    for command in [&["serve"][..], &["config", "check"], &["user", "list"]] {
        let outcome = setup.run(command).expect(1);
        for reported in [
            "DOORWARD_PUBLIC_ULR",
            "did you mean `DOORWARD_PUBLIC_URL`",
            "DOORWARD_LOG__FROMAT",
            "did you mean `DOORWARD_LOG__FORMAT`",
        ] {
            assert!(outcome.err.contains(reported), "{}", outcome.err);
        }
    }
    let setup = Setup::new().file("doorward.toml", "[throtle]\nenabled = false\n");
    let outcome = setup.run(&["config", "check"]).expect(1);
    assert!(
        outcome.err.contains("throtle.enabled") && outcome.err.contains("`throttle.enabled`"),
        "{}",
        outcome.err
    );
}

#[test]
fn all_invalid_values_are_reported_at_once() {
    let setup = Setup::new()
        .with("DOORWARD_PASSWORD__MIN_LENGTH", "4")
        .with("DOORWARD_ENUMERATION_PROTECTION", "all")
        .with("DATABASE_URL", "redis://x")
        .with("SMTP_URL", "carrier-pigeon:");
    let outcome = setup.run(&["config", "check"]).expect(1);
    for name in [
        "DOORWARD_PASSWORD__MIN_LENGTH",
        "DOORWARD_ENUMERATION_PROTECTION",
        "DATABASE_URL",
        "SMTP_URL",
    ] {
        assert!(outcome.err.contains(name), "{}", outcome.err);
    }
}

#[test]
fn texts_of_pages_are_checked_before_a_start() {
    let setup = Setup::new().with("DOORWARD_PAGES__TEXTS", "texts");
    std::fs::create_dir(setup.path("texts")).unwrap();
    let setup = setup.file("texts/en.ftl", "sign-up-title = Join\nsing-in = Enter\n");
    for command in [&["serve"][..], &["config", "check"]] {
        let outcome = setup.run(command).expect(1);
        for reported in [
            "`pages.texts`: texts/en.ftl, line 2",
            "unknown message sing-in; similar ones: sign-in, ",
        ] {
            assert!(outcome.err.contains(reported), "{}", outcome.err);
        }
    }
    let setup = setup.file("texts/en.ftl", "sign-up-title = Join\n");
    setup.run(&["config", "check"]).expect(0);
    let setup = setup.file("texts/fr.ftl", "sign-up-title = Venez\n");
    let outcome = setup.run(&["config", "check"]).expect(1);
    let reported = "texts/fr.ftl has an unknown name; known names: en.ftl, de.ftl";
    assert!(outcome.err.contains(reported), "{}", outcome.err);
}

#[test]
fn the_environment_wins_over_dotenv_and_dotenv_over_the_file() {
    let file =
        "enumeration_protection = false\n[password]\nmin_length = 10\n[hashing]\nthreads = 3\n";
    let dotenv = "DOORWARD_PASSWORD__MIN_LENGTH=11\nDOORWARD_HASHING__THREADS=4\n";
    let setup = Setup::new()
        .file("doorward.toml", file)
        .file(".env", dotenv)
        .with("DOORWARD_HASHING__THREADS", "5");
    let shown = setup.run(&["config", "show", "--json"]).expect(0).json();
    assert_eq!(shown["enumeration_protection"]["value"], "false");
    assert_eq!(
        shown["enumeration_protection"]["origin"],
        "doorward.toml line 1"
    );
    assert_eq!(shown["password.min_length"]["value"], "11");
    let text = setup.run(&["config", "show"]).expect(0).out;
    assert!(
        text.contains("false\n    from doorward.toml line 1\n"),
        "{text}"
    );
    assert_eq!(
        shown["password.min_length"]["origin"],
        ".env DOORWARD_PASSWORD__MIN_LENGTH"
    );
    assert_eq!(shown["hashing.threads"]["value"], "5");
    assert_eq!(shown["database.max_connections"]["origin"], "default");
    let server = setup.start();
    let nine = server
        .post("/user", json!({"username": "ben", "password": "plum cake"}))
        .expect(422);
    assert_eq!(nine.json()["errors"][0]["code"], "too-short");
    let other = Setup::new().file("other.toml", "enumeration_protection = false\n");
    let shown = other
        .run(&["config", "show", "--json", "--config", "other.toml"])
        .expect(0)
        .json();
    assert_eq!(shown["enumeration_protection"]["value"], "false");
    other
        .run(&["config", "check", "--config", "missing.toml"])
        .expect(1);
}

#[test]
fn conflicting_values_are_reported_with_their_sources() {
    let setup = Setup::on_a_file()
        .with("DOORWARD_LISTEN", "0.0.0.0:0")
        .with("JWT_SECRET_KEY", SECRET);
    let outcome = setup.run(&["config", "show"]).expect(1);
    let from = "from environment DOORWARD_LISTEN";
    assert!(
        outcome.out.contains("0.0.0.0:0") && outcome.out.contains(from),
        "{}",
        outcome.out
    );
    assert!(outcome.err.contains("Set `public_url`"), "{}", outcome.err);
    assert!(!outcome.out.contains(SECRET), "{}", outcome.out);
    let outcome = setup.run(&["config", "show", "--json"]).expect(1);
    assert_eq!(outcome.json()["listen"]["value"], "0.0.0.0:0");
    // An invalid setting has no value to show, and the doctor does not refer to this command.
    let setup = Setup::on_a_file().with("DOORWARD_ENUMERATION_PROTECTION", "all");
    let outcome = setup.run(&["config", "show"]).expect(1);
    assert_eq!(outcome.out, "");
    let outcome = setup.run(&["doctor"]).expect(1);
    assert!(
        outcome.out.contains("CONFIGURATION.md") && !outcome.out.contains("config show"),
        "{}",
        outcome.out
    );
}

#[test]
fn secrets_are_never_printed() {
    let setup = Setup::new()
        .with("ADMIN_PASSWORD", SECRET)
        .with("JWT_SECRET_KEY", SECRET)
        .with("SMTP_URL", &format!("smtp://ben:{SECRET}@localhost:2525"))
        .with(
            "DATABASE_URL",
            &format!("postgres://ben:{SECRET}@localhost/db"),
        );
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check"],
    ] {
        let outcome = setup.run(arguments).expect(0);
        assert!(
            !outcome.out.contains(SECRET) && !outcome.err.contains(SECRET),
            "{} {}",
            outcome.out,
            outcome.err
        );
    }
    let shown = setup.run(&["config", "show", "--json"]).expect(0).json();
    for (key, masked) in [
        ("admin.password", "(set)"),
        ("keys.master_key", "(set)"),
        ("mail.url", "smtp://ben:***@localhost:2525"),
        ("database.url", "postgres://ben:***@localhost/db"),
    ] {
        assert_eq!(shown[key]["value"], masked, "{key}");
    }
    let unset = Setup::new()
        .run(&["config", "show", "--json"])
        .expect(0)
        .json();
    assert_eq!(unset["keys.master_key"]["value"], "");
    // Invalid secrets are not printed either.
    let wrong = Setup::new()
        .with(
            "DATABASE_URL",
            &format!("postgres://ben:{SECRET}@127.0.0.1:1/db"),
        )
        .run(&["user", "list"])
        .expect(1);
    assert!(!wrong.err.contains(SECRET), "{}", wrong.err);
    let wrong = Setup::new()
        .with("SMTP_URL", &format!("smtp://ben:{SECRET}@"))
        .run(&["config", "check"])
        .expect(1);
    assert!(!wrong.err.contains(SECRET), "{}", wrong.err);
}

#[test]
fn a_guessable_master_key_is_rejected() {
    for secret in [
        "short",
        &"x".repeat(64),
        &"ab".repeat(32),
        "your-256-bit-secret-and-more-of-it",
        "changeme-changeme-changeme-1234567",
        // Examples from jwt.io, FastAPI's tutorial, and other encodings of examples.
        "a-string-secret-at-least-256-bits-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3JkcGFzc3dvcmQ=",
        "Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2UtbWUtMTIz",
        "70617373776f726470617373776f726470617373776f7264",
        "JWT_SECRET_KEY_JWT_SECRET_KEY_JWT_SECRET_KEY",
        "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
    ] {
        for command in ["serve", "config"] {
            let arguments = if command == "serve" {
                vec!["serve"]
            } else {
                vec!["config", "check"]
            };
            let outcome = Setup::new()
                .with("JWT_SECRET_KEY", secret)
                .run(&arguments)
                .expect(1);
            assert!(
                outcome.err.contains("JWT_SECRET_KEY") && !outcome.err.contains(secret),
                "{}",
                outcome.err
            );
        }
    }
    let setup = Setup::new().with("JWT_SECRET_KEY", SECRET);
    drop(setup.start());
    assert!(!setup.data_dir().join("master.key").exists());
}

/// C-01: a key that an earlier release accepted, and that is now known as an example, is rejected. The error
/// describes two ways to continue, and the test follows both.
#[test]
fn a_weak_master_key_in_use_can_be_replaced() {
    const WEAK: &str = "Nightingale-qwerty-41-Lantern-Harbour";
    let setup = Setup::on_a_file().with("ADMIN_PASSWORD", PASSWORD);
    let refused = setup.clone().with("JWT_SECRET_KEY", WEAK);
    let refused = refused.run(&["serve"]).expect(1).err;
    let file = setup.data_dir().join("master.key");
    for reported in [
        "looks like an example",
        "openssl rand",
        "`doorward keys rotate`",
        &format!("move this one into {}", file.display()),
    ] {
        assert!(refused.contains(reported), "{reported}: {refused}");
    }
    assert!(!refused.contains(WEAK), "{refused}");
    // This key was never accepted, so there is nothing to migrate.
    let short = setup.clone().with("JWT_SECRET_KEY", "too short");
    assert!(!short.run(&["serve"]).expect(1).err.contains("rotate"));
    // Temporarily: the same key, in the file.
    std::fs::create_dir_all(setup.data_dir()).unwrap();
    std::fs::write(&file, WEAK).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    let server = setup.start();
    let token = server.sign_in("admin", PASSWORD);
    let url = server.url("");
    server.stop();
    // Permanently: a new key, and all sessions stay.
    let renewed = setup
        .with("JWT_SECRET_KEY", SECRET)
        .with("DOORWARD_PUBLIC_URL", &url);
    let other = renewed.run(&["serve"]).expect(1).err;
    assert!(other.contains("another master key"), "{other}");
    renewed.run(&["keys", "rotate"]).expect(0);
    let server = renewed.start();
    server.send("GET", "/auth", Some(&token), None).expect(200);
    server.sign_in("admin", PASSWORD);
}

#[test]
fn a_public_listener_needs_a_public_url_and_a_mail_transport() {
    let open = Setup::new().with("DOORWARD_LISTEN", "0.0.0.0:0");
    let outcome = open.run(&["serve"]).expect(1);
    assert!(
        outcome.err.contains("public_url") && outcome.err.contains("SMTP_URL"),
        "{}",
        outcome.err
    );
    let outcome = open
        .clone()
        .with("DOORWARD_PUBLIC_URL", "http://accounts.example")
        .run(&["serve"])
        .expect(1);
    assert!(outcome.err.contains("TLS"), "{}", outcome.err);
    let open = open.with("DOORWARD_PUBLIC_URL", "https://accounts.example");
    for inbox in ["inbox:", "INBOX:", " inbox: "] {
        let outcome = open.clone().with("SMTP_URL", inbox);
        let outcome = outcome.run(&["config", "check"]).expect(1);
        assert!(outcome.err.contains("built-in inbox"), "{}", outcome.err);
    }
    let sound = open.with("SMTP_URL", "log:");
    sound.run(&["config", "check"]).expect(0);
    let private = Setup::new()
        .with("DOORWARD_PUBLIC_URL", "http://accounts.example")
        .with("DOORWARD_ALLOW_HTTP", "true")
        .with("SMTP_URL", "log:");
    private.run(&["config", "check"]).expect(0);
}

#[test]
fn exit_codes_distinguish_the_kinds_of_errors() {
    let setup = Setup::new();
    setup.run(&["migrate"]).expect(0);
    for (arguments, code) in [
        (&["config", "check"][..], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["user", "create", "--help"], 0),
        (&["openapi"], 0),
        (&["user", "show", "nobody"], 1),
        (&[], 2),
        (&["nonsense"], 2),
        (&["user"], 2),
        (&["user", "show"], 2),
        (&["user", "create"], 2),
        (&["user", "set-role", "ben", "king"], 2),
        (&["serve", "--nonsense"], 2),
        (&["migrate", "nonsense"], 2),
    ] {
        setup.run(arguments).expect(code);
    }
    let document = setup.run(&["openapi"]).expect(0).json();
    assert_eq!(document["info"]["title"], "Doorward");
}

#[test]
fn config_check_creates_no_files() {
    let setup = Setup::new();
    let mails = setup.path("mails");
    let setup = setup.with("SMTP_URL", &format!("folder:{}", mails.display()));
    setup.run(&["config", "check"]).expect(0);
    assert!(!mails.exists() && !setup.data_dir().exists());
}

/// C-01, C-07: every start warns of files with secrets that all users can read, and how to fix that.
#[test]
fn files_that_other_users_can_read_are_warnings() {
    let secret =
        format!("[keys]\nmaster_key = \"{SECRET}\"\n[database]\nconnect_timeout_seconds = 6\n");
    let setup = Setup::on_a_file()
        .file("doorward.toml", &secret)
        .file(".env", "DOORWARD_ENUMERATION_PROTECTION=false\n");
    let database = setup.data_dir().join("doorward.db");
    setup.start().stop();
    let open = |path: &std::path::Path, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, mode).unwrap();
    };
    let file = setup.path("doorward.toml");
    for (path, closed, opened) in [
        (&file, 0o600, 0o644),
        (&database, 0o600, 0o666),
        (&setup.data_dir(), 0o700, 0o777),
    ] {
        for other in [&file, &database] {
            open(other, 0o600);
        }
        open(path, closed);
        let reported = setup.run(&["config", "check", "--json"]).expect(0).json();
        assert_eq!(reported["warnings"], json!([]), "{reported}");
        assert!(!setup.start().stop().contains("chmod o-rwx"));
        open(path, opened);
        let reported = setup.run(&["config", "check", "--json"]).expect(0).json();
        let warnings = reported["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{reported}");
        let name = path.file_name().unwrap().to_str().unwrap();
        let warning = warnings[0].as_str().unwrap();
        assert!(
            warning.contains("chmod o-rwx") && warning.contains(name),
            "{warning}"
        );
        let log = setup.start().stop();
        assert!(log.contains("chmod o-rwx"), "{log}");
        open(path, closed);
    }
    // Without a secret in it, the file still decides where mail and data go.
    open(&setup.path(".env"), 0o666);
    let reported = setup.run(&["config", "check"]).expect(0).out;
    assert!(reported.contains(".env is the configuration"), "{reported}");
    open(&setup.path(".env"), 0o644);
    // Only root can change the owner.
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
        let reported = setup.run(&["config", "check"]).expect(0).out;
        assert!(reported.contains("belongs to user 65534"), "{reported}");
    }
}

/// C-01: a mounted Kubernetes secret allows no `chmod`; its volume has the mode. With the documented mode and the
/// group of the pod, there is no warning.
#[test]
fn a_mounted_secret_is_checked_with_the_mode_of_its_volume() {
    let secret = format!("[keys]\nmaster_key = \"{SECRET}\"\n");
    let setup = Setup::on_a_file();
    // A volume of a secret, as in a pod.
    let mount = setup.path("mount");
    let moment = "..2026_01_31_12_00_00.1";
    std::fs::create_dir_all(mount.join(moment)).unwrap();
    std::fs::write(mount.join(moment).join("doorward.toml"), secret).unwrap();
    std::os::unix::fs::symlink(moment, mount.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/doorward.toml", mount.join("doorward.toml")).unwrap();
    let file = mount.join("doorward.toml");
    let named = file.display().to_string();
    let warnings = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&file, mode).unwrap();
        let check = ["config", "check", "--json", "--config", &named];
        let reported = setup.run(&check).expect(0).json();
        reported["warnings"].as_array().unwrap().clone()
    };
    let reported = warnings(0o644);
    assert_eq!(reported.len(), 1, "{reported:?}");
    let warning = reported[0].as_str().unwrap();
    assert!(
        warning.contains("`defaultMode` to 0440") && warning.contains("`fsGroup`"),
        "{warning}"
    );
    assert!(!warning.contains("chmod"), "{warning}");
    assert_eq!(warnings(0o440), [] as [serde_json::Value; 0]);
}

/// C-01: a file name that exists is meant to be read, so the defaults are not used instead.
#[test]
fn a_configuration_that_is_not_a_file_is_an_error() {
    let folder = Setup::on_a_file();
    std::fs::create_dir(folder.path("doorward.toml")).unwrap();
    let reported = folder.run(&["config", "check"]).expect(1).err;
    assert!(
        reported.contains("doorward.toml") && reported.contains("is a folder"),
        "{reported}"
    );
    for name in ["doorward.toml", ".env"] {
        let dangling = Setup::on_a_file();
        std::os::unix::fs::symlink("gone", dangling.path(name)).unwrap();
        let reported = dangling.run(&["config", "check"]).expect(1).err;
        assert!(
            reported.contains(&format!("cannot read {name}")),
            "{reported}"
        );
    }
}

/// C-01: a file that would block silently is rejected. The test opens the pipe for writing, so that no command
/// waits here.
#[test]
fn a_configuration_that_is_a_pipe_is_rejected() {
    for name in ["doorward.toml", ".env"] {
        let setup = Setup::on_a_file();
        let pipe = setup.path(name);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        // Opened for reading and writing, which does not block; a command that read the pipe would find it empty.
        let both = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&pipe)
            .unwrap();
        let mut check = setup.command(&["config", "check"]).spawn().unwrap();
        let refused = eventually("it is refused", || check.try_wait().unwrap());
        drop(both);
        assert_eq!(refused.code(), Some(1));
        let mut reported = String::new();
        let mut errors = check.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut errors, &mut reported).unwrap();
        assert!(
            reported.contains(&format!("cannot read {name}: it is a pipe")),
            "{reported}"
        );
    }
}

/// C-01, C-07: the file's name does not matter for these checks.
#[test]
fn a_configuration_file_is_checked_regardless_of_its_name() {
    let secret = format!("[keys]\nmaster_key = \"{SECRET}\"\n");
    for name in [".env.toml", "environment", "e"] {
        let setup = Setup::on_a_file().file(name, &secret);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(setup.path(name), mode).unwrap();
        let reported = setup.run(&["--config", name, "config", "check", "--json"]);
        let reported = reported.expect(0).json();
        let warnings = reported["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{name}: {reported}");
    }
}
