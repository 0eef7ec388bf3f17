//! What `doorward doctor` finds out about a mail server: everything a mail needs but its text.
//!
//! Must not know how a finding is printed. To add a kind of failure: its arm in [`mend`].

use std::time::Duration;

use doorward_domain::checkup::Finding;
use lettre::Address;
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::error::{SmtpError, Step};
use super::session::Dialer;
use super::settings::{Security, SmtpSettings};
use crate::examine::chain;
use crate::mask::mask_address;

const PART: &str = "mail: server";

/// Connects, signs in, and goes on to `RCPT TO`; then takes back what it said, and its leave.
pub(crate) async fn examine(
    settings: &SmtpSettings,
    hello: ClientId,
    from: &Address,
    to: Option<Address>,
) -> Finding {
    let server = format!("{}:{}", settings.host, settings.port);
    let dialer = match Dialer::new(settings, hello) {
        Ok(dialer) => dialer,
        Err(error) => {
            let mend = "install the system's root certificates (package ca-certificates)";
            return Finding::fault(PART, chain(&error), mend);
        }
    };
    let recipient = to
        .as_ref()
        .map(|to| mask_address(to.as_ref()))
        .unwrap_or_default();
    let dialogue = async {
        let mut session = Box::pin(dialer.connect()).await?;
        let outcome = session.rehearse(from.clone(), to).await;
        session.quit().await;
        outcome
    };
    // All steps together, and a moment for the leave.
    let patience = settings.mail_timeout + Duration::from_secs(2);
    let outcome = timeout(patience, dialogue).await;
    let too_long = SmtpError::TooLong { after: patience };
    match outcome.unwrap_or(Err(too_long)) {
        Ok(()) => Finding::fine(PART, describe(settings, &server, &recipient)),
        Err(error) => {
            let found = format!("{server}: {}", chain(&error));
            let mend = mend(&error, settings, &recipient);
            if is_passing(&error) {
                Finding::warning(PART, found, mend)
            } else {
                Finding::fault(PART, found, mend)
            }
        }
    }
}

fn describe(settings: &SmtpSettings, server: &str, recipient: &str) -> String {
    let protection = match settings.security {
        Security::ImplicitTls => "TLS",
        Security::StartTls => "STARTTLS",
        Security::OpportunisticStartTls => "STARTTLS where offered",
        Security::Plaintext => "this machine, without TLS",
    };
    let login = match &settings.login {
        Some(_) => "signed in",
        None => "without a login",
    };
    let rehearsed = if recipient.is_empty() {
        "it takes the sender; --mail-to ADDRESS asks about a recipient".to_owned()
    } else {
        format!("it takes mail for {recipient}; none was sent")
    };
    format!("{server} ({protection}, {login}): {rehearsed}")
}

/// Whether a later try may do: greylisting, or a server that is busy.
fn is_passing(error: &SmtpError) -> bool {
    matches!(error, SmtpError::Refused { code, .. } if (400..500).contains(code))
}

fn mend(error: &SmtpError, settings: &SmtpSettings, recipient: &str) -> String {
    let text = match error {
        _ if is_passing(error) => "try again in a few minutes; Doorward does so by itself",
        SmtpError::Refused { step, .. } => match step {
            Step::SignIn => {
                "put the right user and password into `mail.url`, percent-encoded (@ is %40)"
            }
            Step::Sender => {
                "have the mail server allow this sender and a login where it asks for one, or set `mail.from`"
            }
            Step::Recipient => {
                return format!(
                    "see whether {recipient} exists, and whether the mail server relays for this machine or login"
                );
            }
            _ => "ask the mail server's operator, and show them this answer",
        },
        SmtpError::NoStartTls => {
            "write smtps:// where the server speaks TLS from the start (often port 465); nothing is sent unprotected"
        }
        SmtpError::Broken { step, .. } | SmtpError::Silent { step, .. } => {
            unanswered(*step, &chain(error), settings)
        }
        SmtpError::Garbled { .. } | SmtpError::TooLong { .. } => {
            "see whether a mail server listens there, and how busy it is"
        }
    };
    text.to_owned()
}

fn unanswered(step: Step, chain: &str, settings: &SmtpSettings) -> &'static str {
    let is_certificate = chain.contains("certificate") || chain.contains("UnknownIssuer");
    match step {
        _ if is_certificate => {
            "use the name that its certificate bears; name your own authority in SSL_CERT_FILE"
        }
        Step::Connect if settings.security == Security::ImplicitTls => {
            "see whether it is up, and speaks TLS from the start; with STARTTLS (port 587) write smtp://"
        }
        Step::Connect => {
            "see whether it is up, and host and port of `mail.url` are right; many providers block port 25"
        }
        Step::Greeting => {
            "see whether the port is right: on 465 a server speaks TLS from the start, so write smtps://"
        }
        Step::SignIn => "see which logins the server offers; Doorward speaks PLAIN and LOGIN",
        _ => "look into the mail server's log",
    }
}
