//! Certificates for servers with TLS, created by `openssl` for the test run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::commands::run;

/// A certificate authority that only clients which are configured with it trust. Its folder is deleted with the
/// last of it and of its certificates.
pub struct Authority {
    folder: Arc<TempDir>,
}

/// A server's certificate and its key, in the folder of the authority that signed it.
#[derive(Clone)]
pub struct Certificate {
    folder: Arc<TempDir>,
    name: String,
}

impl Authority {
    /// Creates an authority.
    #[expect(
        clippy::new_without_default,
        reason = "making a certificate is no default"
    )]
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let subject = ["-x509", "-subj", "/CN=Doorward test authority"];
        run(new_key(folder.path(), "ca").args(subject));
        Self {
            folder: Arc::new(folder),
        }
    }

    /// The certificate that a client must trust.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Creates a certificate for a host, by its name or its address.
    #[must_use]
    pub fn certificate(&self, host: &str) -> Certificate {
        let folder = self.folder.path();
        let kind = match host.parse::<std::net::IpAddr>() {
            Ok(_) => "IP",
            Err(_) => "DNS",
        };
        let name = format!("subjectAltName={kind}:{host}");
        let mut command = new_key(folder, host);
        command.args(["-subj", "/CN=server", "-addext", &name]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-CA").arg(self.path());
        run(command.arg("-CAkey").arg(folder.join("ca.key")));
        Certificate {
            folder: self.folder.clone(),
            name: host.to_owned(),
        }
    }
}

impl Certificate {
    /// The file of the certificate.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.folder.path().join(format!("{}.pem", self.name))
    }

    /// The file of its private key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join(format!("{}.key", self.name))
    }
}

fn new_key(folder: &Path, name: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-x509", "-days", "2", "-noenc"]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command
        .arg("-keyout")
        .arg(folder.join(format!("{name}.key")));
    command.arg("-out").arg(folder.join(format!("{name}.pem")));
    command
}
