//! `doorward serve --ephemeral`, for the tests of other projects.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::http::Reply;
use super::{Server, Setup, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

/// A running server, and the line that it printed.
struct Throwaway {
    server: Server,
    banner: Value,
}

impl Throwaway {
    fn start(setup: &Setup) -> Self {
        Self::of(setup, setup.command(&["serve", "--ephemeral"]))
    }

    fn of(setup: &Setup, command: Command) -> Self {
        let mut server = setup.begin(command);
        let banner: Value = serde_json::from_str(&server.line("")).unwrap();
        let (_, port) = banner["url"].as_str().unwrap().rsplit_once(':').unwrap();
        server.port = port.parse().unwrap();
        Self { server, banner }
    }

    fn sign_in_as_admin(&self) -> Reply {
        self.server.post("/auth", self.banner["admin"].clone())
    }

    /// Waits until it has ended.
    fn ends(mut self) {
        assert_eq!(self.server.rest(), [""; 0], "more than one line");
        let (status, log) = self.server.wait();
        assert!(status.success(), "{status}");
        assert_eq!(log, "");
    }
}

/// A folder of another project, with settings that must be ignored.
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
fn an_ephemeral_server_leaves_no_files() {
    let setup = project();
    let throwaway = Throwaway::start(&setup);
    assert_eq!(throwaway.banner["pid"], throwaway.server.pid());
    let url = throwaway.banner["url"].as_str().unwrap();
    assert_eq!(throwaway.banner["inbox_url"], format!("{url}/inbox.json"));
    throwaway.sign_in_as_admin().expect(201);
    let body = json!({"username": "ben", "email": "ben@example.com", "password": PASSWORD});
    throwaway.server.post("/user", body).expect(201);
    let mails = throwaway
        .server
        .get("/inbox.json?to=ben@example.com&wait=10");
    let link = mails.expect(200).json()["items"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = link.strip_prefix(url).unwrap();
    throwaway.server.send("POST", path, None, None).expect(200);
    // Throttling is disabled.
    for _ in 0..50 {
        let wrong = json!({"username": "ben", "password": OTHER_PASSWORD});
        throwaway.server.post("/auth", wrong).expect(401);
    }
    let right = json!({"username": "ben", "password": PASSWORD});
    throwaway.server.post("/auth", right).expect(201);
    throwaway.server.get("/readyz").expect(200);
    let files: Vec<_> = std::fs::read_dir(setup.path(""))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    throwaway.server.signal("TERM");
    throwaway.ends();
}

#[test]
fn an_ephemeral_server_uses_the_environment_and_rejects_a_config_file() {
    let setup = project()
        .with("DOORWARD_ADMIN__PASSWORD", OTHER_PASSWORD)
        .with("DOORWARD_ADMIN__EMAIL", "root@example.com")
        .with("DOORWARD_PASSWORD__MIN_LENGTH", "20");
    let throwaway = Throwaway::start(&setup);
    assert_eq!(throwaway.banner["admin"]["password"], OTHER_PASSWORD);
    throwaway.sign_in_as_admin().expect(201);
    let short = json!({"username": "ben", "password": "plum cake with tea"});
    throwaway.server.post("/user", short).expect(422);
    throwaway.server.signal("INT");
    throwaway.ends();
    let outcome = setup
        .run(&["serve", "--ephemeral", "--config", "doorward.toml"])
        .expect(1);
    assert!(outcome.err.contains("--config"), "{}", outcome.err);
    let outcome = setup
        .with("DOORWARD_LISTEN", "0.0.0.0:0")
        .run(&["serve", "--ephemeral"]);
    assert!(outcome.expect(1).err.contains("inbox"));
}

/// It does not outlive the tests that started it.
#[test]
fn it_exits_when_its_standard_input_is_closed() {
    let mut throwaway = Throwaway::start(&project());
    throwaway.server.get("/healthz").expect(200);
    throwaway.server.close_input();
    throwaway.ends();
}

#[test]
fn it_exits_when_its_parent_is_killed() {
    let setup = project();
    let program = setup.command(&[]).get_program().to_owned();
    // A shell that starts it without standard input and does not wait for it.
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
    let throwaway = Throwaway::of(&setup, parent);
    let pid = throwaway.banner["pid"].as_u64().unwrap();
    assert_ne!(pid, u64::from(throwaway.server.pid()));
    throwaway.server.get("/healthz").expect(200);
    throwaway.server.signal("KILL");
    eventually("it exits with its parent", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        // Without a parent that reaps it, it is a zombie.
        status.map_or(Some(()), |status| status.contains(") Z ").then_some(()))
    });
}

/// If standard input is already at its end at the start, it is ignored.
#[test]
fn it_ignores_a_standard_input_that_is_closed_at_the_start() {
    let setup = project();
    let mut command = setup.command(&["serve", "--ephemeral"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    let throwaway = Throwaway::of(&setup, {
        command.stdin(reader);
        command
    });
    throwaway.sign_in_as_admin().expect(201);
    throwaway.server.get("/healthz").expect(200);
    throwaway.server.signal("TERM");
    throwaway.ends();
}

#[test]
fn twenty_ephemeral_servers_run_independently() {
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
    for throwaway in &servers {
        let body = json!({"username": "ben", "password": PASSWORD});
        throwaway.server.post("/user", body).expect(201);
        throwaway.sign_in_as_admin().expect(201);
    }
}
