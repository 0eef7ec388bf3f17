//! `ProxyStack`: Doorward, the example's site, and a proxy in front of both. Each is a separate process that ends with
//! the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_testkit::port::Port;
use doorward_testkit::process::Process;
use doorward_testkit::repository::root;
use doorward_testkit::servers::{ADMIN_PASSWORD, Authority, Doorward};
use doorward_testkit::tools::{debian_tool, tool};
use doorward_testkit::wait::until;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, Client};

pub const PASSWORD: &str = "plum cake on sundays";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
    Traefik,
}

pub struct ProxyStack {
    pub doorward: Doorward,
    /// The proxy's URL, which is Doorward's public URL.
    pub origin: String,
    authority: PathBuf,
    admin: String,
    _processes: [Process; 2],
    _authority: Authority,
    _ports: [Port; 3],
    folder: TempDir,
}

impl ProxyStack {
    pub fn start(kind: Kind) -> Self {
        let free = [(); 3].map(|()| Port::free());
        let [port, site_port, admin_port] = [0, 1, 2].map(|place: usize| free[place].number);
        let origin = format!("https://localhost:{port}");
        let doorward = Doorward::start(&[
            ("DOORWARD_PUBLIC_URL", &origin),
            ("DOORWARD_TRUSTED_PROXIES", "127.0.0.1"),
            ("ADMIN_EMAIL", "admin@example.com"),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let certificate = authority.certificate("localhost");
        for (file, name) in [
            (certificate.chain(), "certificate.pem"),
            (certificate.key(), "key.pem"),
        ] {
            std::fs::copy(file, folder.path().join(name)).unwrap();
        }
        let mut site = tool("python");
        site.arg(examples().join("site/site.py"));
        site.env("PORT", site_port.to_string());
        let site = Process::start(&site, folder.path());
        let ports = Ports {
            proxy: port,
            doorward: doorward.port(),
            site: site_port,
            admin: admin_port,
        };
        let (command, trusted) = match kind {
            Kind::Nginx => (nginx(folder.path(), &ports), authority.path()),
            Kind::Caddy => caddy(folder.path(), &ports),
            Kind::Traefik => (traefik(folder.path(), &ports), authority.path()),
        };
        let proxy = Process::start(&command, folder.path());
        let stack = Self {
            admin: token(&doorward, "admin", ADMIN_PASSWORD),
            doorward,
            origin,
            authority: trusted,
            _processes: [proxy, site],
            _authority: authority,
            _ports: free,
            folder,
        };
        until("the proxy and the site are ready", || {
            let is_there = stack.anonymous().try_get("/public/")?.status == 200;
            is_there.then_some(())
        });
        stack
    }

    /// A client with a new, empty cookie jar.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.origin, &self.authority, self.folder.path())
    }

    /// A browser's client, signed in with the form.
    pub fn signed_in(&self, name: &str, password: &str) -> Client {
        let client = self.anonymous().browser();
        let form = format!("username={name}&password={}", password.replace(' ', "+"));
        let answer = client.post("/auth", &form);
        assert_eq!(answer.status, 303, "{answer:?}");
        client
    }

    /// A user with a username only.
    pub fn create(&self, name: &str) {
        let body = json!({"username": name, "password": PASSWORD}).to_string();
        let answer = direct(&self.doorward, "POST", "/user", None, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// A request by the admin, without the proxy.
    pub fn as_admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        direct(
            &self.doorward,
            method,
            path,
            Some(&self.admin),
            &body.to_string(),
        )
    }

    /// A file with this text, for a body that is too long for a command line.
    pub fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("body");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Signs in and returns the token.
    pub fn token(&self, name: &str, password: &str) -> String {
        token(&self.doorward, name, password)
    }
}

fn direct(
    doorward: &Doorward,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Answer {
    let client = Client::new(doorward.url(), Path::new("/dev/null"), doorward.folder());
    let authorization = token.map(|token| format!("Authorization: Bearer {token}"));
    let mut arguments = vec![
        "-X",
        method,
        "-H",
        "Content-Type: application/json",
        "-d",
        body,
    ];
    if let Some(authorization) = &authorization {
        arguments.extend(["-H", authorization]);
    }
    client.ask(path, &arguments)
}

fn token(doorward: &Doorward, name: &str, password: &str) -> String {
    let body = json!({"username": name, "password": password}).to_string();
    let answer = direct(doorward, "POST", "/auth", None, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["token"].as_str().unwrap().to_owned()
}

struct Ports {
    proxy: u16,
    doorward: u16,
    site: u16,
    admin: u16,
}

/// Copies the example's file with other ports.
fn put(example: &str, folder: &Path, ports: &Ports) {
    let file = examples().join(example);
    let mut text = std::fs::read_to_string(&file).unwrap();
    let replaced = [
        ("8443", ports.proxy),
        ("8000", ports.doorward),
        ("9000", ports.site),
    ];
    // First placeholders, then ports: a free port may contain another one.
    for (mark, (theirs, _)) in replaced.iter().enumerate() {
        text = text.replace(theirs, &format!("<port {mark}>"));
    }
    for (mark, (_, here)) in replaced.iter().enumerate() {
        text = text.replace(&format!("<port {mark}>"), &here.to_string());
    }
    std::fs::write(folder.join(file.file_name().unwrap()), text).unwrap();
}

fn nginx(folder: &Path, ports: &Ports) -> Command {
    put("nginx/nginx.conf", folder, ports);
    put("nginx/site.conf", folder, ports);
    std::fs::create_dir(folder.join("temp")).unwrap();
    let mut command = debian_tool("nginx");
    // One process, so that one signal ends it.
    command.args(["-g", "master_process off;", "-c", "nginx.conf", "-p"]);
    command.arg(folder);
    command
}

/// Caddy creates its certificate, and its authority in this folder.
fn caddy(folder: &Path, ports: &Ports) -> (Command, PathBuf) {
    put("caddy/Caddyfile", folder, ports);
    let mut command = debian_tool("caddy");
    command.args(["run", "--config", "Caddyfile"]);
    command.env("CADDY_ADMIN", format!("localhost:{}", ports.admin));
    command.env("XDG_DATA_HOME", folder.join("data"));
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    let root = folder.join("data/caddy/pki/authorities/local/root.crt");
    (command, root)
}

fn traefik(folder: &Path, ports: &Ports) -> Command {
    put("traefik/traefik.yml", folder, ports);
    put("traefik/site.yml", folder, ports);
    let mut command = tool("traefik");
    command.arg("--configFile=traefik.yml");
    command
}

fn examples() -> PathBuf {
    root().join("examples")
}
