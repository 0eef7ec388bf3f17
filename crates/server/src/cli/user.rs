//! `user`: looking after users from this machine.

use clap::{Args, Subcommand, ValueEnum};

/// `user`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user that can sign in at once
    #[command(
        after_help = "Examples:\n  doorward user create --username ben --role admin\n  doorward user create --email eve@example.com --password-stdin < password.txt"
    )]
    Create(CreateUser),
    /// List users, oldest first
    #[command(after_help = "Examples:\n  doorward user list --query ben --limit 10")]
    List(ListUsers),
    /// Show one user
    #[command(after_help = "Examples:\n  doorward user show ben@example.com")]
    Show(Named),
    /// Set a password; every session of the user ends
    #[command(
        after_help = "Examples:\n  doorward user set-password ben\n  doorward user set-password ben --password-stdin < password.txt"
    )]
    SetPassword(SetPassword),
    /// Give or take the admin role
    #[command(after_help = "Examples:\n  doorward user role ben admin")]
    Role(SetRole),
    /// Switch an account off; its sessions end
    #[command(after_help = "Examples:\n  doorward user disable ben")]
    Disable(Named),
    /// Switch an account back on
    #[command(after_help = "Examples:\n  doorward user enable ben")]
    Enable(Named),
    /// Write everything held on a user, as one JSON document
    #[command(
        after_help = "Examples:\n  doorward user export ben > ben.json\n  doorward user export ben@example.com"
    )]
    Export(Named),
    /// Delete a user for good
    #[command(after_help = "Examples:\n  doorward user delete ben")]
    Delete(Named),
}

/// Whom.
#[derive(Debug, Args)]
pub struct Named {
    /// A user name, an e-mail address or a user id
    pub user: String,
}

/// `user create`
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Public and unique
    #[arg(long, required_unless_present = "email")]
    pub username: Option<String>,
    /// Taken as confirmed: you answer for it
    #[arg(long)]
    pub email: Option<String>,
    /// What to call the person
    #[arg(long)]
    pub name: Option<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "user")]
    pub role: RoleName,
    /// Read the password from standard input; without this one is made and shown once
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user set-password`
#[derive(Debug, Args)]
pub struct SetPassword {
    /// A user name, an e-mail address or a user id
    pub user: String,
    /// Read the password from standard input; without this one is made and shown once
    #[arg(long)]
    pub password_stdin: bool,
}

/// `user role`
#[derive(Debug, Args)]
pub struct SetRole {
    /// A user name, an e-mail address or a user id
    pub user: String,
    /// What they may do
    #[arg(value_enum)]
    pub role: RoleName,
}

/// `user list`
#[derive(Debug, Args)]
pub struct ListUsers {
    /// Part of a user name, address or name
    #[arg(long)]
    pub query: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// A role.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Acts on themselves alone
    User,
    /// Looks after everybody
    Admin,
}
