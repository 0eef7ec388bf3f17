//! Problems (RFC 9457): the only thing that becomes an error response.
//!
//! [`Code`] is the closed list. A domain error is turned into a [`Problem`] here and nowhere else;
//! `edge` writes it out, as JSON or as a page, with the request's id. What the client reads is in
//! [`Code`]; what the log keeps is the cause. To add a code: a row in `codes!`, its paragraph
//! follows in `docs/ERRORS.md` by the test that compares them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::{Error, FieldError};

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal, $help:literal;)+) => {
        /// Every problem there is. The names are stable; the texts are not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant),+
        }

        impl Code {
            /// Every code, in the order of its status.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let number: u16 = match self { $(Self::$variant => $status),+ };
                StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// What happened, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What it means and what to do next.
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed-request", 400, "The request cannot be read", "The body is no JSON object or form, a field stands in it twice, a query value cannot be read, or two kinds of credentials were sent at once. Mend the request; the detail says where it broke.";
    InvalidCredentials = "invalid-credentials", 401, "Unknown account or wrong password", "The two are not told apart, so that nobody can find out who has an account. Try again, or recover the password.";
    WrongPassword = "wrong-password", 401, "Wrong password", "Reported separately only if `enumeration_protection` is off. Try again, or reset the password.";
    AuthenticationRequired = "authentication-required", 401, "Sign in first", "Show a session token in `Authorization: Bearer …`, or the session cookie.";
    InvalidToken = "invalid-token", 401, "The session has ended", "The session token is unknown, ended or expired. Sign in again.";
    EmailUnconfirmed = "email-unconfirmed", 403, "Email address not confirmed", "The password is correct. Open the link in the confirmation email, or request it again with `POST /confirmation`.";
    AccountDisabled = "account-disabled", 403, "Account disabled", "The password is correct, but an admin has disabled the account.";
    Forbidden = "forbidden", 403, "Not yours to do", "You are signed in, and this belongs to somebody else or needs the admin role. The answer is the same whether or not the thing exists.";
    ReauthenticationRequired = "reauthentication-required", 403, "Show your password again", "This needs a password shown in the last few minutes. Send yours as `password` with the same request, or sign in again and repeat it.";
    CrossSiteRequest = "cross-site-request", 403, "The request came from another site", "A browser's requests are taken from this server's own pages, or from an origin of `cors.origins`. Programs name no origin, and use `Authorization: Bearer …`.";
    HttpsRequired = "https-required", 403, "This needs HTTPS", "The request came without TLS to a server that is reached by `https` alone, and whatever token it showed may have been read on the way. Use the `https` address, and sign in anew.";
    NotFound = "not-found", 404, "No such thing", "There is no such route, user or session.";
    UnknownAccount = "unknown-account", 404, "Account not found", "Reported separately only if `enumeration_protection` is off.";
    MethodNotAllowed = "method-not-allowed", 405, "Not with this method", "The route exists; `Allow` lists its methods.";
    NotAcceptable = "not-acceptable", 406, "There is nothing of that kind here", "`Accept` allows neither JSON nor HTML. Ask for `application/json`, or leave it out.";
    RequestTimeout = "request-timeout", 408, "The request took too long to arrive", "Send the whole body within 30 seconds, and after the first fifteen of them at least 1 KiB each second.";
    UsernameTaken = "username-taken", 409, "The user name is taken", "User names are unique, whatever their letter case. Choose another.";
    EmailTaken = "email-taken", 409, "Email address taken", "Reported only if `enumeration_protection` is off. Sign in, or reset the password.";
    LastAdmin = "last-admin", 409, "The last active admin stays", "Make another user an admin first.";
    LinkExpired = "link-expired", 410, "The link no longer works", "It is used up, replaced by a newer one, or too old. Ask for a new mail.";
    PreconditionFailed = "precondition-failed", 412, "Precondition failed", "The resource changed since you read it. Read it again and repeat your change.";
    BodyTooLarge = "body-too-large", 413, "The body is too large", "A body has at most 64 KiB.";
    UriTooLong = "uri-too-long", 414, "The address is too long", "The target of a request has at most 8 KiB.";
    UnsupportedMediaType = "unsupported-media-type", 415, "This kind of body is not read here", "Send `application/json`, or a form (`application/x-www-form-urlencoded`).";
    ValidationFailed = "validation-failed", 422, "Some fields cannot be taken", "`errors` names each field with a code and a sentence. All of them are listed at once.";
    PreconditionRequired = "precondition-required", 428, "Say which version you read", "The operator has set `api.require_if_match`: send the `ETag` of what you read as `If-Match`, so that nobody's change is lost.";
    TooManyAttempts = "too-many-attempts", 429, "Too many attempts", "Wait for the seconds that `Retry-After` gives.";
    HeadersTooLarge = "headers-too-large", 431, "The head of the request is too large", "It has at most 100 fields and 16 KiB. Where cookies are to blame, delete those of this site.";
    InternalError = "internal-error", 500, "Something went wrong here", "It is not your fault, and the operator can find it in the log by the request id.";
    Overloaded = "overloaded", 503, "Too busy right now", "More is being asked than can be done in good time. Nothing was changed; try again after `Retry-After`.";
    Stopping = "stopping", 503, "The server is about to stop", "`/readyz` says so first, while everything is still served: send the next requests elsewhere, or wait for the next start.";
    StoreUnavailable = "store-unavailable", 503, "Database unavailable", "Nothing was changed. Retry after `Retry-After` seconds.";
    OutcomeUnknown = "outcome-unknown", 503, "Outcome unknown", "The database became unavailable while this was written, so it may have been done or not. Read the current state before you retry.";
}

