//! `doorward serve --ephemeral`: what other projects' tests start.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::http::{self, Reply};
use super::{Setup, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

/// One that runs, and what it said of itself.
struct Throwaway {
    child: Child,
    told: Value,
}

impl Throwaway {
    fn start(setup: &Setup) -> Self {
        Self::of(setup.command(&["serve", "--ephemeral"]))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it said nothing: {child:?}");
        let told = serde_json::from_str(&line).unwrap();
        child.stdout = Some(out.into_inner());
        Self { child, told }
    }

    fn address(&self) -> SocketAddr {
        let (_, port) = self.told["url"].as_str().unwrap().rsplit_once(':').unwrap();
        format!("127.0.0.1:{port}").parse().unwrap()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let fields = ["Content-Type: application/json".to_owned()];
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let fields = if body.is_null() { &[][..] } else { &fields[..] };
        let request = http::request(method, path, fields, &text);
        http::exchange(self.address(), request.as_bytes()).unwrap()
    }

    fn sign_in_as_admin(&self) -> Reply {
        self.send("POST", "/auth", &self.told["admin"])
    }

    /// Whether it is gone, by itself.
    fn ends(mut self) {
        let status = eventually("it ends", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}");
        let mut rest = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        assert_eq!(rest, "", "more than one line");
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        assert_eq!(log, "");
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that is somebody else's project, whose settings are not meant for it.
fn project() -> Setup {
    Setup::on_a_file()
        .file("doorward.toml", "nonsense = true")
        .file(
            ".env",
            "DATABASE_URL=postgres://nobody@127.0.0.1:1/x\nSMTP_URL=smtp://127.0.0.1:1\n",
        )
        .with("DATABASE_URL", "mysql://nobody@127.0.0.1:1/x")
        .with("REDIS_URL", "redis://127.0.0.1:1")
        .with("SMTP_URL", "smtp://127.0.0.1:1")
        .with("ADMIN_PASSWORD", "theirs")
        .with("JWT_SECRET_KEY", "theirs")
        .with("DOORWARD_URL", "http://their.own.setting")
        .with("DOORWARD_LOG__FILTER", "warn")
        .with("DOORWARD_DATA_DIR", "/nowhere/at/all")
}

#[test]
fn a_whole_life_goes_by_and_nothing_is_left() {
    let setup = project();
    let server = Throwaway::start(&setup);
    assert_eq!(server.told["pid"], server.child.id());
    let url = server.told["url"].as_str().unwrap();
    assert_eq!(server.told["inbox_url"], format!("{url}/inbox.json"));
    server.sign_in_as_admin().expect(201);
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    server.send("POST", "/user", &body).expect(201);
    let mails = server.send(
        "GET",
        "/inbox.json?to=ben@example.com&wait=10",
        &Value::Null,
    );
    let link = mails.expect(200).json()["items"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    server
        .send("POST", link.strip_prefix(url).unwrap(), &Value::Null)
        .expect(200);
    // Throttles are off.
    for _ in 0..50 {
        let wrong = json!({"username": "ben", "password": OTHER_PASSWORD});
        server.send("POST", "/auth", &wrong).expect(401);
    }
    let right = json!({"username": "ben", "password": PASSWORD});
    server.send("POST", "/auth", &right).expect(201);
    server.send("GET", "/readyz", &Value::Null).expect(200);
    let files: Vec<_> = std::fs::read_dir(setup.path(""))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    server.signal("TERM");
    server.ends();
}

#[test]
fn what_counts_is_obeyed_and_a_file_is_refused() {
    let setup = project()
        .with("DOORWARD_ADMIN__PASSWORD", OTHER_PASSWORD)
        .with("DOORWARD_ADMIN__EMAIL", "root@example.com")
        .with("DOORWARD_PASSWORD__MIN_LENGTH", "20");
    let server = Throwaway::start(&setup);
    assert_eq!(server.told["admin"]["password"], OTHER_PASSWORD);
    server.sign_in_as_admin().expect(201);
    let short = json!({"username": "ben", "password": "plum cake with tea"});
    server.send("POST", "/user", &short).expect(422);
    server.signal("INT");
    server.ends();
    let outcome = setup
        .run(&["serve", "--ephemeral", "--config", "doorward.toml"])
        .expect(1);
    assert!(outcome.err.contains("--config"), "{}", outcome.err);
    let outcome = setup
        .with("DOORWARD_LISTEN", "0.0.0.0:0")
        .run(&["serve", "--ephemeral"]);
    assert!(outcome.expect(1).err.contains("inbox"));
}

/// Nothing outlives the tests it was started for.
#[test]
fn it_ends_when_its_standard_input_is_closed() {
    let mut server = Throwaway::start(&project());
    server.send("GET", "/healthz", &Value::Null).expect(200);
    drop(server.child.stdin.take());
    server.ends();
}

#[test]
fn it_ends_when_its_parent_is_killed() {
    let setup = project();
    let program = setup.command(&[]).get_program().to_owned();
    // A shell that starts it with no standard input to tell it anything, and does not wait.
    let mut shell = setup.command(&[]);
    let mut parent = Command::new("sh");
    parent
        .args(["-c", "\"$0\" serve --ephemeral < /dev/null & read line"])
        .arg(program);
    parent.current_dir(shell.get_current_dir().unwrap());
    parent
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell.env_clear();
    let server = Throwaway::of(parent);
    let pid = server.told["pid"].as_u64().unwrap();
    assert_ne!(pid, u64::from(server.child.id()));
    server.send("GET", "/healthz", &Value::Null).expect(200);
    server.signal("KILL");
    eventually("it has gone with its parent", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // Where nobody takes it in, it is a zombie.
        status.map_or(Some(()), |status| status.contains(") Z ").then_some(()))
    });
}

/// Started with an input that is at its end already, it does not take that for a sign.
#[test]
fn an_input_that_was_never_open_tells_nothing() {
    let setup = project();
    let mut command = setup.command(&["serve", "--ephemeral"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    let server = Throwaway::of({
        command.stdin(reader);
        command
    });
    server.sign_in_as_admin().expect(201);
    server.send("GET", "/healthz", &Value::Null).expect(200);
    server.signal("TERM");
    server.ends();
}

#[test]
fn twenty_run_side_by_side_and_know_nothing_of_each_other() {
    let setup = project();
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| Throwaway::start(&setup)))
            .collect();
        starting
            .into_iter()
            .map(|server| server.join().unwrap())
            .collect()
    });
    for server in &servers {
        let body = json!({"username": "ben", "password": PASSWORD});
        server.send("POST", "/user", &body).expect(201);
        server.sign_in_as_admin().expect(201);
    }
}
