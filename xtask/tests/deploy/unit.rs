//! Compares the unit's filter of system calls with the calls that the binary makes during sign-ups and sign-ins:
//! systemd does not run here, and a rejected call would fail only in production.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use doorward_testkit::http::Request;
use doorward_testkit::port::Port;
use doorward_testkit::servers::{
    PostgresOptions, RedisOptions, dedicated_postgres, dedicated_redis,
};
use doorward_testkit::wait::until;

use crate::files::{Variables, binary, directive, succeed};

/// The calls of a set such as `@system-service`, including nested sets.
fn calls_of(set: &str, calls: &mut BTreeSet<String>) {
    if !set.starts_with('@') {
        calls.insert(set.to_owned());
        return;
    }
    let mut analyze = Command::new("systemd-analyze");
    let output = succeed(analyze.args(["syscall-filter", "--no-pager", set]));
    let text = String::from_utf8(output.stdout).unwrap();
    let members = text.lines().skip(1).map(str::trim);
    for member in members.filter(|member| !member.is_empty() && !member.starts_with('#')) {
        calls_of(member, calls);
    }
}

/// Calls that the unit allows: its lines in order, as systemd reads them.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in directive("SystemCallFilter") {
        let mut named = BTreeSet::new();
        for set in line.trim_start_matches('~').split(' ') {
            calls_of(set, &mut named);
        }
        if line.starts_with('~') {
            allowed.retain(|call| !named.contains(call));
        } else {
            allowed.append(&mut named);
        }
    }
    assert!(allowed.len() > 200, "{allowed:?}");
    allowed
}

/// The server under strace, as an unprivileged user if there is another one.
struct Traced(Child);

impl Traced {
    fn start(folder: &Path, environment: &Variables) -> Self {
        let program = folder.join("doorward");
        std::fs::copy(binary(), &program).unwrap();
        for (name, mode) in [("", 0o755), ("data", 0o700)] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }
        std::fs::File::create(folder.join("trace")).unwrap();
        let mut command = if succeed(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0" {
            succeed(
                Command::new("chown")
                    .args(["65532", "data", "trace"])
                    .current_dir(folder),
            );
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid=65532",
                "--regid=65532",
                "--clear-groups",
                "--",
                "strace",
            ]);
            command
        } else {
            Command::new("strace")
        };
        command
            .args(["-f", "-qq", "-o", "trace"])
            .arg(program)
            .arg("serve");
        command.current_dir(folder).env_clear().envs(environment);
        command
            .env("PATH", "/usr/bin:/bin")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Stops the server, which ends strace.
    fn stop(&mut self) {
        let of_strace = format!("/proc/{0}/task/{0}/children", self.0.id());
        let server = std::fs::read_to_string(of_strace).unwrap();
        succeed(Command::new("kill").args(["-TERM", server.trim()]));
        assert!(until("it ends", || self.0.try_wait().unwrap()).success());
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Names of the calls since the program was executed.
fn calls_made(trace: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |line: &str| {
        let call = line.split_once(' ')?.1.trim_start();
        let call = call.strip_prefix("<... ").unwrap_or(call);
        let end = call.find(|c| !is_part(c))?;
        let is_call = call.starts_with(|c: char| c.is_ascii_lowercase());
        is_call.then(|| call[..end].to_owned())
    };
    let calls: BTreeSet<String> = trace.lines().skip(1).filter_map(name).collect();
    assert!(
        calls.contains("epoll_wait") && calls.len() > 40,
        "{calls:?}"
    );
    calls
}

fn live(stores: &Variables) {
    let folder = tempfile::tempdir().unwrap();
    let kept = Port::free();
    let port = kept.number;
    let here = |name: &str| folder.path().join(name).display().to_string();
    let mut environment: Variables = [
        ("DOORWARD_DATA_DIR", here("data")),
        ("DOORWARD_LISTEN", format!("127.0.0.1:{port}")),
        ("SMTP_URL", format!("folder:{}", here("data/mails"))),
        ("ADMIN_PASSWORD", "three boats on a lake".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    environment.extend(stores.clone());
    let mut traced = Traced::start(folder.path(), &environment);
    let password = "a long walk by the sea";
    let ben =
        serde_json::json!({"username": "ben", "email": "ben@example.com", "password": password});
    let post = |path: &str, body| {
        Request::new("POST", &format!("http://localhost:{port}{path}")).json(body)
    };
    until("it serves", || post("/user", &ben).try_send().ok()).expect(201);
    let admin = serde_json::json!({"username": "admin", "password": "three boats on a lake"});
    post("/auth", &admin).send().expect(201);
    until("the mail is written", || {
        std::fs::read_dir(here("data/mails"))
            .ok()?
            .find_map(Result::ok)
    });
    traced.stop();
    let trace = std::fs::read_to_string(here("trace")).unwrap();
    let allowed = allowed();
    let refused: Vec<_> = calls_made(&trace)
        .into_iter()
        .filter(|call| !allowed.contains(call))
        .collect();
    assert!(refused.is_empty(), "the unit would reject {refused:?}");
    // MemoryDenyWriteExecute.
    assert!(!trace.contains("PROT_WRITE|PROT_EXEC"));
}

#[test]
fn the_unit_allows_what_doorward_does_with_its_own_database() {
    live(&Variables::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_allows_what_doorward_does_with_servers() {
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let redis = dedicated_redis(RedisOptions::default()).await;
    let stores = [("DATABASE_URL", postgres.url()), ("REDIS_URL", redis.url())];
    let stores = stores.map(|(name, value)| (name.to_owned(), value)).into();
    tokio::task::spawn_blocking(move || live(&stores))
        .await
        .unwrap();
}
