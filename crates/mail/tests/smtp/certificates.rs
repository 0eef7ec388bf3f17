//! A certificate authority for tests, created with the `openssl` command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority and its certificates. Dropping it deletes the files.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Doorward test authority",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        authority
    }

    /// File with the root certificate.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Files of a certificate and its key for that name (`DNS:…` or `IP:…`).
    pub fn sign(&self, name: &str) -> (String, String) {
        let extensions = format!(
            "subjectAltName={name}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
        );
        fs::write(self.folder.path().join("leaf.ext"), extensions).unwrap();
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=sink",
            "-keyout",
            "leaf.key",
            "-out",
            "leaf.csr",
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "leaf.ext",
            "-out",
            "leaf.pem",
        ]);
        let file = |name: &str| path_text(&self.folder.path().join(name));
        (file("leaf.pem"), file("leaf.key"))
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("the openssl command is installed");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn path_text(path: &Path) -> String {
    path.to_str()
        .expect("the temporary folder has a plain name")
        .to_owned()
}
