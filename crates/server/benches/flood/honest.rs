//! Somebody who asks a cheap thing now and then while others press, on a thread of their own: what
//! they wait for is the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Honest {
    is_over: Arc<AtomicBool>,
    asking: JoinHandle<Seen>,
}

/// What it saw.
#[derive(Default)]
pub struct Seen {
    millis: Vec<f64>,
    pub failed: usize,
}

impl Honest {
    pub fn begin(address: SocketAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let asking = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !ends.load(Ordering::Relaxed) || seen.millis.len() + seen.failed < 50 {
                seen.note(address);
                std::thread::park_timeout(PAUSE);
            }
            seen
        });
        Self { is_over, asking }
    }

    pub fn end(self) -> Seen {
        self.is_over.store(true, Ordering::Relaxed);
        self.asking.join().unwrap()
    }
}

impl Seen {
    fn note(&mut self, address: SocketAddr) {
        let began = Instant::now();
        match ask(address) {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => {
                self.millis.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            _ => self.failed += 1,
        }
    }

    /// In milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() * percent).div_ceil(100);
        let value = sorted.get(at.saturating_sub(1));
        value.copied().unwrap_or(f64::INFINITY)
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
