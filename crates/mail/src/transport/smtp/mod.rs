//! The `smtp:` and `smtps:` transports: hands a message to a mail server, by lettre's client.
//!
//! Each mail has its own connection and one time limit. The certificate and its host name are
//! verified against the system's root certificates. `settings` parses the URL.
//!
//! A rejection with a 5xx reply to the mail itself is permanent. All other failures are temporary:
//! the mail stays in the outbox and is sent again.

mod settings;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::error::chain;
use doorward_domain::outbox::MailError;
use lettre::transport::smtp::Error as LettreError;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use tokio::time::timeout;

pub use self::settings::{Security, SmtpSettings, SmtpUrlError};
use super::Transport;
use crate::composed_mail::ComposedMail;
use crate::error::MailSetupError;
use crate::mask::{mask_address, mask_reply};

/// Timeout for a TCP connection to one address of the mail server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for `QUIT`, after the server has accepted the mail.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of a check by `doorward doctor`.
const CHECK_TIMEOUT: Duration = Duration::from_secs(20);
const CHECK: &str = "mail: server";

/// Sends messages to a mail server.
pub(crate) struct SmtpTransport {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

impl SmtpTransport {
    /// Reads the system's root certificates. Opens no connection. `sender_domain` is the name in `EHLO`.
    pub fn new(settings: &SmtpSettings, sender_domain: &str) -> Result<Self, MailSetupError> {
        let tls = match settings.security {
            Security::Plaintext => None,
            _ => Some(TlsParameters::new(settings.host.clone()).map_err(|cause| {
                MailSetupError::Tls {
                    host: settings.host.clone(),
                    cause: Box::new(cause),
                }
            })?),
        };
        Ok(Self {
            settings: settings.clone(),
            tls,
            hello: ClientId::Domain(sender_domain.to_owned()),
        })
    }

    /// Connects, starts TLS and signs in, as configured.
    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        // On the heap: the futures of TLS are large.
        Box::pin(self.open())
            .await
            .map_err(|error| SmtpError::new(SmtpPhase::Connecting, error))
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, LettreError> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let security = self.settings.security;
        let implicit_tls = self
            .tls
            .clone()
            .filter(|_| security == Security::ImplicitTls);
        let limit = Some(CONNECT_TIMEOUT);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, limit, &self.hello, implicit_tls, None)
                .await?;
        if let Some(tls) = &self.tls
            && (security == Security::StartTls
                || (security == Security::OpportunisticStartTls && connection.can_starttls()))
        {
            // Fails if the server does not offer it.
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.settings.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, login).await?;
        }
        Ok(connection)
    }

    async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let mut connection = self.connect().await?;
        let content = message.formatted();
        let sent = connection.send(message.envelope(), &content).await;
        sent.map_err(|error| SmtpError::new(SmtpPhase::Sending, error))?;
        quit(connection).await;
        Ok(())
    }

    /// Sends all of a mail but its content: the server accepts or rejects sender and recipient, and
    /// delivers nothing.
    async fn dry_run(&self, from: Address, to: Option<Address>) -> Result<(), SmtpError> {
        let mut connection = self.connect().await?;
        let rejected = |error| SmtpError::new(SmtpPhase::Sending, error);
        let sender = Mail::new(Some(from), Vec::new());
        connection.command(sender).await.map_err(rejected)?;
        if let Some(to) = to {
            let recipient = Rcpt::new(to, Vec::new());
            connection.command(recipient).await.map_err(rejected)?;
        }
        quit(connection).await;
        Ok(())
    }
}

#[async_trait]
impl Transport for SmtpTransport {
    async fn deliver(&self, mail: &ComposedMail) -> Result<(), MailError> {
        let limit = self.settings.timeout;
        let sent = timeout(limit, self.send(&mail.message)).await;
        Ok(sent.unwrap_or(Err(SmtpError::Timeout(limit)))?)
    }
}

async fn quit(mut connection: AsyncSmtpConnection) {
    // The result is not needed: the mail is accepted, and the connection is closed.
    let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
}

/// Part of a delivery in which an error happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SmtpPhase {
    /// Connection, greeting, TLS and login.
    Connecting,
    /// Sender, recipient and content.
    Sending,
}

impl fmt::Display for SmtpPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Sending => "sending",
        })
    }
}

