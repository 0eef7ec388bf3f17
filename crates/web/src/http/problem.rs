//! Problems (RFC 9457, H-01): the type of all error responses.
//!
//! [`Code`] is the closed list, with the texts for clients. A domain error becomes a [`Problem`] only here; `problem_response`
//! writes it as JSON or as a page, with the request's id. The cause goes to the log only. To add a code: a row in
//! `codes!`. A test generates its row in `docs/ERRORS.md`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::limits::LOCKOUT_RETRY_AFTER;
use doorward_domain::model::Purpose;
use doorward_domain::{Error, FieldError};
use jiff::Timestamp;
use serde::Serialize;

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal, $detail:literal, $help:literal;)+) => {
        /// All problem codes. The names are stable; the texts are not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant),+
        }

        impl Code {
            /// All codes, in the order of their status.
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

            /// The title of the problem.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// Description of the problem in a response, unless the problem has its own.
            pub fn detail(self) -> &'static str {
                match self { $(Self::$variant => $detail),+ }
            }

            /// General explanation, and what to do next.
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed-request", 400, "Malformed request", "The request could not be read.", "The body is not a JSON object or form, a field appears twice, a query parameter is invalid, or two credentials were sent. `detail` says where.";
    InvalidCredentials = "invalid-credentials", 401, "Invalid credentials", "The account is unknown or the password is wrong.", "Unknown account or wrong password; the response does not say which. Try again, or reset the password.";
    WrongPassword = "wrong-password", 401, "Wrong password", "The password is wrong.", "Reported separately only if `enumeration_protection` is off. Try again, or reset the password.";
    AuthenticationRequired = "authentication-required", 401, "Authentication required", "The request has no session token.", "Send a session token in `Authorization: Bearer …`, or the session cookie.";
    InvalidToken = "invalid-token", 401, "Invalid or expired session token", "The session token is unknown, expired or revoked.", "Sign in again.";
    InvalidCode = "invalid-code", 401, "Invalid code", "The code is wrong, or it was used before.", "The code of the second factor is wrong, too old, or was used before. Each code works once; wait for the next one, or use a recovery code.";
    ReauthenticationRequired = "reauthentication-required", 401, "Reauthentication required", "Your last sign-in is too old for this. Send your `password` with the request, and a `code` if you have a second factor, or sign in again.", "This action needs a recent sign-in. Send your password as `password` with the same request, and a code of your second factor as `code` if you have one, or sign in again. To change the password of an account with a second factor, sign in first.";
    EmailUnconfirmed = "email-unconfirmed", 403, "Email address not confirmed", "The email address of this account is not confirmed.", "The password is correct. Open the link in the confirmation email, or request it again with `POST /confirmation`.";
    AccountDisabled = "account-disabled", 403, "Account disabled", "An admin has disabled this account.", "The password is correct, but an admin has disabled the account.";
    DeletionPending = "deletion-pending", 403, "Account will be deleted", "The deletion of this account was requested.", "The password, and the code if there is a second factor, are correct, but the account is deleted at `deletion_at`. To keep it, send the same proof with `DELETE /user/me/deletion`, or open the link in the email about the deletion.";
    Forbidden = "forbidden", 403, "Forbidden", "Your account does not have access to this resource.", "The resource belongs to another user or requires the admin role. The response is the same whether or not it exists.";
    SignUpClosed = "sign-up-closed", 403, "Sign-up closed", "New accounts cannot be created here.", "The operator has set `sign_up.policy = \"closed\"`. Ask the operator for an account.";
    InvitationRequired = "invitation-required", 403, "Invitation required", "New accounts need an invitation.", "The operator has set `sign_up.policy = \"invitation\"`. Ask an admin for an invitation, and open its link.";
    CrossSiteRequest = "cross-site-request", 403, "Cross-site request rejected", "The request was sent by a page of another site.", "Browser requests must come from this server's pages or from an origin in `cors.origins`, where the session cookie and the forms of the pages do not work. Other clients: send no `Origin`, use a bearer token.";
    HttpsRequired = "https-required", 403, "HTTPS required", "The request was sent over plain HTTP.", "The request was sent over plain HTTP. Treat any token in it as compromised and sign in again over HTTPS.";
    NotFound = "not-found", 404, "Not found", "The requested resource does not exist.", "No such route, user or session.";
    UnknownAccount = "unknown-account", 404, "Account not found", "No account has this username or email address.", "Reported separately only if `enumeration_protection` is off.";
    MethodNotAllowed = "method-not-allowed", 405, "Method not allowed", "This route does not support the method of the request.", "`Allow` lists the methods of this route.";
    NotAcceptable = "not-acceptable", 406, "Not acceptable", "No media type in `Accept` is available here.", "`Accept` must allow `application/json` or `text/html`.";
    RequestTimeout = "request-timeout", 408, "Request timeout", "The body did not arrive in time.", "Send the whole body within 30 seconds.";
    UsernameTaken = "username-taken", 409, "Username taken", "Another account has this username.", "Usernames are unique, ignoring case. Choose another.";
    EmailTaken = "email-taken", 409, "Email address taken", "Another account has this email address.", "Reported only if `enumeration_protection` is off, or to an admin who invites the address or enters it for a user. Sign in, or reset the password.";
    LastAdmin = "last-admin", 409, "Last active admin", "This user is the last active admin.", "The last active admin cannot be demoted, disabled or deleted. Make another user an admin first.";
    LinkExpired = "link-expired", 410, "Link expired", "This link was used, was replaced by a newer one, or is too old.", "The link was used, replaced by a newer one, or is too old. Request a new email.";
    ChallengeExpired = "challenge-expired", 410, "Challenge expired", "This sign-in was not completed in time, or too many codes were wrong.", "The challenge of a sign-in is valid for five minutes (fifteen to add a required factor), one sign-in, five codes, and the program that sent the password. A security event voids it. Sign in again.";
    PreconditionFailed = "precondition-failed", 412, "Precondition failed", "The resource changed since you read it.", "The resource changed since you read it. Read it again and repeat your change.";
    BodyTooLarge = "body-too-large", 413, "Body too large", "The body is larger than 64 KiB.", "The maximum is 64 KiB.";
    UriTooLong = "uri-too-long", 414, "URI too long", "The request target is longer than 8 KiB.", "The maximum is 8 KiB.";
    UnsupportedMediaType = "unsupported-media-type", 415, "Unsupported media type", "The `Content-Type` of the body is missing or not supported.", "Send `application/json` or `application/x-www-form-urlencoded`.";
    ValidationFailed = "validation-failed", 422, "Validation failed", "Some fields are invalid.", "`errors` lists every invalid field with a code and a message.";
    PreconditionRequired = "precondition-required", 428, "Precondition required", "The request has no `If-Match`.", "`api.require_if_match` is on: send the `ETag` you read as `If-Match`.";
    TooManyAttempts = "too-many-attempts", 429, "Too many attempts", "Too many attempts.", "Wait for `Retry-After` seconds.";
    HeadersTooLarge = "headers-too-large", 431, "Request headers too large", "The request has more than 100 header fields or 16 KiB of them.", "The maximum is 100 fields and 16 KiB. Large cookies are a common cause.";
    InternalError = "internal-error", 500, "Internal server error", "The server failed to process the request.", "Give the operator the request id.";
    Overloaded = "overloaded", 503, "Server overloaded", "The server is busy. Nothing was changed.", "Nothing was changed. Retry after `Retry-After` seconds.";
    Stopping = "stopping", 503, "Server shutting down", "This server is shutting down.", "Retry on another node, or after the restart.";
    StoreUnavailable = "store-unavailable", 503, "Database unavailable", "The database does not respond. Nothing was changed.", "Nothing was changed. Retry after `Retry-After` seconds.";
    OutcomeUnknown = "outcome-unknown", 503, "Outcome unknown", "The database became unavailable during the write, so the outcome is unknown.", "The database became unavailable while this was written, so it may have been done or not. Read the current state before you retry.";
}

