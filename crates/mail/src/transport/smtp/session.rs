//! One connection to a mail server: how it is opened, and one mail's way through it.
//!
//! Must not know how many there are or how long a mail may take in all. Each step has its own
//! time limit. A session whose future is dropped in the middle of a step is out of step with
//! the server and must not be used again; since every method borrows it for so long, whoever is
//! cancelled drops it too.

use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use lettre::{Address, Message};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::{SmtpError, Step};
use super::line_stream::LineStream;
use super::settings::{Security, SmtpSettings};
use crate::error::MailSetupError;

/// What it takes to open a session.
pub(super) struct Dialer {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
    step_timeout: Duration,
    content_timeout: Duration,
}

impl Dialer {
    /// Reads the system's root certificates, once.
    pub fn new(settings: &SmtpSettings, hello: ClientId) -> Result<Self, MailSetupError> {
        let tls = match settings.security {
            Security::Plaintext => None,
            Security::ImplicitTls | Security::StartTls | Security::OpportunisticStartTls => {
                let tls = TlsParameters::new(settings.host.clone()).map_err(|cause| {
                    MailSetupError::Tls {
                        host: settings.host.clone(),
                        cause: Box::new(cause),
                    }
                })?;
                Some(tls)
            }
        };
        let credentials = settings
            .login
            .as_ref()
            .map(|login| Credentials::new(login.user.clone(), login.password.expose().clone()));
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            security: settings.security,
            tls,
            credentials,
            hello,
            step_timeout: settings.step_timeout,
            content_timeout: settings.content_timeout,
        })
    }

    /// Opens one, protected and signed in as configured.
    pub async fn connect(&self) -> Result<Session, SmtpError> {
        let mut connection = match (self.security, &self.tls) {
            (Security::ImplicitTls, Some(tls)) => {
                let place = (self.host.as_str(), self.port);
                let connecting = AsyncSmtpConnection::connect_tokio1(
                    place,
                    Some(self.step_timeout),
                    &self.hello,
                    Some(tls.clone()),
                    None,
                );
                self.step(Step::Connect, connecting).await?
            }
            _ => self.connect_unprotected().await?,
        };
        let offers_starttls = connection.can_starttls();
        match (self.security, &self.tls) {
            (Security::StartTls, _) if !offers_starttls => return Err(SmtpError::NoStartTls),
            (Security::StartTls | Security::OpportunisticStartTls, Some(tls))
                if offers_starttls =>
            {
                self.step(
                    Step::StartTls,
                    connection.starttls(tls.clone(), &self.hello),
                )
                .await?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            self.step(Step::SignIn, signing_in).await?;
        }
        Ok(Session {
            connection,
            step_timeout: self.step_timeout,
            content_timeout: self.content_timeout,
        })
    }

    async fn connect_unprotected(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let tcp = match timeout(self.step_timeout, connecting).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(cause)) => {
                return Err(SmtpError::Broken {
                    step: Step::Connect,
                    cause: Box::new(cause),
                });
            }
            Err(_) => {
                return Err(SmtpError::Silent {
                    step: Step::Connect,
                    after: self.step_timeout,
                });
            }
        };
        let stream = Box::new(LineStream::new(tcp));
        self.step(
            Step::Greeting,
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello),
        )
        .await
    }

    async fn step<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, SmtpError> {
        bounded(self.step_timeout, step, work).await
    }
}

/// An open connection between two mails.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    step_timeout: Duration,
    content_timeout: Duration,
}

impl Session {
    /// Hands one message over. Only `250` to the very end of it counts.
    pub async fn deliver(&mut self, message: &Message) -> Result<(), SmtpError> {
        let envelope = message.envelope();
        let sender = Mail::new(envelope.from().cloned(), vec![]);
        self.command(Step::Sender, sender, Severity::PositiveCompletion)
            .await?;
        for to in envelope.to() {
            let recipient = Rcpt::new(to.clone(), vec![]);
            self.command(Step::Recipient, recipient, Severity::PositiveCompletion)
                .await?;
        }
        self.command(Step::Data, Data, Severity::PositiveIntermediate)
            .await?;
        let bytes = message.formatted();
        let content = self.connection.message(&bytes);
        let response = bounded(self.content_timeout, Step::Content, content).await?;
        expect(Step::Content, &response, Severity::PositiveCompletion)
    }

    /// Whether the server is still there and ready for a next mail.
    pub async fn reset(&mut self) -> Result<(), SmtpError> {
        self.command(Step::Reset, Rset, Severity::PositiveCompletion)
            .await
    }

    /// All of a mail but its text, which is then taken back: nobody gets anything.
    pub async fn rehearse(&mut self, from: Address, to: Option<Address>) -> Result<(), SmtpError> {
        let sender = Mail::new(Some(from), vec![]);
        self.command(Step::Sender, sender, Severity::PositiveCompletion)
            .await?;
        if let Some(to) = to {
            let recipient = Rcpt::new(to, vec![]);
            self.command(Step::Recipient, recipient, Severity::PositiveCompletion)
                .await?;
        }
        self.reset().await
    }

    /// Asks for nothing, to see whether the server answers.
    pub async fn noop(&mut self) -> Result<(), SmtpError> {
        self.command(Step::Check, Noop, Severity::PositiveCompletion)
            .await
    }

    /// Takes its leave. Nobody waits for more than a moment for the server to say it too.
    pub async fn quit(mut self) {
        let patience = self.step_timeout.min(Duration::from_secs(2));
        // Best effort: the connection is closed either way.
        let _ = timeout(patience, self.connection.command(Quit)).await;
    }

    async fn command(
        &mut self,
        step: Step,
        command: impl std::fmt::Display,
        wanted: Severity,
    ) -> Result<(), SmtpError> {
        let response = bounded(self.step_timeout, step, self.connection.command(command)).await?;
        expect(step, &response, wanted)
    }
}

/// The library takes any 2xx and 3xx for a yes; a `250` to `DATA` would have it send the message
/// as commands.
fn expect(step: Step, response: &Response, wanted: Severity) -> Result<(), SmtpError> {
    if response.code().severity == wanted {
        Ok(())
    } else {
        Err(SmtpError::Garbled { step })
    }
}

async fn bounded<T>(
    limit: Duration,
    step: Step,
    work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, SmtpError> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(|error| SmtpError::from_library(step, error)),
        Err(_) => Err(SmtpError::Silent { step, after: limit }),
    }
}
