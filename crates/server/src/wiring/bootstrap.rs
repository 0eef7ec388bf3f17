//! The first start: creates an admin and prints the URLs. The first client on HTTP has no privileges.

use std::io::IsTerminal;

use anyhow::Context;
use doorward_domain::SignUpPolicy;
use doorward_domain::ctx::Actor;
use doorward_domain::users::NewUser;
use doorward_domain::values::{EmailAddress, Role, Secret, Token, Username};
use doorward_domain::{Doorward, Error};
use serde_json::{Value, json};

use crate::cli::style;
use crate::config::Config;
use crate::tls::dev_certificate;
use crate::wiring::Components;

/// Username of the first admin.
const ADMIN: &str = "admin";

/// Generates a password of more than 128 random bits that is easy to copy.
pub fn generate_password(components: &Components) -> Secret<String> {
    let text = Token::generate(&*components.random).expose();
    let letters: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(24)
        .collect();
    Secret::new(letters)
}

/// Creates the first admin if there is none. Returns the password if it was generated, to be printed once.
pub async fn ensure_admin(
    components: &Components,
    config: &Config,
) -> anyhow::Result<Option<Secret<String>>> {
    let doorward = &components.doorward;
    if doorward.operator.has_admin().await? {
        return Ok(None);
    }
    let given = config.admin_password.clone();
    let password = given
        .clone()
        .unwrap_or_else(|| generate_password(components));
    match doorward
        .operator
        .create_user(
            &components.ctx(Actor::CommandLine),
            admin(doorward, config, &password)?,
        )
        .await
    {
        Ok(_) => Ok(given.is_none().then_some(password)),
        // Another node has created it.
        Err(Error::UsernameTaken | Error::EmailTaken) if doorward.operator.has_admin().await? => {
            Ok(None)
        }
        Err(Error::UsernameTaken | Error::EmailTaken) => anyhow::bail!(
            "there is no admin, but the username `{ADMIN}` or the address in ADMIN_EMAIL is taken. Run `doorward user set-role NAME admin` for the user who should be admin"
        ),
        Err(error) => Err(error).context("failed to create the first admin"),
    }
}

fn admin(
    doorward: &Doorward,
    config: &Config,
    password: &Secret<String>,
) -> anyhow::Result<NewUser> {
    let checked = doorward.passwords.check_rules(password.expose(), &[ADMIN]);
    let password = checked
        .map_err(|invalid| anyhow::anyhow!("ADMIN_PASSWORD is not allowed: {}", invalid.detail))?;
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

/// The banner of the start.
pub fn banner(
    config: &Config,
    public_url: &str,
    generated_password: Option<&Secret<String>>,
) -> String {
    let title = style::heading(&format!("Doorward is ready at {public_url}"));
    let mut lines = vec![title, String::new()];
    lines.push(match config.policy.sign_up {
        SignUpPolicy::Open => format!("  Sign up        {public_url}/sign-up"),
        SignUpPolicy::Invitation | SignUpPolicy::Closed => {
            format!("  Sign in        {public_url}/sign-in")
        }
    });
    if let Some(url) = inbox_url(config, public_url) {
        lines.push(match config.demo_key {
            Some(_) => format!("  Inbox          {url}"),
            None => format!("  Inbox          {url}  (until SMTP_URL is set)"),
        });
    }
    lines.push(format!("  API reference  {public_url}/docs"));
    if config.options.console.enabled {
        lines.push(format!("  Console        {public_url}/admin"));
    }
    if config.development_tls {
        let certificate = dev_certificate::files(&config.data_dir).certificate;
        lines.push(format!("  Certificate    {}", certificate.display()));
        lines.push(
            "                 Valid on this machine only; pass it to curl with --cacert".to_owned(),
        );
    }
    if let Some(password) = generated_password {
        lines.push(format!(
            "  Admin          username `{ADMIN}`, password `{}`",
            password.expose()
        ));
        let hint = [
            "This password is shown only once. Store it, or set a new one",
            "with `doorward user set-password admin`.",
        ];
        // No command finds the database of a demo.
        if config.demo_key.is_none() {
            lines.extend(hint.map(|line| format!("                 {line}")));
        }
    }
    if config.demo_key.is_some() {
        lines.push("  Demo           All data is lost when the server stops".to_owned());
    }
    if std::io::stdout().is_terminal() {
        lines.push("  Stop           Ctrl-C".to_owned());
    }
    lines.join("\n")
}

/// The page of the built-in inbox, with the key of a demo; `None` if mail is delivered elsewhere.
fn inbox_url(config: &Config, public_url: &str) -> Option<String> {
    let url = format!("{public_url}/inbox");
    let url = match &config.demo_key {
        Some(key) => format!("{url}?key={}", key.expose()),
        None => url,
    };
    config.has_inbox().then_some(url)
}

/// JSON form of the banner, and what an in-memory server prints.
pub fn banner_json(config: &Config, public_url: &str, password: Option<&Secret<String>>) -> Value {
    let mut value = json!({"url": public_url, "pid": std::process::id()});
    if let Some(url) = inbox_url(config, public_url) {
        value["inbox_url"] = match config.demo_key {
            Some(_) => url.into(),
            None => format!("{url}.json").into(),
        };
    }
    if config.development_tls {
        let certificate = dev_certificate::files(&config.data_dir).certificate;
        value["certificate"] = certificate.display().to_string().into();
    }
    if let Some(password) = password {
        value["admin"] = json!({"username": ADMIN, "password": password.expose()});
    }
    value
}
