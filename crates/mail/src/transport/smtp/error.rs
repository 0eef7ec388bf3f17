//! What can go wrong with a mail server, and whether trying again makes sense.
//!
//! Must not know how a step is done. Its texts go to the log: a server's reply is masked before
//! it gets in here, and the library's errors are kept as causes only where they cannot quote
//! one. To add a kind: a variant, and its say in [`SmtpError::is_permanent`].

use std::error::Error;
use std::fmt;
use std::time::Duration;

use doorward_domain::ports::MailError;

use crate::mask::mask_reply;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Greeting,
    StartTls,
    SignIn,
    Reset,
    Sender,
    Recipient,
    Data,
    Content,
    Check,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Greeting => "the greeting",
            Self::StartTls => "STARTTLS",
            Self::SignIn => "signing in",
            Self::Reset => "RSET",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "the message",
            Self::Check => "NOOP",
        })
    }
}

/// Why a mail was not handed over.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpError {
    #[error("the mail server answered {code} to {step}: {reply}")]
    Refused {
        step: Step,
        code: u16,
        reply: String,
    },
    #[error("the mail server's answer to {step} makes no sense")]
    Garbled { step: Step },
    #[error("the mail server does not offer STARTTLS, which is required")]
    NoStartTls,
    #[error("the mail server did not answer within {} s: {step}", .after.as_secs_f32())]
    Silent { step: Step, after: Duration },
    #[error("the mail was not sent within {} s", .after.as_secs_f32())]
    TooLong { after: Duration },
    #[error("the connection to the mail server failed: {step}")]
    Broken {
        step: Step,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl SmtpError {
    /// Takes over the library's error. A reply that refuses is kept as text, masked; a reply
    /// that cannot be read is not kept, since the library quotes it.
    pub fn from_library(step: Step, error: lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            let reply = error.source().map(ToString::to_string).unwrap_or_default();
            return Self::Refused {
                step,
                code: code.into(),
                reply: mask_reply(&reply),
            };
        }
        if error.is_response() {
            return Self::Garbled { step };
        }
        Self::Broken {
            step,
            cause: Box::new(error),
        }
    }

    /// Whether the server refused this very mailbox for good: a 5xx to the recipient. One that says
    /// that we are not signed in, or not well enough protected, is the operator's to mend, and the
    /// mail goes out once it is.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused { step, code, .. } => {
                // A no to the sender or the text is often about us (a blocked address, a relay not
                // allowed yet), and mended by somebody: only a mailbox that is refused is final.
                let is_about_us = matches!(code, 530 | 534 | 535 | 538);
                *step == Step::Recipient && !is_about_us && (500..600).contains(code)
            }
            _ => false,
        }
    }

    /// Whether question and answer are still in step, so that the connection can be used again.
    pub fn leaves_connection_usable(&self) -> bool {
        // 421 announces that the server hangs up.
        matches!(self, Self::Refused { code, .. } if *code != 421)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_no_to_this_mail_is_final() {
        for (step, code, permanent) in [
            (Step::Recipient, 550, true),
            (Step::Sender, 553, false),
            (Step::Data, 554, false),
            (Step::Content, 552, false),
            (Step::Recipient, 450, false),
            (Step::Content, 451, false),
            (Step::Sender, 530, false),
            (Step::Greeting, 554, false),
            (Step::SignIn, 535, false),
            (Step::StartTls, 502, false),
        ] {
            let error = SmtpError::Refused {
                step,
                code,
                reply: String::new(),
            };
            assert_eq!(error.is_permanent(), permanent, "{step} {code}");
        }
        assert!(!SmtpError::NoStartTls.is_permanent());
    }
}
