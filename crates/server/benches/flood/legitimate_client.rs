//! A client that is connected before the flood and requests `/healthz` repeatedly, on its own thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const PAUSE: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(10);

pub struct LegitimateClient {
    is_finished: Arc<AtomicBool>,
    requests: JoinHandle<Latencies>,
}

/// The latencies of its requests.
#[derive(Default)]
pub struct Latencies {
    millis: Vec<f64>,
    pub failed: usize,
}

impl LegitimateClient {
    pub fn begin(address: SocketAddr) -> Self {
        let is_finished = Arc::new(AtomicBool::new(false));
        let ends = is_finished.clone();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_nodelay(true).unwrap();
        let requests = std::thread::spawn(move || {
            let mut latencies = Latencies::default();
            while !ends.load(Ordering::Relaxed) || latencies.millis.len() + latencies.failed < 50 {
                latencies.note(&mut stream);
                std::thread::park_timeout(PAUSE);
            }
            latencies
        });
        Self {
            is_finished,
            requests,
        }
    }

    pub fn end(self) -> Latencies {
        self.is_finished.store(true, Ordering::Relaxed);
        self.requests.join().unwrap()
    }
}

impl Latencies {
    fn note(&mut self, stream: &mut TcpStream) {
        let began = Instant::now();
        match request(stream) {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => {
                self.millis.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            _ => self.failed += 1,
        }
    }

    /// Returns the percentile in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() * percent).div_ceil(100);
        let value = sorted.get(at.saturating_sub(1));
        value.copied().unwrap_or(f64::INFINITY)
    }
}

fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    stream.write_all(REQUEST)?;
    let mut text = String::new();
    let mut buffer = [0; 4096];
    // The response is one short JSON object.
    while !text.ends_with('}') {
        match stream.read(&mut buffer)? {
            0 => break,
            count => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    Ok(text)
}
