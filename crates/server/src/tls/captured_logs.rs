//! Captures the log, for tests.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The log of this thread since [`CapturedLogs::capture`]. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CapturedLogs(Arc<Mutex<String>>);

impl CapturedLogs {
    /// Captures the log until the returned guard is dropped.
    pub fn capture(&self) -> DefaultGuard {
        let writing = tracing_subscriber::fmt().with_writer(self.clone());
        tracing::subscriber::set_default(writing.with_ansi(false).finish())
    }

    /// Number of lines that contain `what`.
    pub fn count(&self, what: &str) -> usize {
        let text = self.0.lock().unwrap();
        text.lines().filter(|line| line.contains(what)).count()
    }
}

impl io::Write for CapturedLogs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap();
        text.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CapturedLogs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
