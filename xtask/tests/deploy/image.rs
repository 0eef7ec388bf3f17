//! The image, as far as the kernel can test it: the binary with the few files of the base image, on a read-only
//! file system, as an unprivileged user without a name.
//!
//! Needs a mount namespace: as root, or if users may create one.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use doorward_testkit::port::Port;
use doorward_testkit::repository::tracked;
use doorward_testkit::tools::cargo;
use doorward_testkit::wait::until;

use crate::files::{Variables, binary, image_variables, instruction, root, succeed};

/// Libraries of gcr.io/distroless/cc-debian12 that the binary may use.
const IN_THE_IMAGE: [&str; 5] = [
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "ld-linux",
    "linux-vdso.so",
];

/// Shared libraries of a program: name and file.
fn libraries(program: &Path) -> Vec<(String, String)> {
    let output = succeed(Command::new("ldd").arg(program));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let file = words.iter().rev().find(|word| word.starts_with('/'));
            (
                words[0].to_owned(),
                file.copied().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

#[test]
fn the_binary_needs_no_library_that_the_image_lacks() {
    for (name, _) in libraries(&binary()) {
        assert!(
            IN_THE_IMAGE.iter().any(|known| name.contains(known)),
            "{name}"
        );
    }
}

/// A root folder like the image's.
pub fn image() -> tempfile::TempDir {
    let libraries = libraries(&binary());
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = |file: &str, from: &Path| {
        let to = root.join(file.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    };
    place("/usr/local/bin/doorward", &binary());
    for (_, file) in libraries.iter().filter(|(_, file)| !file.is_empty()) {
        place(file, &std::fs::canonicalize(file).unwrap());
    }
    std::fs::create_dir(root.join("data")).unwrap();
    // Files that the container runtime adds.
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
    folder
}

/// Mounts the root read-only with an empty volume at /data, and executes the program there.
const ENTER: &str = r#"
set -e
root=$1; user=$2; owner=$3; shift 3
mount --bind "$root" "$root"
mount -t tmpfs -o mode=0700"$owner" tmpfs "$root/data"
mount -o remount,bind,ro "$root"
exec chroot $user "$root" "$@"
"#;

/// A command of the binary there, with only this environment.
pub fn enter(root: &Path, environment: &Variables, arguments: &[&str]) -> Command {
    let ids = instruction("USER");
    let (uid, gid) = ids.split_once(':').unwrap();
    let (namespaces, user, owner): (&[&str], _, _) = if is_root() {
        let user = format!("--userspec={ids}");
        (&["--mount"], user, format!(",uid={uid},gid={gid}"))
    } else {
        // Within its own namespace there is no second user to become; outside it is unprivileged.
        (
            &["--mount", "--map-root-user"],
            String::new(),
            String::new(),
        )
    };
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["sh", "-c", ENTER, "enter"]);
    command.arg(root).arg(user).arg(owner);
    command.arg("/usr/local/bin/doorward").args(arguments);
    command
        .env_clear()
        .envs(environment)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A server in the image. It ends with the test.
pub struct Running {
    process: Child,
    /// Its output until it was ready.
    pub printed: Vec<String>,
}

impl Running {
    /// Starts it with a new database, and waits until it is ready.
    pub fn start(serve: &mut Command) -> Self {
        // The last line: the new admin has a generated password.
        Self::start_until(serve, "shown only once")
    }

    /// Starts it, and waits until it prints a line with this text.
    pub fn start_until(serve: &mut Command, last: &str) -> Self {
        let mut process = serve.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut running = Self {
            process,
            printed: Vec::new(),
        };
        for line in output.lines().map_while(Result::ok) {
            let is_last = line.contains(last);
            running.printed.push(line);
            if is_last {
                return running;
            }
        }
        panic!("it did not start: {:?}", running.printed);
    }
}

impl Running {
    /// A file in its root folder.
    pub fn file(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root{path}", self.process.id()).into()
    }

    /// A command next to it, like in the same container, or in one with the same volume and network.
    pub fn exec(&self, environment: &Variables, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let process = self.process.id().to_string();
        command.args(["--target", &process, "--mount", "--root", "--wd"]);
        if is_root() {
            let ids = instruction("USER");
            let (uid, gid) = ids.split_once(':').unwrap();
            command.args(["--setuid", uid, "--setgid", gid]);
        } else {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("/usr/local/bin/doorward").args(arguments);
        command.env_clear().envs(environment);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_serves_from_a_read_only_root_as_an_unprivileged_user() {
    let image = image();
    let kept = Port::free();
    let port = kept.number;
    let mut environment = image_variables();
    environment.insert("DOORWARD_LISTEN".to_owned(), format!("0.0.0.0:{port}"));
    environment.insert(
        "DOORWARD_PUBLIC_URL".to_owned(),
        format!("http://localhost:{port}"),
    );
    environment.insert("SMTP_URL".to_owned(), "log:".to_owned());
    let mut serve = enter(image.path(), &environment, &["serve"]);
    let mut running = Running::start(&mut serve);
    // The health check of the image, with the same environment.
    for arguments in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        succeed(&mut running.exec(&environment, arguments));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.process.id())).unwrap();
    let effective = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap();
    assert!(
        !effective.split_whitespace().any(|id| id == "0") || !is_root(),
        "{effective}"
    );
    // Nothing was written except in the volume, which ended with its namespace.
    assert_eq!(
        std::fs::read_dir(image.path().join("data"))
            .unwrap()
            .count(),
        0
    );
    succeed(Command::new("kill").args(["-TERM", &running.process.id().to_string()]));
    let ended = until("it ends", || running.process.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
    let refused = enter(image.path(), &environment, &["healthcheck"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "the server has ended");
}

fn is_root() -> bool {
    succeed(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0"
}

/// The build context is enough for Cargo to load the workspace, and contains every file that a source includes.
#[test]
fn the_build_context_has_every_needed_file() {
    let context = tempfile::tempdir().unwrap();
    let ignore = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let taken = ignore.lines().filter_map(|line| line.strip_prefix('!'));
    let files = tracked(&taken.collect::<Vec<_>>());
    for file in &files {
        let to = context.path().join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(root().join(file), to).unwrap();
    }
    let mut metadata = cargo();
    metadata.args([
        "metadata",
        "--locked",
        "--offline",
        "--no-deps",
        "--format-version=1",
    ]);
    succeed(metadata.current_dir(context.path()));
    for file in files
        .iter()
        .filter(|file| file.contains("/src/") && file.ends_with(".rs"))
    {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        for part in text
            .split("include_str!(\"")
            .skip(1)
            .chain(text.split("include_bytes!(\"").skip(1))
        {
            let path = part.split('"').next().unwrap();
            let from = context.path().join(file);
            let taken = from.parent().unwrap().join(path);
            assert!(
                taken.exists() || path.contains('$'),
                "{file} includes {path}"
            );
        }
    }
}
