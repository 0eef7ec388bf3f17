//! Builds the MIME message, with a text and an HTML part.
//!
//! Must not know templates or transports. lettre's typed builder encodes and folds header fields
//! . The envelope has one sender and one recipient and is not derived from header fields.

use std::error::Error;
use std::time::SystemTime;

use doorward_domain::outbox::Mail;
use jiff::Timestamp;
use lettre::address::{AddressError, Envelope};
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::error::MailSetupError;
use crate::templates::Rendered;

/// Maximum length of a line without its end (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// Encoding of the parts of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyEncoding {
    /// For SMTP: ASCII text stays unchanged (`7bit`), so that a link can be copied from the raw message;
    /// lettre encodes other text.
    Smtp,
    /// For files: unchanged UTF-8 (`8bit`).
    Readable,
}

/// Builds messages of one sender.
pub(crate) struct Composer {
    from: Mailbox,
}

/// Reason why no message can be built. Mails of Doorward's services do not cause these errors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    #[error("the recipient's address is not valid in a message")]
    Recipient(#[source] AddressError),
    #[error("the message id has invalid characters")]
    MessageId,
    #[error("the message cannot be built")]
    Message(#[source] lettre::error::Error),
}

impl Composer {
    /// Parses the sender, `Doorward <no-reply@example.com>` or the address alone.
    pub fn new(from: &str) -> Result<Self, MailSetupError> {
        let refuse = |reason: &str| MailSetupError::From {
            from: from.to_owned(),
            reason: reason.to_owned(),
        };
        if from.chars().any(char::is_control) {
            return Err(refuse("it has control characters"));
        }
        let mailbox: Mailbox = from
            .trim()
            .parse()
            .map_err(|error: AddressError| refuse(&error.to_string()))?;
        // lettre's parser ignores text after the mailbox.
        let address = mailbox.email.to_string();
        let is_whole = match from.trim().strip_suffix('>') {
            Some(rest) => rest.trim_end().ends_with(&address),
            None => from.trim() == address,
        };
        if !is_whole {
            return Err(refuse("there is text before or after the address"));
        }
        if !address.is_ascii() {
            return Err(refuse("the domain must be ASCII: write it as xn--…"));
        }
        Ok(Self { from: mailbox })
    }

    /// The sender's domain.
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// The sender's address, for the envelope.
    pub fn sender(&self) -> &Address {
        &self.from.email
    }

    /// Builds a message. `at` becomes its `Date`.
    pub fn compose(
        &self,
        mail: &Mail,
        rendered: &Rendered,
        at: Timestamp,
        encoding: BodyEncoding,
    ) -> Result<Message, ComposeError> {
        let is_id = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if mail.message_id.is_empty()
            || mail.message_id.starts_with('.')
            || !mail.message_id.bytes().all(is_id)
        {
            return Err(ComposeError::MessageId);
        }
        let to: Address = mail.to.as_str().parse().map_err(ComposeError::Recipient)?;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.clone()])
            .map_err(ComposeError::Message)?;
        let part = |content_type, text: &str| {
            SinglePart::builder()
                .header(content_type)
                .body(body(text, encoding))
        };
        Message::builder()
            .envelope(envelope)
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(rendered.subject.as_str())
            .date(SystemTime::from(at))
            .message_id(Some(format!("<{}@{}>", mail.message_id, self.domain())))
            .header(AutoSubmitted)
            .multipart(
                MultiPart::alternative()
                    .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text))
                    .singlepart(part(ContentType::TEXT_HTML, &rendered.html)),
            )
            .map_err(ComposeError::Message)
    }
}

/// lettre itself uses `7bit` only for lines of up to 76 characters, and links are longer.
fn body(text: &str, encoding: BodyEncoding) -> Body {
    let is_verbatim = text.lines().all(|line| line.len() <= MAX_LINE)
        && (text.is_ascii() || encoding == BodyEncoding::Readable);
    if !is_verbatim {
        return Body::new(text.to_owned());
    }
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let encoding = match encoding {
        BodyEncoding::Smtp => ContentTransferEncoding::SevenBit,
        BodyEncoding::Readable => ContentTransferEncoding::EightBit,
    };
    Body::dangerous_pre_encoded(text.into_bytes(), encoding)
}

