//! TLS with other programs as clients: curl and OpenSSL.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use doorward_testkit::servers::Authority;
use serde_json::json;

use super::{Server, Setup, http, mode};

/// A server with a certificate of this authority for `localhost`.
fn with_tls(setup: Setup, authority: &Authority) -> Setup {
    let certificate = authority.certificate("localhost");
    setup.with_tls(&certificate.chain(), &certificate.key())
}

fn curl(trusted: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--cacert"]);
    command.arg(trusted).args(arguments);
    command.output().unwrap()
}

#[track_caller]
fn out(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn url(server: &Server, path: &str) -> String {
    format!("https://localhost:{}{path}", server.port)
}

/// C-03: 1.0 and 1.1 are refused.
#[test]
fn http_1_and_http_2_are_negotiated_over_tls_1_2_and_1_3_only() {
    let authority = Authority::new();
    let server = with_tls(Setup::on_a_file(), &authority).start();
    let ready = url(&server, "/readyz");
    const SHOW: [&str; 2] = ["--write-out", " %{http_version} %{response_code}"];
    for (version, answer) in [
        ("--http1.1", r#"{"status":"ready"} 1.1 200"#),
        ("--http2", r#"{"status":"ready"} 2 200"#),
    ] {
        let response = curl(&authority.path(), &[version, SHOW[0], SHOW[1], &ready]);
        assert_eq!(out(&response), answer);
    }
    for (versions, is_spoken) in [
        ("-tls1_3", true),
        ("-tls1_2", true),
        ("-tls1_1", false),
        ("-tls1", false),
    ] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-brief", "-verify_return_error", versions]);
        // At its default level OpenSSL does not offer the old versions.
        openssl.args(["-cipher", "DEFAULT@SECLEVEL=0", "-servername", "localhost"]);
        openssl.arg("-CAfile").arg(authority.path());
        openssl.args(["-connect", &format!("127.0.0.1:{}", server.port)]);
        let output = openssl.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), is_spoken, "{versions}: {text}");
        assert_eq!(text.contains("Verification: OK"), is_spoken, "{text}");
        assert!(is_spoken || text.contains("alert"), "{text}");
    }
    // A client with another authority rejects the certificate, and a plain HTTP client gets a hint.
    let other_authority = Authority::new();
    let refused = curl(&other_authority.path(), &[&ready]);
    assert_eq!(refused.status.code(), Some(60));
    let plain = format!("http://localhost:{}/readyz", server.port);
    let response = out(&curl(&authority.path(), &["--include", &plain]));
    assert!(
        response.starts_with("HTTP/1.1 400") && response.contains("https://"),
        "{response}"
    );
    server.stop();
}

/// H-11: a plain HTTP request to a TLS port gets a hint with the usual headers, and without HSTS, which is not
/// sent over plain HTTP (RFC 6797, 7.2).
#[test]
fn a_plain_http_request_to_a_tls_port_gets_a_hint() {
    let authority = Authority::new();
    let server = with_tls(Setup::new(), &authority)
        .with("DOORWARD_PUBLIC_URL", "https://accounts.example.com")
        .with("SMTP_URL", "log:")
        .start();
    let request = http::request("GET", "/", &[], "");
    let answer = http::exchange(server.address(), request.as_bytes()).unwrap();
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    assert_eq!(answer.header("strict-transport-security"), None);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("https://"), "{answer:?}");
}

/// A client that enforces the rules of `__Host-` cookies.
#[test]
fn a_user_signs_in_by_cookie_over_tls() {
    let authority = Authority::new();
    let setup =
        with_tls(Setup::on_a_file(), &authority).with("ADMIN_PASSWORD", "three boats on a lake");
    let jar = setup.path("cookies").display().to_string();
    let server = setup.start();
    let origin = format!("Origin: {}", url(&server, ""));
    let signed_in = curl(
        &authority.path(),
        &[
            "--cookie-jar",
            &jar,
            "--header",
            &origin,
            "--include",
            "--header",
            "Accept: text/html",
            "--data-urlencode",
            "username=admin",
            "--data-urlencode",
            "password=three boats on a lake",
            &url(&server, "/auth"),
        ],
    );
    let answer = out(&signed_in).to_ascii_lowercase();
    assert!(answer.contains("set-cookie: __host-doorward="), "{answer}");
    // HSTS would lock the browser out of every other server on localhost.
    assert!(!answer.contains("strict-transport-security"), "{answer}");
    let home = curl(
        &authority.path(),
        &[
            "--cookie",
            &jar,
            "--header",
            "Accept: text/html",
            &url(&server, "/account"),
        ],
    );
    assert!(out(&home).contains("admin"), "{}", out(&home));
    let kept = std::fs::read_to_string(&jar).unwrap();
    assert!(kept.contains("__Host-doorward"), "{kept}");
}

