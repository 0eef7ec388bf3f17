//! Cost of a rejected password of 1,025 bytes, compared with a body without a password. Neither is hashed (P-02).

use std::time::Instant;

use crate::load::{Connection, post};
use crate::median;
use crate::server::BenchServer;

const ROUNDS: usize = 2_000;

/// Returns the medians in microseconds. Each round measures one after the other.
pub struct Refusals {
    pub overlong: f64,
    pub bare: f64,
    pub slowest: f64,
}

pub async fn measure(server: &BenchServer) -> Refusals {
    let overlong = "é".repeat(512) + "x";
    let overlong = format!(r#"{{"username":"eve","password":"{overlong}"}}"#);
    let (overlong, bare) = (post("/user", &overlong), post("/user", "{}"));
    let mut connection = Connection::open(server.address).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (request, times) in [(&overlong, &mut ours), (&bare, &mut theirs)] {
            let begun = Instant::now();
            let (status, _) = connection.ask(request).await;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
            assert_eq!(status, 422);
        }
    }
    Refusals {
        slowest: ours.iter().copied().fold(0.0, f64::max),
        overlong: median(ours),
        bare: median(theirs),
    }
}
