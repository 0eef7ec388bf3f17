//! Options of `doorward import`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use doorward_import::{EmailStatus, Format, UserField};

const EXAMPLES: &str = "Examples:
  doorward import users.json --format django --dry-run --report report.jsonl

An import can be repeated: users that exist already are left as they are.
See docs/EXPORT-IMPORT.md and docs/IMPORT.md";

/// Values of an option: name, help text, value. The types are those of a crate without a command line.
type Choices<T> = &'static [(&'static str, &'static str, T)];

const FORMATS: Choices<Format> = &[
    ("doorward", "Output of `doorward export`", Format::Doorward),
    (
        "django",
        "Django's `dumpdata auth.user`, or of a custom user model",
        Format::Django,
    ),
    (
        "supabase",
        "Supabase's table auth.users as JSON, JSON lines or CSV",
        Format::Supabase,
    ),
    (
        "keycloak",
        "A Keycloak realm export with its users",
        Format::Keycloak,
    ),
    (
        "firebase",
        "Firebase's `auth:export` as JSON",
        Format::Firebase,
    ),
];

const EMAIL_STATUSES: Choices<EmailStatus> = &[
    (
        "keep",
        "As in the other system; Django's addresses are confirmed, since it mails password resets to them",
        EmailStatus::Keep,
    ),
    (
        "confirmed",
        "All addresses are confirmed",
        EmailStatus::Confirmed,
    ),
    (
        "unconfirmed",
        "All users confirm their address again",
        EmailStatus::Unconfirmed,
    ),
];

const FIELDS: Choices<UserField> = &[
    (
        "username",
        "A username that breaks the rules",
        UserField::Username,
    ),
    ("email", "An invalid email address", UserField::Email),
    (
        "password",
        "A password hash that cannot be verified",
        UserField::Password,
    ),
    (
        "name",
        "A display name that is too long or has several lines",
        UserField::Name,
    ),
    ("data", "Data over 16 KiB or 32 levels", UserField::Data),
];

fn one_of<T: Copy + Send + Sync + 'static>(
    choices: Choices<T>,
) -> impl TypedValueParser<Value = T> {
    let values = choices
        .iter()
        .map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).map(move |name| {
        let chosen = choices.iter().find(|(known, ..)| *known == name);
        chosen.expect("the parser accepts only these names").2
    })
}

/// `import`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// Input file, or - for standard input
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Input format, if it cannot be detected
    #[arg(long, value_parser = one_of(FORMATS))]
    pub format: Option<Format>,
    /// Validate the file and report the result without writing
    #[arg(long)]
    pub dry_run: bool,
    /// Write rejected and changed users to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Exit with 0 even if users were rejected
    #[arg(long)]
    pub allow_rejects: bool,
    /// Import the user without this field if it is invalid (repeatable)
    #[arg(long, value_parser = one_of(FIELDS), value_name = "FIELD")]
    pub drop_invalid: Vec<UserField>,
    /// Email status of imported users
    #[arg(long, value_parser = one_of(EMAIL_STATUSES), default_value = "keep")]
    pub email_status: EmailStatus,
    /// Keep the admin role
    #[arg(long)]
    pub keep_admins: bool,
    /// Language for users without one
    #[arg(long, value_name = "TAG")]
    pub default_locale: Option<String>,
    /// File with Firebase's “Password hash parameters”
    #[arg(long, value_name = "FILE")]
    pub firebase_hash_config: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_an_option_under_its_name() {
        let names = FORMATS.iter().map(|(name, _, format)| (*name, *format));
        assert!(names.eq(Format::ALL.map(|format| (format.name(), format))));
    }
}