#[test]
fn hsts_is_sent_for_public_domain_names_only() {
    let authority = Authority::new();
    let server = with_tls(Setup::on_a_file(), &authority)
        .with("DOORWARD_PUBLIC_URL", "https://accounts.example.com")
        .with("SMTP_URL", "log:")
        .start();
    let answer = out(&curl(
        &authority.path(),
        &["--include", &url(&server, "/healthz")],
    ));
    assert!(
        answer.contains("strict-transport-security: max-age=63072000"),
        "{answer}"
    );
}

#[test]
fn invalid_certificate_files_fail_the_start_with_a_message() {
    let [one, other] = [Authority::new(), Authority::new()].map(|authority| {
        let certificate = authority.certificate("localhost");
        (authority, certificate.chain(), certificate.key())
    });
    let setup = Setup::on_a_file()
        .file("empty.pem", "")
        .file("half.pem", &std::fs::read_to_string(&one.1).unwrap()[..200])
        .file(
            "damaged.pem",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        );
    let sealed = setup.path("sealed.key");
    let mut seal = Command::new("openssl");
    seal.args(["pkey", "-aes256", "-passout", "pass:x", "-in"])
        .arg(&one.2);
    assert!(seal.arg("-out").arg(&sealed).status().unwrap().success());
    for (certificate, key, sentence) in [
        (
            one.1.clone(),
            other.2,
            "does not match the first certificate",
        ),
        (
            setup.path("empty.pem"),
            one.2.clone(),
            "contains no certificate",
        ),
        (setup.path("half.pem"), one.2.clone(), "is incomplete"),
        (setup.path("damaged.pem"), one.2.clone(), "cannot use"),
        (setup.path("nothing.pem"), one.2.clone(), "cannot read"),
        (
            one.1.clone(),
            setup.path("empty.pem"),
            "contains no complete private key",
        ),
        (
            one.1.clone(),
            one.1.clone(),
            "contains no complete private key",
        ),
        (one.1.clone(), sealed, "has a passphrase"),
    ] {
        let setup = setup.clone().with_tls(&certificate, &key);
        let outcome = setup.run(&["serve"]).expect(1);
        assert!(
            outcome.err.contains(sentence),
            "{sentence}: {}",
            outcome.err
        );
        assert!(!outcome.err.contains("MII"), "{}", outcome.err);
    }
    for (name, other) in [
        ("CERTIFICATE", "`tls.key` is not"),
        ("KEY", "`tls.certificate` is not"),
    ] {
        let half = Setup::on_a_file().with(&format!("DOORWARD_TLS__{name}"), "x.pem");
        let outcome = half.run(&["config", "check"]);
        assert!(
            format!("{}{}", outcome.out, outcome.err).contains(other),
            "{outcome:?}"
        );
        outcome.expect(1);
    }
    let plain = Setup::on_a_file()
        .with_tls(Path::new("x.pem"), Path::new("x.pem"))
        .with("DOORWARD_PUBLIC_URL", "http://localhost:8000");
    let outcome = plain.run(&["serve"]).expect(1);
    assert!(
        outcome.err.contains("Change it to https"),
        "{}",
        outcome.err
    );
}

