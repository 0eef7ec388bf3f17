//! Certificates change under load without a failed request.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use doorward_testkit::servers::Authority;

use super::load::{ConnectionMode, Load, Target, certificate};
use super::{Server, Setup, eventually};

/// A folder with the server's certificate and key, which a test renews.
struct Renewal {
    authority: Authority,
    folder: PathBuf,
}

impl Renewal {
    fn new(setup: &Setup) -> Self {
        let folder = setup.path("tls");
        std::fs::create_dir(&folder).unwrap();
        Self {
            authority: Authority::new(),
            folder,
        }
    }

    /// A new certificate and its key, as texts.
    fn next(&self) -> [String; 2] {
        let made = self.authority.certificate("localhost");
        [made.chain(), made.key()].map(|path| std::fs::read_to_string(path).unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn setup(&self, setup: Setup) -> Setup {
        setup.with_tls(&self.at("tls.crt"), &self.at("tls.key"))
    }

    /// Overwrites both files, one after the other: for a moment they do not match.
    fn write(&self, [chain, key]: &[String; 2]) {
        std::fs::write(self.at("tls.crt"), chain).unwrap();
        std::fs::write(self.at("tls.key"), key).unwrap();
    }

    /// Like certbot: new files, and links that are renamed over the old ones.
    fn link(&self, round: usize, pair: &[String; 2]) {
        for (name, text) in ["tls.crt", "tls.key"].into_iter().zip(pair) {
            let file = self.at(&format!("{name}.{round}"));
            std::fs::write(&file, text).unwrap();
            symlink(&file, self.at("link")).unwrap();
            std::fs::rename(self.at("link"), self.at(name)).unwrap();
        }
    }

    /// Like Kubernetes: the files are links through one link to a folder, and only that link changes.
    fn turn(&self, round: usize, [chain, key]: &[String; 2]) {
        let folder = self.at(&format!("..{round}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("tls.crt"), chain).unwrap();
        std::fs::write(folder.join("tls.key"), key).unwrap();
        symlink(&folder, self.at("link")).unwrap();
        std::fs::rename(self.at("link"), self.at("..data")).unwrap();
        for name in ["tls.crt", "tls.key"] {
            let way = Path::new("..data").join(name);
            if std::fs::read_link(self.at(name)).ok() != Some(way.clone()) {
                symlink(way, self.at("link")).unwrap();
                std::fs::rename(self.at("link"), self.at(name)).unwrap();
            }
        }
    }

    fn target(&self, server: &Server) -> Target {
        Target {
            authority: Some(certificate(&self.authority.path())),
            ..Target::new(server.address(), "/healthz")
        }
    }

    /// Waits until new connections get the certificate that is in the files now.
    fn is_seen(&self, load: &Load) {
        let current = certificate(&self.at("tls.crt"));
        eventually("the server uses the new certificate", || {
            load.has_seen(&current).then_some(())
        });
    }
}

#[test]
fn renewing_certificates_under_load_fails_no_request() {
    let setup = Setup::on_a_file();
    let renewal = Renewal::new(&setup);
    renewal.write(&renewal.next());
    let server = renewal.setup(setup).start();
    let target = renewal.target(&server);
    // These two keep their connection, with the first certificate, to the end.
    let old = Load::start(&target, &[ConnectionMode::KeepAlive, ConnectionMode::Http2]);
    eventually("the old connections are there", || {
        (old.answered() > 10).then_some(())
    });
    let load = Load::start(
        &target,
        &[ConnectionMode::NewEachTime, ConnectionMode::NewEachTime],
    );
    renewal.is_seen(&load);
    renewal.write(&renewal.next());
    renewal.is_seen(&load);
    for round in 0..2 {
        renewal.link(round, &renewal.next());
        renewal.is_seen(&load);
    }
    for round in 2..4 {
        renewal.turn(round, &renewal.next());
        renewal.is_seen(&load);
    }
    // At once, on SIGHUP.
    renewal.turn(4, &renewal.next());
    server.signal("HUP");
    renewal.is_seen(&load);
    let (load, old) = (load.stop(), old.stop());
    eprintln!("renewals of the certificate: {load:?}, on old connections: {old:?}");
    load.expect_no_failure();
    old.expect_no_failure();
    assert_eq!(old.connections, 2);
    server.stop();
}

#[test]
fn invalid_certificate_files_keep_the_old_certificate_and_are_logged_once() {
    let setup = Setup::on_a_file();
    let renewal = Renewal::new(&setup);
    renewal.write(&renewal.next());
    let server = renewal.setup(setup).start();
    let first = certificate(&renewal.at("tls.crt"));
    let load = Load::start(&renewal.target(&server), &[ConnectionMode::NewEachTime]);
    let next = renewal.next();
    let complaints = |what: &str| {
        let log = server.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("cannot load the changed certificate files"));
        lines.filter(|line| line.contains(what)).count()
    };
    let half = &next[0][..next[0].len() / 2];
    std::fs::write(renewal.at("tls.crt"), half).unwrap();
    eventually("it logs why", || {
        (complaints("is incomplete") == 1).then_some(())
    });
    std::fs::remove_file(renewal.at("tls.crt")).unwrap();
    eventually("it logs why", || {
        (complaints("cannot read") == 1).then_some(())
    });
    std::fs::write(renewal.at("tls.crt"), &next[0]).unwrap();
    server.signal("HUP");
    eventually("it logs why", || {
        (complaints("does not match") == 1).then_some(())
    });
    // `tls/certificate_reload.rs` tests that repeated failures are logged once.
    assert!(load.has_seen(&first) && !load.has_seen(&certificate(&renewal.at("tls.crt"))));
    std::fs::write(renewal.at("tls.key"), &next[1]).unwrap();
    renewal.is_seen(&load);
    let tally = load.stop();
    tally.expect_no_failure();
    assert_eq!(complaints(""), 3, "{}", server.log());
    server.stop();
}

/// Opening a pipe waits for a writer, and reading a device never ends.
#[test]
fn a_path_that_is_not_a_file_is_rejected_without_blocking() {
    let setup = Setup::on_a_file();
    let renewal = Renewal::new(&setup);
    renewal.write(&renewal.next());
    let key = renewal.at("tls.key");
    let setup = renewal.setup(setup);
    let server = setup.start();
    std::fs::remove_file(&key).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&key).status();
    assert!(made.unwrap().success());
    server.signal("HUP");
    eventually("it logs why", || {
        let log = server.log();
        log.contains("tls.key is not a regular file").then_some(())
    });
    server.stop();
    let refused = || {
        let err = setup.run(&["serve"]).expect(1).err;
        assert!(err.contains("tls.key is not a regular file"), "{err}");
    };
    refused();
    std::fs::remove_file(&key).unwrap();
    symlink("/dev/zero", &key).unwrap();
    refused();
    std::fs::remove_file(&key).unwrap();
    std::fs::create_dir(&key).unwrap();
    refused();
}
