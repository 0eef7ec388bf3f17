//! Network faults: the listen address, the public URL, and its certificate.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use doorward_testkit::port::Port;
use doorward_testkit::servers::Authority;

use super::{MailSink, Setup, eventually, examine};

/// A server that sends this response to every request, until the end of the test.
fn answering(answer: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

fn at(setup: &Setup, port: u16) -> Setup {
    let url = format!("http://127.0.0.1:{port}");
    setup.clone().with("DOORWARD_PUBLIC_URL", &url)
}

#[test]
fn an_address_in_use_is_a_failure() {
    let other = MailSink::start();
    let listen = format!("127.0.0.1:{}", other.port);
    examine(&Setup::on_a_file().with("DOORWARD_LISTEN", &listen), &[])
        .expect_code(1)
        .expect("listen address", "failed", "another program", "ss -ltnp");
    // From TEST-NET-1, which no machine uses.
    let elsewhere = Setup::on_a_file()
        .with("DOORWARD_LISTEN", "192.0.2.1:8000")
        .with("DOORWARD_PUBLIC_URL", "https://accounts.example.invalid")
        .with("SMTP_URL", "log:");
    examine(&elsewhere, &[])
        .expect_code(1)
        .expect("listen address", "failed", "cannot listen", "0.0.0.0")
        .expect("public URL", "warning", "does not resolve", "DNS")
        .expect("mail", "warning", "log", "SMTP_URL");
}

#[test]
fn the_server_at_the_public_url_is_identified() {
    let setup = Setup::on_a_file();
    let ours = setup.start();
    let another = Setup::on_a_file().start();
    for (port, status_word, found, hint) in [
        (ours.port, "passed", "leads to this Doorward", ""),
        (
            another.port,
            "failed",
            "another Doorward",
            "forward to Doorward",
        ),
        (
            answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            "failed",
            "not a Doorward (status 404)",
            "forward to Doorward",
        ),
        (
            answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"keys\":1"),
            "failed",
            "not a Doorward",
            "",
        ),
        (
            answering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
            "warning",
            "502",
            "proxy",
        ),
        (
            answering("HTTP/1.1 301 Moved\r\nLocation: https://x\r\nContent-Length: 0\r\n\r\n"),
            "failed",
            "redirects",
            "end up",
        ),
        (
            answering("what?\r\n"),
            "warning",
            "no valid response",
            "scheme",
        ),
    ] {
        examine(&at(&setup, port), &[]).expect("public URL", status_word, found, hint);
    }
    another.stop();
}

#[test]
fn no_server_at_the_public_url_is_a_warning() {
    let reserved = Port::free();
    let port = reserved.number;
    examine(&at(&Setup::on_a_file(), port), &[])
        .expect_code(0)
        .expect("public URL", "warning", "cannot connect", "run");
}

/// A TLS server without a Doorward behind it.
struct TlsServer(Child, u16);

impl TlsServer {
    fn start(authority: &Authority, host: &str) -> Self {
        let _certificate = authority.certificate(host);
        let folder = authority.path().parent().unwrap().to_owned();
        let reserved = Port::free();
        let port = reserved.number;
        let mut command = Command::new("openssl");
        command.args([
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ]);
        command.args([
            "-cert",
            &format!("{host}.pem"),
            "-key",
            &format!("{host}.key"),
        ]);
        command.current_dir(folder).stdin(Stdio::null());
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("openssl listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Self(child, port)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_certificate_is_checked_as_a_browser_does() {
    const PART: &str = "public URL: TLS";
    let authority = Authority::new();
    let setup = |server: &TlsServer| {
        Setup::on_a_file()
            .with(
                "DOORWARD_PUBLIC_URL",
                &format!("https://localhost:{}", server.1),
            )
            .with("SMTP_URL", "log:")
            .with("SSL_CERT_FILE", authority.path().to_str().unwrap())
    };
    // Valid for two days, and the response is not from a Doorward.
    let server = TlsServer::start(&authority, "localhost");
    examine(&setup(&server), &[])
        .expect_code(1)
        .expect(PART, "warning", "two weeks", "renewal")
        .expect("public URL", "failed", "not a Doorward", "");
    // From an authority that this machine does not trust; others may.
    let url = format!("https://localhost:{}", server.1);
    let strange = Setup::on_a_file()
        .with("DOORWARD_PUBLIC_URL", &url)
        .with("SMTP_URL", "log:");
    examine(&strange, &[])
        .expect_code(0)
        .expect(PART, "warning", "UnknownIssuer", "chain");
    // From another authority with the same name.
    let other = Authority::new();
    examine(
        &strange.with("SSL_CERT_FILE", other.path().to_str().unwrap()),
        &[],
    )
    .expect_code(0)
    .expect(PART, "warning", "BadSignature", "chain");
    let server = TlsServer::start(&authority, "other.example");
    examine(&setup(&server), &[]).expect_code(1).expect(
        PART,
        "failed",
        "not valid for name",
        "for this name",
    );
    // Plain HTTP.
    let port = answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let url = format!("https://localhost:{port}");
    examine(&setup(&server).with("DOORWARD_PUBLIC_URL", &url), &[])
        .expect_code(0)
        .expect(PART, "warning", "localhost", "http");
}