/// As OpenSSL, certbot and old tools write them.
#[test]
fn keys_of_every_kind_are_accepted() {
    let authority = Authority::new();
    let setup = with_tls(Setup::on_a_file(), &authority);
    let key = setup.path("key.pem");
    let chain = setup.path("chain.pem");
    for (algorithm, rewrite) in [
        (&["rsa:2048"][..], &["rsa", "-traditional"][..]),
        (&["rsa:2048"], &["pkey"]),
        (&["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], &["ec"]),
        (&["ed25519"], &["pkey"]),
    ] {
        let mut make = Command::new("openssl");
        make.args([
            "req",
            "-x509",
            "-days",
            "2",
            "-noenc",
            "-subj",
            "/CN=localhost",
        ]);
        make.args(["-addext", "subjectAltName=DNS:localhost", "-newkey"])
            .args(algorithm);
        make.arg("-keyout")
            .arg(setup.path("made.pem"))
            .arg("-out")
            .arg(&chain);
        assert!(make.output().unwrap().status.success());
        let mut again = Command::new("openssl");
        again
            .args(rewrite)
            .arg("-in")
            .arg(setup.path("made.pem"))
            .arg("-out")
            .arg(&key);
        assert!(again.output().unwrap().status.success());
        let head = std::fs::read_to_string(&key).unwrap();
        let kind = head.lines().next().unwrap().to_owned();
        let server = setup.clone().with_tls(&chain, &key).start();
        assert_eq!(
            out(&curl(&chain, &[&url(&server, "/healthz")])),
            r#"{"status":"ok"}"#,
            "{kind}"
        );
        server.stop();
    }
}

#[test]
fn a_development_certificate_is_created_once_and_works_on_this_machine() {
    let setup = Setup::on_a_file();
    let certificate = setup.data_dir().join("development-certificate.pem");
    let mut shown = Vec::new();
    for _ in 0..2 {
        let server = setup.start_by(setup.command(&["serve", "--dev-tls"]));
        let line = server.line("Certificate");
        assert!(line.contains("development-certificate.pem"), "{line}");
        let port = server.port;
        let to = format!("::127.0.0.1:{port}");
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let url = format!("https://{host}:{port}/readyz");
            let answer = curl(&certificate, &["--connect-to", &to, &url]);
            assert_eq!(out(&answer), r#"{"status":"ready"}"#, "{host}");
        }
        // Commands that know only the settings use TLS with it, too.
        let response = setup.clone().with("DOORWARD_TLS__DEVELOPMENT", "true");
        let response = response.with("DOORWARD_LISTEN", &server.address().to_string());
        response.run(&["healthcheck", "--ready"]).expect(0);
        let doctor = response.run(&["doctor", "--json"]).expect(0).json();
        assert!(
            doctor.to_string().contains("a Doorward runs at"),
            "{doctor}"
        );
        shown.push(std::fs::read(&certificate).unwrap());
        server.stop();
    }
    let shown_by_setting = setup.clone().with("DOORWARD_TLS__DEVELOPMENT", "true");
    let value = |setup: &Setup, key: &str| {
        let shown = setup.run(&["config", "show", "--json"]).expect(0).json();
        shown[key]["value"].clone()
    };
    assert_eq!(value(&shown_by_setting, "listen"), "127.0.0.1:0");
    let unset = shown_by_setting.with("DOORWARD_LISTEN", "");
    assert_eq!(value(&unset, "listen"), "127.0.0.1:9443");
    assert_eq!(shown[0], shown[1]);
    assert_eq!(mode(&setup.data_dir().join("development-key.pem")), 0o600);
    let both = setup
        .clone()
        .with_tls(Path::new("x.pem"), Path::new("x.pem"));
    let outcome = both.run(&["serve", "--dev-tls"]).expect(1);
    assert!(
        outcome.err.contains("`tls.development` (--dev-tls)"),
        "{}",
        outcome.err
    );
}

#[test]
fn healthcheck_and_doctor_use_tls_with_the_local_server() {
    let authority = Authority::new();
    let setup = with_tls(Setup::on_a_file(), &authority);
    let server = setup.start();
    // The same folder and files, with the port that the system chose.
    let setup = setup.with("DOORWARD_LISTEN", &server.address().to_string());
    setup.run(&["healthcheck", "--ready"]).expect(0);
    let findings = setup.run(&["doctor", "--json"]).json()["findings"].clone();
    let status_word = |part: &str| {
        let findings = findings.as_array().unwrap();
        findings
            .iter()
            .find(|found| found["check"] == part)
            .unwrap()["status"]
            .clone()
    };
    assert_eq!(status_word("listen address"), json!("passed"), "{findings}");
    // It expires in two days.
    assert_eq!(
        status_word("tls: certificate"),
        json!("warning"),
        "{findings}"
    );
    assert_eq!(status_word("tls: name"), json!("passed"), "{findings}");
    let log = server.stop();
    assert!(log.contains("expires within two weeks"), "{log}");
    setup.run(&["healthcheck"]).expect(1);
}

/// H-05: a client that opens a connection and sends nothing delays no other.
#[test]
fn slow_handshakes_do_not_delay_others() {
    let authority = Authority::new();
    let server = with_tls(Setup::on_a_file(), &authority).start();
    let silent: Vec<_> = (0..200)
        .map(|_| http::open(server.address()).unwrap())
        .collect();
    assert_eq!(
        out(&curl(&authority.path(), &[&url(&server, "/healthz")])),
        r#"{"status":"ok"}"#
    );
    assert_eq!(silent.len(), 200);
}