/// Description of a lockout by wrong codes: a new password does not end it.
const CODES_LOCKED_OUT: &str = "Too many wrong codes. Use a recovery code or a device where you have entered a code before, or recover the account by mail. If nothing helps, ask an admin to remove the second factor.";

/// An error response before it is written out.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Code.
    pub code: Code,
    /// Description of this occurrence. Contains no internals.
    pub detail: Option<String>,
    /// Invalid fields.
    pub errors: Vec<FieldError>,
    /// Time to wait before a retry.
    pub retry_after: Option<Duration>,
    /// When the account is deleted; only for [`Code::DeletionPending`].
    pub(crate) deletion_at: Option<Timestamp>,
    /// `true` for a lockout by wrong codes of a second factor, which has its own text on pages.
    pub(crate) is_code_lockout: bool,
    /// Cause, for the log only.
    pub cause: Option<Arc<Error>>,
    /// Page with the submitted form, sent instead of the problem's own page.
    pub(crate) page: Option<Html<String>>,
    /// The purpose of the mailed link that has expired or is incomplete, for the problem's own page.
    pub(crate) link: Option<Purpose>,
}

impl Problem {
    /// A problem with the default description.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            deletion_at: None,
            is_code_lockout: false,
            cause: None,
            page: None,
            link: None,
        }
    }

    /// A problem with its own description.
    pub fn with_detail(code: Code, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(code)
        }
    }

    /// Shows the problem on the page of its form. A failure of the server is shown on its own page, which
    /// has the request id.
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

    /// The problem's own page says what to do next, if a link with this purpose has expired.
    pub(crate) fn of_link(self, purpose: Purpose) -> Self {
        let expired = (self.code == Code::LinkExpired).then_some(purpose);
        Self {
            link: self.link.or(expired),
            ..self
        }
    }

    /// A problem with invalid fields.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::new(Code::ValidationFailed)
        }
    }
}

