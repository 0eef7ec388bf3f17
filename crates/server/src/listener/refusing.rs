//! Turning somebody away for whom there is no place: at once, with a word, and bounded itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::tasks::Tasks;

/// How many are waited for at once while they read it; whoever comes beside them is not.
const MAX_TOLD: usize = 128;
/// How long one has for it, and how much is read of them meanwhile: who is hung up on while they
/// write may never see the answer.
const TIME: Duration = Duration::from_secs(1);
const LEFT_TO_READ: u64 = 64 * 1024;

/// A whole answer of HTTP/1.1, made when it is given.
pub type Telling = Arc<dyn Fn() -> String + Send + Sync>;

/// Says no.
pub struct Refusing {
    answer: Telling,
    /// A handshake for the sake of a refusal is what a flood would like.
    is_silent: bool,
    places: Arc<Semaphore>,
}

impl Refusing {
    /// With this answer, unless TLS is spoken.
    pub fn new(answer: Telling, has_tls: bool) -> Self {
        Self {
            answer,
            is_silent: has_tls,
            places: Arc::new(Semaphore::new(MAX_TOLD)),
        }
    }

    /// Tells them, and hangs up.
    pub fn turn_away(&self, mut stream: TcpStream, tasks: &Tasks) {
        if self.is_silent {
            return;
        }
        let answer = (self.answer)();
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            // A new connection has room for it. Whether it is read is luck.
            let _ = stream.try_write(answer.as_bytes());
            return;
        };
        tasks.spawn(async move {
            let telling = async {
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await?;
                let mut rest = (&mut stream).take(LEFT_TO_READ);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
            };
            // Whether they hear it is theirs.
            let _ = timeout(TIME, telling).await;
            drop(place);
        });
    }
}
