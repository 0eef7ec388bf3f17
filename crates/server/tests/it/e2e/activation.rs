//! Service managers: socket activation and notifications (`sd_listen_fds(3)`, `sd_notify(3)`).

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use doorward_testkit::port::Port;
use doorward_testkit::servers::Authority;

use super::load::{self, ConnectionMode, Load, Target};
use super::{Server, Setup, eventually};

/// As systemd starts it: the socket is file 3. The shell's process becomes the server, so its id is known.
const HANDED_OVER: &str = "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" serve 3<&0 </dev/null";

/// Runs the command of `setup` by a shell script.
fn by_shell(setup: &Setup, script: &str, input: impl Into<Stdio>) -> Command {
    let plain = setup.command(&["serve"]);
    let mut command = setup.command(&[]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).arg(plain.get_program());
    shell
        .current_dir(command.get_current_dir().unwrap())
        .env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap());
    }
    command = shell;
    command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn hand_over(setup: &Setup, socket: &TcpListener) -> Server {
    let socket: OwnedFd = socket.try_clone().unwrap().into();
    setup.start_by(by_shell(setup, HANDED_OVER, socket))
}

/// Number of responses in the log.
fn responds(log: &str) -> usize {
    log.matches("\"http.route\":\"/healthz\"").count()
}

/// Restarts it four times, while clients with all kinds of connections send requests.
fn restart_under_load(setup: &Setup, socket: &TcpListener, target: &Target) {
    let mut server = hand_over(setup, socket);
    let habits = [
        ConnectionMode::NewEachTime,
        ConnectionMode::KeepAlive,
        ConnectionMode::Http2,
        ConnectionMode::NewEachTime,
        ConnectionMode::KeepAlive,
    ];
    let load = Load::start(target, &habits);
    let asked_more = || {
        let before = load.answered();
        eventually("requests get responses", || {
            (load.answered() > before + 40).then_some(())
        });
    };
    let mut begun = 0;
    for _ in 0..4 {
        asked_more();
        begun += responds(&server.stop());
        server = hand_over(setup, socket);
    }
    asked_more();
    let tally = load.stop();
    begun += responds(&server.stop());
    eprintln!("restarts by socket activation: {tally:?}");
    tally.expect_no_failure();
    // Every request that the server began has got its response.
    assert_eq!(tally.answered as usize, begun);
}

#[test]
fn a_restart_with_socket_activation_fails_no_request() {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = Target::new(socket.local_addr().unwrap(), "/healthz");
    restart_under_load(&Setup::new(), &socket, &target);
}

#[test]
fn a_restart_with_socket_activation_fails_no_request_over_tls() {
    let authority = Authority::new();
    let certificate = authority.certificate("localhost");
    let setup = Setup::on_a_file().with_tls(&certificate.chain(), &certificate.key());
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = Target {
        authority: Some(load::certificate(&authority.path())),
        ..Target::new(socket.local_addr().unwrap(), "/healthz")
    };
    restart_under_load(&setup, &socket, &target);
}

#[test]
fn a_public_socket_needs_the_settings_of_a_public_address() {
    let setup = Setup::on_a_file();
    let socket = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let socket: OwnedFd = socket.into();
    let output = by_shell(&setup, HANDED_OVER, socket).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        err.contains("the service manager listens on 0.0.0.0"),
        "{err}"
    );
    assert!(err.contains("Set `public_url`"), "{err}");
}

#[test]
fn a_file_that_is_not_a_listening_socket_is_rejected() {
    let setup = Setup::on_a_file();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    let handed: [(OwnedFd, &str); 2] = [
        (connected.into(), "remove Accept="),
        (datagram.into(), "ListenStream="),
    ];
    for (file, wanted) in handed {
        let output = by_shell(&setup, HANDED_OVER, file).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && err.contains(wanted), "{err}");
    }
}

/// systemd's own tool for this.
#[test]
fn systemd_socket_activate_starts_the_server_at_the_first_connection() {
    let setup = Setup::on_a_file();
    let kept = Port::free();
    let port = kept.number;
    let plain = setup.command(&["serve"]);
    let mut tool = Command::new("systemd-socket-activate");
    tool.arg(format!("--listen=127.0.0.1:{port}"));
    tool.current_dir(plain.get_current_dir().unwrap());
    for (name, value) in plain.get_envs() {
        let value = value.unwrap().to_str().unwrap();
        tool.arg(format!("--setenv={}={value}", name.to_str().unwrap()));
    }
    tool.arg(plain.get_program()).arg("serve");
    tool.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // The tool starts Doorward at the first connection, so this connects until there is a response.
    let asking = std::thread::spawn(move || {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let request = super::http::request("GET", "/readyz", &[], "");
        eventually("the first request gets a response", || {
            super::http::exchange(address, request.as_bytes()).ok()
        })
    });
    let server = setup.start_by(tool);
    assert_eq!(asking.join().unwrap().status, 200);
    assert_eq!(server.port, port);
    server.stop();
}

/// Notifications to the service manager. They are read at once, as systemd does, so the queue never fills.
struct NotifySocket(Receiver<String>);

impl NotifySocket {
    fn at(path: &Path) -> Self {
        let manager = UnixDatagram::bind(path).unwrap();
        let (sender, notifications) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok(length) = manager.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self(notifications)
    }

    fn next(&self) -> String {
        let notifications = self.0.recv_timeout(Duration::from_secs(60));
        notifications.expect("the service manager is notified")
    }

    /// The next notification that is not a watchdog ping, before the deadline.
    fn next_except_watchdog(&self, deadline: Instant) -> String {
        loop {
            assert!(Instant::now() < deadline, "there are only pings");
            let notifications = self.next();
            if notifications != "WATCHDOG=1" {
                return notifications;
            }
        }
    }
}

#[test]
fn the_service_manager_gets_its_notifications_in_order() {
    let setup = Setup::on_a_file();
    let path = setup.path("notify");
    let notifications = NotifySocket::at(&path);
    let deadline = Instant::now() + Duration::from_secs(120);
    let server = setup
        .with("NOTIFY_SOCKET", &path.display().to_string())
        .with("WATCHDOG_USEC", "100000")
        .start();
    let ready = "READY=1\nSTATUS=Serving";
    assert_eq!(notifications.next_except_watchdog(deadline), ready);
    server.get("/readyz").expect(200);
    server.signal("HUP");
    let reloading = notifications.next_except_watchdog(deadline);
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    micros.unwrap().parse::<u64>().unwrap();
    assert_eq!(notifications.next_except_watchdog(deadline), ready);
    // The pings continue.
    for _ in 0..3 {
        assert_eq!(notifications.next(), "WATCHDOG=1");
    }
    server.signal("TERM");
    let stopping = notifications.next_except_watchdog(deadline);
    assert!(stopping.starts_with("STOPPING=1\n"), "{stopping}");
    assert!(
        stopping.contains("EXTEND_TIMEOUT_USEC=60000000"),
        "{stopping}"
    );
    let (status, log) = server.wait();
    assert!(
        status.success() && log.contains("no certificate to reload"),
        "{log}"
    );
}