impl Problem {
    /// Description of this occurrence: `detail` of RFC 9457.
    pub(crate) fn detail_text(&self) -> String {
        if let Some(detail) = &self.detail {
            return detail.clone();
        }
        let detail = self.code.detail();
        match (self.code, self.errors.as_slice(), self.retry_after) {
            (Code::ValidationFailed, [error], _) => {
                format!("1 field has an error: `{}`.", error.field)
            }
            (Code::ValidationFailed, errors @ [_, ..], _) => {
                let names: Vec<_> = errors.iter().map(|e| format!("`{}`", e.field)).collect();
                format!("{} fields have errors: {}.", names.len(), names.join(", "))
            }
            (Code::OutcomeUnknown, ..) | (_, _, None) => detail.to_owned(),
            (Code::TooManyAttempts, _, Some(LOCKOUT_RETRY_AFTER)) => {
                format!("{detail} Reset the password to sign in.")
            }
            (_, _, Some(wait)) => format!("{detail} Try again in {}.", Wait::new(wait).in_words()),
        }
    }
}

/// Rounds up, so that a client that waits this long has waited long enough.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// A wait, rounded up to a whole unit, for texts and for the message `duration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Wait {
    unit: &'static str,
    count: u64,
}

impl Wait {
    pub(crate) fn new(wait: Duration) -> Self {
        let (unit, count) = match whole_seconds(wait).max(1) {
            seconds @ ..=90 => ("seconds", seconds),
            seconds @ 91..=5400 => ("minutes", seconds.div_ceil(60)),
            seconds => ("hours", seconds.div_ceil(3600)),
        };
        Self { unit, count }
    }

    /// In English words: "1 second", "3 minutes".
    fn in_words(&self) -> String {
        match (self.count, self.unit) {
            (1, unit) => format!("1 {}", unit.trim_end_matches('s')),
            (count, unit) => format!("{count} {unit}"),
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
            Error::CodesLockedOut => Self {
                retry_after: Some(LOCKOUT_RETRY_AFTER),
                is_code_lockout: true,
                ..Self::with_detail(Code::TooManyAttempts, CODES_LOCKED_OUT)
            },
            Error::DeletionPending { at } => Self {
                deletion_at: Some(at),
                ..Self::new(Code::DeletionPending)
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
        Error::DeletionPending { .. } => Code::DeletionPending,
        Error::ReauthenticationRequired => Code::ReauthenticationRequired,
        Error::InvalidCode => Code::InvalidCode,
        Error::ChallengeExpired => Code::ChallengeExpired,
        Error::Forbidden => Code::Forbidden,
        Error::NotFound => Code::NotFound,
        Error::SignUpClosed => Code::SignUpClosed,
        Error::InvitationRequired => Code::InvitationRequired,
        Error::UsernameTaken => Code::UsernameTaken,
        Error::EmailTaken => Code::EmailTaken,
        Error::LastAdmin => Code::LastAdmin,
        Error::LinkExpired => Code::LinkExpired,
        Error::PreconditionFailed => Code::PreconditionFailed,
        Error::Invalid(_) => Code::ValidationFailed,
        Error::TooManyAttempts { .. } | Error::CodesLockedOut => Code::TooManyAttempts,
        Error::Overloaded => Code::Overloaded,
        Error::Store(_) => Code::StoreUnavailable,
        Error::OutcomeUnknown(_) => Code::OutcomeUnknown,
        Error::Internal(_) => Code::InternalError,
    }
}

impl IntoResponse for Problem {
    /// Attaches the problem to the response. `middleware` passes it with the request to `problem_response`, which
    /// writes the body.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_domain::values::Invalid;
    use doorward_testkit::repository::assert_generated;

    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_a_whole_unit() {
        for (millis, unit, count) in [
            (0, "seconds", 1),
            (59_001, "seconds", 60),
            (90_000, "seconds", 90),
            (90_001, "minutes", 2),
            (5_400_000, "minutes", 90),
            (5_400_001, "hours", 2),
        ] {
            let wait = Wait::new(Duration::from_millis(millis));
            assert_eq!(wait, Wait { unit, count });
        }
    }

    #[test]
    fn detail_describes_this_occurrence() {
        for (seconds, text) in [
            (0, "Too many attempts. Try again in 1 second."),
            (3, "Too many attempts. Try again in 3 seconds."),
            (121, "Too many attempts. Try again in 3 minutes."),
            (7199, "Too many attempts. Try again in 2 hours."),
            (3600, "Too many attempts. Reset the password to sign in."),
        ] {
            let retry_after = Duration::from_secs(seconds);
            let problem = Problem::from(Error::TooManyAttempts { retry_after });
            assert_eq!(problem.detail_text(), text);
        }
        let error = |name: &str| FieldError::new(name, Invalid::new("missing", "Missing."));
        let one = Problem::invalid(vec![error("email")]);
        assert_eq!(one.detail_text(), "1 field has an error: `email`.");
        let two = Problem::invalid(vec![error("email"), error("password")]);
        assert_eq!(
            two.detail_text(),
            "2 fields have errors: `email`, `password`."
        );
    }

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

    /// The page is generated from this table.
    #[test]
    fn errors_md_is_up_to_date() {
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
        assert_generated("docs/ERRORS.md", &text);
    }
}
