//! The `smtp:` and `smtps:` transports: a mail server takes the message.
//!
//! Must not know templates or jobs. Certificates are verified against the system's roots, names
//! included. A mail has a time limit as a whole, and each step of it has its own. After
//! any doubt about what the server took the answer is "try again": the `Message-ID` stays the
//! same, so that a mail that arrives twice can be told.
//!
//! `settings` reads the address, `session` talks, `idle` keeps connections, `error` judges,
//! `examine` tries it all for `doorward doctor`.

mod error;
mod examine;
mod idle;
mod line_stream;
mod session;
mod settings;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::ports::MailError;
use lettre::Message;
use lettre::transport::smtp::extension::ClientId;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::error::SmtpError;
pub(crate) use self::examine::examine;
use self::idle::Idle;
use self::session::{Dialer, Session};
pub use self::settings::{Security, SmtpLogin, SmtpSettings, SmtpUrlError};
use super::Transport;
use crate::error::MailSetupError;
use crate::letter::Letter;

/// Hands messages to a mail server.
pub(crate) struct Smtp {
    dialer: Dialer,
    idle: Idle,
    slots: Semaphore,
    mail_timeout: Duration,
}

impl Smtp {
    /// Opens no connection yet.
    pub fn new(settings: &SmtpSettings, hello: ClientId) -> Result<Self, MailSetupError> {
        Ok(Self {
            dialer: Dialer::new(settings, hello)?,
            idle: Idle::new(settings.idle_timeout),
            slots: Semaphore::new(settings.max_connections.max(1)),
            mail_timeout: settings.mail_timeout,
        })
    }

    async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let _slot = self.slots.acquire().await.expect("nobody closes the slots");
        let mut session = match self.idle.take().await {
            Some(session) => session,
            None => self.connect().await?,
        };
        let outcome = session.deliver(message).await;
        if outcome
            .as_ref()
            .map_or_else(SmtpError::leaves_connection_usable, |()| true)
        {
            self.idle.keep(session);
        }
        outcome
    }

    /// On the heap, since it is seldom needed and twenty times as large as all the rest.
    async fn connect(&self) -> Result<Session, SmtpError> {
        Box::pin(self.dialer.connect()).await
    }

    async fn try_out(&self) -> Result<(), SmtpError> {
        let mut session = self.connect().await?;
        session.noop().await?;
        session.quit().await;
        Ok(())
    }

    async fn in_time(
        &self,
        work: impl Future<Output = Result<(), SmtpError>>,
    ) -> Result<(), MailError> {
        let too_long = SmtpError::TooLong {
            after: self.mail_timeout,
        };
        Ok(timeout(self.mail_timeout, work)
            .await
            .unwrap_or(Err(too_long))?)
    }
}

#[async_trait]
impl Transport for Smtp {
    async fn deliver(&self, letter: &Letter) -> Result<(), MailError> {
        self.in_time(self.send(&letter.message)).await
    }

    async fn check(&self) -> Result<(), MailError> {
        self.in_time(self.try_out()).await
    }
}

/// What we call ourselves in `EHLO`: the public host where it is a name that others know, else
/// the sender's domain.
pub(crate) fn hello_name(public_host: Option<&str>, sender_domain: &str) -> ClientId {
    let is_known = |host: &&str| {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
        let is_address = host.parse::<IpAddr>().is_ok();
        is_address
            || (host.contains('.') && !host.ends_with(".localhost") && host.bytes().all(is_name))
    };
    let host = public_host
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .filter(is_known)
        .unwrap_or(sender_domain);
    match host.parse() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_greet_by_a_name_that_others_know() {
        for (host, hello) in [
            (Some("id.example.com"), "id.example.com"),
            (Some("192.0.2.7"), "[192.0.2.7]"),
            (Some("[2001:db8::1]"), "[IPv6:2001:db8::1]"),
            (Some("localhost"), "example.org"),
            (Some("id.example.com\r\nQUIT"), "example.org"),
            (Some(""), "example.org"),
            (None, "example.org"),
        ] {
            assert_eq!(
                hello_name(host, "example.org").to_string(),
                hello,
                "{host:?}"
            );
        }
    }
}
