//! A minimal mail server: it accepts mails, or leaves the sender waiting.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail server that runs until the end of the test.
pub struct MailServer {
    port: u16,
    state: Arc<MailServerState>,
}

#[derive(Default)]
struct MailServerState {
    mails: Mutex<Vec<ReceivedMail>>,
    is_slow: AtomicBool,
    held: AtomicUsize,
}

/// A mail as it was received.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    pub to: String,
    text: String,
}

impl ReceivedMail {
    /// The path of the link that starts with `under`, if the mail is to this mailbox.
    pub fn link(&self, mailbox: &str, under: &str) -> Option<String> {
        if self.to != mailbox {
            return None;
        }
        let at = self.text.find(under)?;
        let is_part = |c: &char| c.is_ascii_alphanumeric() || "/-_".contains(*c);
        Some(self.text[at..].chars().take_while(is_part).collect())
    }
}

impl MailServer {
    pub async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(MailServerState::default());
        let behind = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behind.clone()));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Received mails.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.state.mails.lock().unwrap().clone()
    }

    /// Receives each later mail without acknowledging it.
    pub fn stall(&self) {
        self.state.is_slow.store(true, Ordering::SeqCst);
    }

    /// Number of mails that were received and never acknowledged.
    pub fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: Arc<MailServerState>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 localhost\r\n").await?;
    let mut to = String::new();
    let mut line = String::new();
    while {
        line.clear();
        stream.read_line(&mut line).await? > 0
    } {
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            "EHLO" => b"250-localhost\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                b"250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let text = read_text(&mut stream).await?;
                let mail = ReceivedMail {
                    to: to.clone(),
                    text,
                };
                state.mails.lock().unwrap().push(mail);
                if state.is_slow.load(Ordering::SeqCst) {
                    state.held.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
                b"250 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
    }
    Ok(())
}

/// Reads up to the line with a single dot; joins soft line breaks of quoted-printable.
async fn read_text(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    let mut line = String::new();
    while {
        line.clear();
        stream.read_line(&mut line).await? > 0 && line != ".\r\n"
    } {
        match line.trim_end().strip_suffix('=') {
            Some(soft) => text += soft,
            None => text += &line,
        }
    }
    Ok(text)
}