/// `Auto-Submitted: auto-generated` (RFC 3834, section 5): prevents automatic replies.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::model::MailKind;
    use doorward_domain::values::{EmailAddress, Locale};

    use super::*;
    use crate::samples;
    use crate::settings::MailBrand;
    use crate::templates::Templates;

    fn compose(mail: &Mail) -> Message {
        let composer = Composer::new("Doorward <no-reply@id.example.com>").unwrap();
        let rendered = Templates::load(&MailBrand::default(), None)
            .unwrap()
            .render(mail)
            .unwrap();
        let encoding = BodyEncoding::Smtp;
        composer
            .compose(mail, &rendered, samples::now(), encoding)
            .unwrap()
    }

    /// The header fields of a formatted message, unfolded.
    fn fields(message: &Message) -> Vec<(String, String)> {
        let text = String::from_utf8(message.formatted()).unwrap();
        let head = text.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
        head.split("\r\n")
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    fn field(message: &Message, name: &str) -> String {
        let found: Vec<String> = fields(message)
            .into_iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v)
            .collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].clone()
    }

    #[test]
    fn the_header_fields_are_those_of_an_automatic_mail() {
        let message = compose(&samples::mail(MailKind::SignUp, Locale::En));
        assert_eq!(
            field(&message, "From"),
            "Doorward <no-reply@id.example.com>"
        );
        assert_eq!(field(&message, "To"), "Ben.Miller@example.com");
        assert_eq!(
            field(&message, "Subject"),
            "Confirm your email address for Doorward"
        );
        assert_eq!(field(&message, "Date"), "Sat, 21 Nov 2026 09:15:00 +0000");
        assert_eq!(
            field(&message, "Message-ID"),
            "<019ab3c0-0000-7000-8000-000000000001@id.example.com>"
        );
        assert_eq!(field(&message, "Auto-Submitted"), "auto-generated");
        assert!(field(&message, "Content-Type").starts_with("multipart/alternative;"));
        assert_eq!(
            message.envelope().from().unwrap().to_string(),
            "no-reply@id.example.com"
        );
        assert_eq!(message.envelope().to().len(), 1);
        assert_eq!(
            message.envelope().to()[0].to_string(),
            "Ben.Miller@example.com"
        );
    }

    fn ascii_mail(kind: MailKind) -> Mail {
        Mail {
            greeting: Some("Ben".to_owned()),
            url: format!("https://id.example.com/confirmation/{}", "x".repeat(43)),
            ..samples::mail(kind, Locale::En)
        }
    }

    #[test]
    fn english_text_parts_are_ascii_and_their_link_can_be_copied_from_the_raw_message() {
        for kind in MailKind::ALL.iter().copied() {
            let mail = ascii_mail(kind);
            let message = String::from_utf8(compose(&mail).formatted()).unwrap();
            let (text, _) = message.split_once("text/html").unwrap();
            assert!(text.contains("Content-Transfer-Encoding: 7bit"), "{text}");
            let link = format!("\r\n{}\r\n", mail.url);
            assert!(text.contains(&link), "{text}");
        }
    }

    #[test]
    fn a_mail_file_shows_its_text_and_link_decoded_in_every_language() {
        let composer = Composer::new("no-reply@example.com").unwrap();
        let templates = Templates::load(
            &MailBrand {
                name: "Türsteher".to_owned(),
                ..MailBrand::default()
            },
            None,
        )
        .unwrap();
        for mail in samples::every_mail() {
            let rendered = templates.render(&mail).unwrap();
            let encoding = BodyEncoding::Readable;
            let message = composer.compose(&mail, &rendered, samples::now(), encoding);
            let bytes = message.unwrap().formatted();
            let file = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
            assert!(file.contains(&rendered.text), "{file}");
            assert!(file.contains(rendered.html.trim()), "{file}");
        }
    }

    #[test]
    fn every_message_is_ascii_on_the_wire_with_short_lines() {
        for mail in samples::every_mail() {
            let bytes = compose(&mail).formatted();
            assert!(bytes.is_ascii());
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                text.split("\r\n")
                    .all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
            );
        }
    }

    /// user input adds no header field and no recipient.
    #[test]
    fn hostile_values_stay_in_the_body() {
        let plain = compose(&samples::mail(MailKind::SignUp, Locale::En));
        let names = |message: &Message| {
            fields(message)
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        for value in [
            "{{7*7}}",
            "<a href=x>",
            "x\r\nBcc: x@y.example",
            "\r\n.\r\nMAIL FROM:<x@y.example>",
            "x\0y",
        ] {
            let mail = Mail {
                greeting: Some(value.to_owned()),
                username: Some(value.to_owned()),
                new_email: Some(value.to_owned()),
                device: Some(value.to_owned()),
                ..samples::mail(MailKind::SignUp, Locale::En)
            };
            let message = compose(&mail);
            assert_eq!(names(&message), names(&plain), "{value:?}");
            assert_eq!(message.envelope().to().len(), 1);
            let text = String::from_utf8(message.formatted()).unwrap();
            assert!(!text.contains("\r\nBcc"), "{value:?}");
            assert!(!text.contains("\r\n.\r\n"), "{value:?}");
            assert!(!text.contains('\0'), "{value:?}");
        }
    }

    #[test]
    fn every_valid_address_can_be_a_recipient() {
        let composer = Composer::new("no-reply@example.com").unwrap();
        let templates = Templates::load(&MailBrand::default(), None).unwrap();
        for address in [
            "a+b.c@sub.example.org",
            "!#$%&'*+-/=?^_`{|}~@example.com",
            "ben@BÜCHER.example",
            "1@2.example",
        ] {
            let mail = Mail {
                to: EmailAddress::parse(address).unwrap(),
                ..samples::mail(MailKind::Recovery, Locale::De)
            };
            let message = composer
                .compose(
                    &mail,
                    &templates.render(&mail).unwrap(),
                    samples::now(),
                    BodyEncoding::Smtp,
                )
                .unwrap();
            assert_eq!(message.envelope().to()[0].to_string(), mail.to.as_str());
        }
    }

    #[test]
    fn a_message_id_with_unusual_characters_is_rejected() {
        let composer = Composer::new("no-reply@example.com").unwrap();
        let templates = Templates::load(&MailBrand::default(), None).unwrap();
        for id in ["", "a b", "a@b", "a>\r\nBcc: x@y.example", ".a", "a/b", "é"] {
            let mail = Mail {
                message_id: id.to_owned(),
                ..samples::mail(MailKind::Recovery, Locale::De)
            };
            let rendered = templates.render(&mail).unwrap();
            let refused = composer.compose(&mail, &rendered, samples::now(), BodyEncoding::Smtp);
            assert!(matches!(refused, Err(ComposeError::MessageId)), "{id:?}");
        }
    }

    #[test]
    fn the_sender_must_be_one_mailbox() {
        for (from, domain) in [
            ("no-reply@example.com", "example.com"),
            ("Doorward <no-reply@example.com>", "example.com"),
            (
                " \"Example, Inc.\" <no-reply@mail.example.com> ",
                "mail.example.com",
            ),
            ("Türsteher <no-reply@example.com>", "example.com"),
            ("doorward@localhost", "localhost"),
        ] {
            assert_eq!(Composer::new(from).unwrap().domain(), domain, "{from}");
        }
        for from in [
            "",
            "Doorward",
            "no-reply",
            "no-reply@",
            "a@example.com, b@example.com",
            "a@example.com b@example.com",
            "A <a@example.com>, B <b@example.com>",
            "A <a@example.com> and more",
            "a@example.com\r\nBcc: b@example.com",
            "a@bücher.example",
        ] {
            assert!(Composer::new(from).is_err(), "{from:?}");
        }
    }
}
