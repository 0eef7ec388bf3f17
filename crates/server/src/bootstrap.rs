//! The first start: an admin, and a word on where things are. Whoever comes first by HTTP is nobody
//!

use anyhow::Context;
use doorward_domain::ctx::Actor;
use doorward_domain::flows::operator::NewUser;
use doorward_domain::model::Role;
use doorward_domain::values::{EmailAddress, Secret, Token, Username};
use doorward_domain::{Accounts, Error};
use serde_json::{Value, json};

use crate::config::Config;
use crate::listener::development;
use crate::wiring::Wired;

/// The first admin's user name.
const ADMIN: &str = "admin";

/// A password nobody chose: 128 random bits and then some, easy to copy.
pub fn random_password(wired: &Wired) -> Secret<String> {
    let text = Token::generate(&*wired.secrets).expose();
    let letters: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(24)
        .collect();
    Secret::new(letters)
}

/// Makes the first admin where there is none. `Some` is a password that was made up, to be shown
/// once and never again.
pub async fn ensure_admin(
    wired: &Wired,
    config: &Config,
) -> anyhow::Result<Option<Secret<String>>> {
    let accounts = &wired.accounts;
    if accounts.has_admin().await? {
        return Ok(None);
    }
    let given = config.admin_password.clone();
    let password = given.clone().unwrap_or_else(|| random_password(wired));
    match accounts
        .create_user(
            &wired.ctx(Actor::CommandLine),
            admin(accounts, config, &password)?,
        )
        .await
    {
        Ok(_) => Ok(given.is_none().then_some(password)),
        // Another node was faster.
        Err(Error::UsernameTaken | Error::EmailTaken) if accounts.has_admin().await? => Ok(None),
        Err(Error::UsernameTaken | Error::EmailTaken) => anyhow::bail!(
            "there is no admin, and the user name `{ADMIN}` or the address in ADMIN_EMAIL belongs to somebody: run `doorward user role NAME admin` for the user who shall be one"
        ),
        Err(error) => Err(error).context("the first admin could not be made"),
    }
}

fn admin(
    accounts: &Accounts,
    config: &Config,
    password: &Secret<String>,
) -> anyhow::Result<NewUser> {
    let judged = accounts.judge_password(password.expose(), &[ADMIN]);
    let password = judged
        .map_err(|invalid| anyhow::anyhow!("ADMIN_PASSWORD cannot be taken: {}", invalid.detail))?;
    let email = config
        .admin_email
        .as_deref()
        .map(EmailAddress::parse)
        .transpose();
    Ok(NewUser {
        username: Some(Username::parse(ADMIN).map_err(|invalid| anyhow::anyhow!(invalid.detail))?),
        email: email.map_err(|invalid| anyhow::anyhow!("ADMIN_EMAIL: {}", invalid.detail))?,
        name: None,
        password,
        role: Role::Admin,
    })
}

/// What somebody who has just started the server wants to know.
pub fn welcome(config: &Config, public_url: &str, made_up: Option<&Secret<String>>) -> String {
    let mut lines = vec![format!("Doorward is ready at {public_url}")];
    lines.push(format!("  API reference  {public_url}/docs"));
    if config.has_inbox() {
        lines.push(format!(
            "  Inbox          {public_url}/inbox  (until SMTP_URL is set)"
        ));
    }
    if config.development_tls {
        let certificate = development::files(&config.data_dir).certificate;
        lines.push(format!("  Certificate    {}", certificate.display()));
        lines.push(
            "                 It is for this machine alone; curl takes it with --cacert".to_owned(),
        );
    }
    if let Some(password) = made_up {
        lines.push(format!(
            "  Admin          user name `{ADMIN}`, password `{}`",
            password.expose()
        ));
        let hint = [
            "This password is shown this once. Keep it, or set another",
            "with `doorward user set-password admin`.",
        ];
        lines.extend(hint.map(|line| format!("                 {line}")));
    }
    lines.join("\n")
}

/// The same for programs, and what an ephemeral server says.
pub fn welcome_value(
    config: &Config,
    public_url: &str,
    password: Option<&Secret<String>>,
) -> Value {
    let mut value = json!({"url": public_url, "pid": std::process::id()});
    if config.has_inbox() {
        value["inbox_url"] = format!("{public_url}/inbox.json").into();
    }
    if config.development_tls {
        let certificate = development::files(&config.data_dir).certificate;
        value["certificate"] = certificate.display().to_string().into();
    }
    if let Some(password) = password {
        value["admin"] = json!({"username": ADMIN, "password": password.expose()});
    }
    value
}
