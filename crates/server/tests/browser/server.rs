//! `Server`, the binary serving from an empty folder.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use tempfile::TempDir;

use crate::browser::TEST_TIMEOUT;

/// The running binary. It is killed at the end of the test.
pub struct Server {
    child: Child,
    url: String,
    /// Deleted after the process has ended.
    _folder: TempDir,
}

impl Server {
    /// Defaults except for a free port and no throttles: a journey makes more requests than a user would.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .env("DOORWARD_LISTEN", "127.0.0.1:0")
            .env("DOORWARD_DATA_DIR", folder.path().join("data"))
            .env("DOORWARD_THROTTLE__ENABLED", "false")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let url = loop {
            let line = output
                .recv_timeout(TEST_TIMEOUT)
                .expect("the server reports that it is ready");
            if let Some((_, url)) = line.split_once("Doorward is ready at ") {
                break url.trim().to_owned();
            }
        };
        Self {
            child,
            url,
            _folder: folder,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
