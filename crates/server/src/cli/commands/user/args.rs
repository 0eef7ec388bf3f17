//! `user`: managing users from this machine.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use doorward_domain::model::Status;
use doorward_domain::values::{DisableReason, Role};

use crate::cli::confirmation::Confirmation;

/// `user`
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  doorward user list --query ben\n  doorward user show ben@example.com"
)]
pub enum UserCommand {
    /// Create an active user
    #[command(
        after_help = "Examples:\n  doorward user create --username ben --role admin\n  doorward user create --email eve@example.com --password-stdin < password.txt"
    )]
    Create(CreateUserArgs),
    /// Invite a user, who chooses the password
    #[command(
        after_help = "Examples:\n  doorward user invite --email eve@example.com --role admin\n  doorward user invite --username ben\n\nAn invitation with an address is mailed, when a server runs. Without one, or with --link, the link is printed once."
    )]
    Invite(InviteUserArgs),
    /// List users, oldest first
    #[command(
        after_help = "Examples:\n  doorward user list --query ben --limit 10\n  doorward user list --role admin --status active"
    )]
    List(ListUsersArgs),
    /// Show one user
    #[command(after_help = "Examples:\n  doorward user show ben@example.com")]
    Show(UserArg),
    /// Set a password and end all sessions of the user
    #[command(
        after_help = "Examples:\n  doorward user set-password ben\n  doorward user set-password ben --password-stdin < password.txt"
    )]
    SetPassword(SetPasswordArgs),
    /// Change a user's role
    #[command(after_help = "Examples:\n  doorward user set-role ben admin")]
    SetRole(SetRoleArgs),
    /// Disable an account and end its sessions
    #[command(
        after_help = "Examples:\n  doorward user disable ben\n  doorward user disable ben --reason left"
    )]
    Disable(DisableArgs),
    /// Enable an account
    #[command(after_help = "Examples:\n  doorward user enable ben")]
    Enable(UserArg),
    /// List a user's second factors
    #[command(after_help = "Examples:\n  doorward user factors ben")]
    Factors(UserArg),
    /// Remove a user's second factors and end all sessions
    #[command(
        after_help = "Examples:\n  doorward user remove-factor ben\n  doorward user remove-factor ben --id 0193d2a0-0000-7000-8000-000000000001\n\nFor a user who has lost the phone and the recovery codes. Make sure that the request comes from the user, who gets a mail about it. On a terminal it asks for confirmation. Without one, or with --json, it requires --yes."
    )]
    RemoveFactor(RemoveFactorArgs),
    /// Export all personal data of a user as JSON
    #[command(
        after_help = "Examples:\n  doorward user export ben > ben.json\n  doorward user export ben@example.com"
    )]
    Export(UserArg),
    /// Delete a user permanently
    #[command(after_help = DELETE_EXAMPLE)]
    Delete(DeleteUserArgs),
}

const DELETE_EXAMPLE: &str = "Examples:
  doorward user delete ben
  doorward user delete ben --yes

On a terminal it asks for confirmation. Without one, or with --json, it requires --yes.";

/// `user delete`
#[derive(Debug, Args)]
pub struct DeleteUserArgs {
    /// Username, email address or user id
    pub user: String,
    #[command(flatten)]
    pub confirmation: Confirmation,
}

/// A user.
#[derive(Debug, Args)]
pub struct UserArg {
    /// Username, email address or user id
    pub user: String,
}

/// `user create`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("identifier").required(true).multiple(true).args(["username", "email"])))]
pub struct CreateUserArgs {
    /// Username: public and unique
    #[arg(long)]
    pub username: Option<String>,
    /// Email address, stored as confirmed
    #[arg(long)]
    pub email: Option<String>,
    /// Display name
    #[arg(long)]
    pub name: Option<String>,
    /// Role
    #[arg(long, value_enum, default_value = "user")]
    pub role: RoleName,
    /// Read the password from standard input (default: generate one and print it once)
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user invite`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("invited").required(true).multiple(true).args(["username", "email"])))]
pub struct InviteUserArgs {
    /// Username: public and unique; required with --link
    #[arg(long)]
    pub username: Option<String>,
    /// Email address: confirmed by the link if that is mailed
    #[arg(long)]
    pub email: Option<String>,
    /// Display name
    #[arg(long)]
    pub name: Option<String>,
    /// Role
    #[arg(long, value_enum, default_value = "user")]
    pub role: RoleName,
    /// Language of mails and pages, such as de
    #[arg(long)]
    pub locale: Option<String>,
    /// Print the link instead of mailing it
    #[arg(long)]
    pub link: bool,
}

/// `user set-password`
#[derive(Debug, Args)]
pub struct SetPasswordArgs {
    /// Username, email address or user id
    pub user: String,
    /// Read the password from standard input (default: generate one and print it once)
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user set-role`
#[derive(Debug, Args)]
pub struct SetRoleArgs {
    /// Username, email address or user id
    pub user: String,
    /// Role
    #[arg(value_enum)]
    pub role: RoleName,
}

/// `user disable`
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// Username, email address or user id
    pub user: String,
    /// Why, for the audit log: abuse, compromised, left, requested or other
    #[arg(long, value_parser = reason)]
    pub reason: Option<DisableReason>,
}

fn reason(text: &str) -> Result<DisableReason, String> {
    DisableReason::parse(text).map_err(|invalid| invalid.detail)
}

/// `user remove-factor`
#[derive(Debug, Args)]
pub struct RemoveFactorArgs {
    /// Username, email address or user id
    pub user: String,
    /// Remove only the factor with this id
    #[arg(long)]
    pub id: Option<String>,
    #[command(flatten)]
    pub confirmation: Confirmation,
}

/// `user list`
#[derive(Debug, Args)]
pub struct ListUsersArgs {
    /// Part of a username, email address or name
    #[arg(long)]
    pub query: Option<String>,
    /// Only users with this status
    #[arg(long, value_enum)]
    pub status: Option<StatusName>,
    /// Only users with this role
    #[arg(long, value_enum)]
    pub role: Option<RoleName>,
    /// Maximum number of users
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// A role.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Can manage their own account
    User,
    /// Can manage all users
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::User => Self::User,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// A status.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StatusName {
    /// Has not confirmed the email address yet
    Pending,
    /// Can sign in
    Active,
    /// Disabled by an admin
    Disabled,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Pending => Self::Pending,
            StatusName::Active => Self::Active,
            StatusName::Disabled => Self::Disabled,
        }
    }
}
