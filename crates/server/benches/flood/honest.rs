//! Somebody who asks a cheap thing now and then, from an address of their own, while others press.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::server;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const PAUSE: Duration = Duration::from_millis(20);

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
        let seen = ask(address, is_over.clone());
        let asking = tokio::spawn(seen);
        Self { is_over, asking }
    }

    pub async fn end(self) -> Seen {
        self.is_over.store(true, Ordering::Relaxed);
        self.asking.await.unwrap()
    }
}

impl Seen {
    pub fn count(&self) -> usize {
        self.millis.len()
    }

    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.millis.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
        sorted
            .get(at.saturating_sub(1))
            .copied()
            .unwrap_or(f64::INFINITY)
    }
}

async fn ask(address: SocketAddr, is_over: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = async {
            let mut stream = server::connect(server::from(250), address).await?;
            stream.write_all(REQUEST).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            std::io::Result::Ok(text)
        };
        match timeout(Duration::from_secs(10), answer).await {
            Ok(Ok(text)) if text.contains(" 200 ") => {
                seen.millis.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            _ => seen.failed += 1,
        }
        tokio::time::sleep(PAUSE).await;
    }
    seen
}
