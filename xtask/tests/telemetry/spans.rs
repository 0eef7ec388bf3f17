//! A trace collector, and its received spans.

use std::io::BufRead;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use doorward_testkit::process::Process;
use doorward_testkit::tools;
use serde_json::Value;

/// A running collector. It stops on drop.
pub(crate) struct Collector {
    process: Process,
    port: u64,
    lines: Arc<Mutex<Vec<Span>>>,
    reading: JoinHandle<()>,
}

/// A span, as OpenTelemetry's own definitions read it.
#[derive(Debug, Clone)]
pub(crate) struct Span(pub(crate) Value);

impl Collector {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/telemetry/collector.py");
        let (process, mut output) = Process::read(tools::tool("python").arg(script));
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let reading = std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let span = serde_json::from_str(&line).unwrap();
                kept.lock().unwrap().push(Span(span));
            }
        });
        Self {
            process,
            port: first["port"].as_u64().unwrap(),
            lines,
            reading,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Spans received so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.lines.lock().unwrap().clone()
    }

    /// All received spans, after the collector has stopped: it prints spans before it responds.
    pub(crate) fn every_span(self) -> Vec<Span> {
        drop(self.process);
        self.reading.join().unwrap();
        std::mem::take(&mut *self.lines.lock().unwrap())
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