/// Reason why a mail was not delivered to the mail server. Contains no address in clear.
#[derive(Debug, thiserror::Error)]
enum SmtpError {
    #[error("the mail server replied {code} while {phase}: {reply}")]
    Rejected {
        phase: SmtpPhase,
        code: u16,
        reply: String,
    },
    #[error("the mail server sent an invalid reply while {phase}: {reply}")]
    InvalidReply { phase: SmtpPhase, reply: String },
    #[error("the mail server did not accept the mail within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    #[error("the connection to the mail server failed while {phase}")]
    Connection {
        phase: SmtpPhase,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl SmtpError {
    /// Replies often repeat the recipient, so they are masked.
    fn new(phase: SmtpPhase, error: LettreError) -> Self {
        let reply = || mask_reply(&error.source().map(ToString::to_string).unwrap_or_default());
        if let Some(code) = error.status() {
            let (code, reply) = (code.into(), reply());
            Self::Rejected { phase, code, reply }
        } else if error.is_response() {
            let reply = reply();
            Self::InvalidReply { phase, reply }
        } else {
            let cause = Box::new(error);
            Self::Connection { phase, cause }
        }
    }

    /// Returns `true` for a 5xx reply to the mail. The replies that require a login or TLS (RFC 4954)
    /// are about the configuration: the mail can be delivered once it is fixed.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Rejected {
                phase: SmtpPhase::Sending,
                code,
                ..
            } => (500..600).contains(code) && !matches!(code, 530 | 534 | 535 | 538),
            _ => false,
        }
    }

    /// Hint for an operator.
    fn hint(&self, recipient: &str) -> String {
        let text = match self {
            Self::Rejected { code, .. } if (400..500).contains(code) => {
                "try again in a few minutes; Doorward retries by itself"
            }
            Self::Rejected {
                code: 530 | 534 | 535 | 538,
                ..
            } => "check user and password in `mail.url`; percent-encode them (@ is %40)",
            Self::Rejected {
                phase: SmtpPhase::Sending,
                ..
            } => {
                return format!(
                    "check that the server accepts mail from `mail.from` and from this machine or login, and that {recipient} exists"
                );
            }
            Self::Rejected { .. } => "ask the operator of the mail server about this reply",
            _ if chain(self).contains("certificate") => {
                "use the host name in the server's certificate; for a private authority, set SSL_CERT_FILE"
            }
            _ if chain(self).contains("STARTTLS") => {
                "use smtps:// if the server uses TLS from the start (often port 465); nothing is sent without TLS"
            }
            _ => {
                "check host and port in `mail.url`, and that the server runs; use smtps:// for port 465; many providers block port 25"
            }
        };
        text.to_owned()
    }
}

impl From<SmtpError> for MailError {
    fn from(error: SmtpError) -> Self {
        Self {
            permanent: error.is_permanent(),
            cause: Box::new(error),
        }
    }
}

/// Connects to the mail server, signs in and presents sender and recipient. Sends no mail.
pub(crate) async fn diagnose(
    settings: &SmtpSettings,
    from: &Address,
    to: Option<Address>,
) -> Diagnostic {
    let smtp = match SmtpTransport::new(settings, from.domain()) {
        Ok(smtp) => smtp,
        Err(error) => {
            let hint = "install the system's root certificates (package ca-certificates)";
            return Diagnostic::failed(CHECK, chain(&error), hint);
        }
    };
    let server = format!("{}:{}", settings.host, settings.port);
    let recipient = to.as_ref().map(|to| mask_address(to.as_ref()));
    let rehearsed = timeout(CHECK_TIMEOUT, smtp.dry_run(from.clone(), to)).await;
    match rehearsed.unwrap_or(Err(SmtpError::Timeout(CHECK_TIMEOUT))) {
        Ok(()) => {
            let result = match recipient {
                Some(recipient) => format!("accepts mail for {recipient}; none was sent"),
                None => "accepts the sender; --mail-to ADDRESS checks a recipient".to_owned(),
            };
            Diagnostic::passed(CHECK, format!("{server} ({settings}) {result}"))
        }
        Err(error) => {
            let message = format!("{server}: {}", chain(&error));
            let hint = error.hint(recipient.as_deref().unwrap_or("the recipient"));
            match error {
                SmtpError::Rejected { code, .. } if (400..500).contains(&code) => {
                    Diagnostic::warning(CHECK, message, hint)
                }
                _ => Diagnostic::failed(CHECK, message, hint),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_5xx_reply_to_the_mail_is_permanent() {
        for (phase, code, is_permanent) in [
            (SmtpPhase::Sending, 550, true),
            (SmtpPhase::Sending, 554, true),
            (SmtpPhase::Sending, 450, false),
            (SmtpPhase::Sending, 530, false),
            (SmtpPhase::Connecting, 554, false),
            (SmtpPhase::Connecting, 535, false),
        ] {
            let reply = String::new();
            let error = SmtpError::Rejected { phase, code, reply };
            assert_eq!(error.is_permanent(), is_permanent, "{phase} {code}");
        }
        assert!(!SmtpError::Timeout(CONNECT_TIMEOUT).is_permanent());
    }
}
