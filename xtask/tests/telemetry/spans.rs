//! A collector of traces, and what it was handed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use doorward_testkit::tools;
use serde_json::Value;

/// A running collector; dropped, it is gone.
pub(crate) struct Collector {
    child: Child,
    port: u64,
    lines: Arc<Mutex<Vec<Span>>>,
}

/// A span, as OpenTelemetry's own definitions read it.
#[derive(Debug, Clone)]
pub(crate) struct Span(pub(crate) Value);

impl Collector {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry/collector.py");
        let mut child = tools::tool("python")
            .arg(script)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let span = serde_json::from_str(&line).unwrap();
                kept.lock().unwrap().push(Span(span));
            }
        });
        Self {
            child,
            port: first["port"].as_u64().unwrap(),
            lines,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Span {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap()
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn is_below(&self, parent: &Self) -> bool {
        self.text("parent") == parent.text("id") && self.text("trace") == parent.text("trace")
    }
}