/// An error response before it is written out.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// More than the title says, for people. Nothing of the inside.
    pub detail: Option<String>,
    /// The fields at fault.
    pub errors: Vec<FieldError>,
    /// How long to wait.
    pub retry_after: Option<Duration>,
    /// For the log alone.
    pub cause: Option<Arc<Error>>,
    /// The form it came from, to be given back to a person in place of the problem's own page.
    pub(crate) page: Option<Html<String>>,
}

impl Problem {
    /// A problem that its code says all about.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            cause: None,
            page: None,
        }
    }

    /// A problem with a sentence of its own.
    pub fn with_detail(code: Code, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(code)
        }
    }

    /// The same, shown to a person on the form it came from. What went wrong on this side keeps
    /// the problem's own page, which names the request.
    pub(crate) fn on_page(self, page: Html<String>) -> Self {
        let is_ours = matches!(
            self.code,
            Code::InternalError | Code::StoreUnavailable | Code::OutcomeUnknown
        );
        Self {
            page: (!is_ours).then_some(page),
            ..self
        }
    }

    /// Fields that cannot be taken.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Code::ValidationFailed)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let busy = Some(Duration::from_secs(1));
        match error {
            Error::Invalid(errors) => Self::invalid(errors),
            Error::TooManyAttempts { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(Code::TooManyAttempts)
            },
            Error::Overloaded => Self {
                retry_after: busy,
                ..Self::new(Code::Overloaded)
            },
            Error::Store(_) => Self {
                retry_after: busy,
                cause: Some(Arc::new(error)),
                ..Self::new(Code::StoreUnavailable)
            },
            Error::OutcomeUnknown(_) => Self {
                retry_after: busy,
                cause: Some(Arc::new(error)),
                ..Self::new(Code::OutcomeUnknown)
            },
            Error::Internal(_) => Self {
                cause: Some(Arc::new(error)),
                ..Self::new(Code::InternalError)
            },
            other => Self::new(plain_code(&other)),
        }
    }
}

/// The code of an error that carries nothing more.
fn plain_code(error: &Error) -> Code {
    match error {
        Error::AuthenticationRequired => Code::AuthenticationRequired,
        Error::InvalidToken => Code::InvalidToken,
        Error::InvalidCredentials => Code::InvalidCredentials,
        Error::UnknownAccount => Code::UnknownAccount,
        Error::WrongPassword => Code::WrongPassword,
        Error::EmailUnconfirmed => Code::EmailUnconfirmed,
        Error::AccountDisabled => Code::AccountDisabled,
        Error::ReauthenticationRequired => Code::ReauthenticationRequired,
        Error::Forbidden => Code::Forbidden,
        Error::NotFound => Code::NotFound,
        Error::UsernameTaken => Code::UsernameTaken,
        Error::EmailTaken => Code::EmailTaken,
        Error::LastAdmin => Code::LastAdmin,
        Error::LinkExpired => Code::LinkExpired,
        Error::PreconditionFailed => Code::PreconditionFailed,
        Error::Invalid(_) => Code::ValidationFailed,
        Error::TooManyAttempts { .. } => Code::TooManyAttempts,
        Error::Overloaded => Code::Overloaded,
        Error::Store(_) => Code::StoreUnavailable,
        Error::OutcomeUnknown(_) => Code::OutcomeUnknown,
        Error::Internal(_) => Code::InternalError,
    }
}

impl IntoResponse for Problem {
    /// Hands the problem to `edge`, which knows the request and writes the body.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{name}"
            );
        }
    }

    /// `docs/ERRORS.md` is this table, written out. Run with `BLESS=1` to write it anew.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that may write the document asks whether it shall"
    )]
    fn the_document_lists_every_code() {
        let mut text = String::from(
            "# Problems\n\nEvery error is a problem (RFC 9457, `application/problem+json`) with one of these codes. The codes are stable; the texts are not.\n\
             A server explains its own at `/problems/CODE`, which is what `type` points to.\n\n\
             | status | code | what happened | what to do |\n| --- | --- | --- | --- |\n",
        );
        for code in Code::ALL {
            let (status, name) = (code.status().as_u16(), code.as_str());
            text += &format!(
                "| {status} | `{name}` | {} | {} |\n",
                code.title(),
                code.help()
            );
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ERRORS.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "docs/ERRORS.md differs from the table: run `BLESS=1 cargo test -p doorward-web`"
        );
    }
}
