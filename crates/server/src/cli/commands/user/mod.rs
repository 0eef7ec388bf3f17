//! `doorward user`

mod args;
mod display;
mod factors;
mod invite;

use std::io::{Read, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::model::{Status, User, UserFilter};
use doorward_domain::users::NewUser;
use doorward_domain::users::ViewedUser;
use doorward_domain::values::{EmailAddress, Invalid, Name, Role, Secret, Username};
use doorward_domain::{Doorward, Error};
use doorward_web::{ExportDocument, UserView};
use serde_json::{Value, json};

pub use args::UserCommand;

use crate::cli::output::Output;
use crate::cli::stores::{finish, open, open_or_create};
use crate::config::Config;
use crate::wiring::Components;
use crate::wiring::bootstrap::generate_password;
use args::{CreateUserArgs, DeleteUserArgs, ListUsersArgs, SetPasswordArgs};

pub(super) async fn run(
    config: &Config,
    command: UserCommand,
    output: Output,
) -> anyhow::Result<()> {
    let components = match &command {
        UserCommand::Create(_) => open_or_create(config).await?,
        _ => open(config).await?,
    };
    let ctx = components.ctx(Actor::CommandLine);
    let outcome = perform(&components, &ctx, command, output).await;
    finish(&components).await;
    outcome
}

/// Lists users until there are enough: a page of a search can have fewer than its limit.
async fn list(
    doorward: &Doorward,
    ctx: &Ctx,
    args: ListUsersArgs,
) -> anyhow::Result<Vec<ViewedUser>> {
    let limit = args.limit;
    let mut filter = UserFilter {
        text: args.query,
        status: args.status.map(Status::from),
        role: args.role.map(Role::from),
        limit,
        ..UserFilter::default()
    };
    let mut users = Vec::new();
    loop {
        let page = doorward.user_list.list_users(ctx, &filter).await?;
        let viewed = |user: User| ViewedUser {
            last_sign_in_at: page.last_sign_ins.get(&user.id).copied(),
            is_locked_out: false,
            user,
        };
        users.extend(page.users.into_iter().map(viewed));
        filter.limit = limit.saturating_sub(users.len());
        filter.after = page.next;
        if filter.limit == 0 || filter.after.is_none() {
            return Ok(users);
        }
    }
}

async fn perform(
    components: &Components,
    ctx: &Ctx,
    command: UserCommand,
    output: Output,
) -> anyhow::Result<()> {
    let doorward = &components.doorward;
    match command {
        UserCommand::Create(wanted) => create(components, ctx, wanted, output).await,
        UserCommand::Invite(args) => invite::run(doorward, ctx, args, output).await,
        UserCommand::List(args) => {
            let users = list(doorward, ctx, args).await?;
            let views: Vec<_> = users.iter().map(UserView::from).collect();
            output.print(&display::table(&users), &json!({"items": views}))?;
            Ok(())
        }
        UserCommand::Show(named) => {
            let user = doorward.operator.view_by_name(ctx, &named.user).await;
            print_user(doorward, user, &named.user, output).await
        }
        UserCommand::SetPassword(args) => set_password(components, ctx, &args, output).await,
        UserCommand::SetRole(args) => {
            let (id, role) = (find(doorward, &args.user).await?, args.role.into());
            let changed = doorward.admin.change_role(ctx, &id, role, None).await;
            print_user(doorward, changed, &args.user, output).await
        }
        UserCommand::Disable(args) => {
            let (id, admin) = (find(doorward, &args.user).await?, &doorward.admin);
            let changed = match args.reason {
                Some(reason) => admin.disable_because(ctx, &id, reason, None).await,
                None => admin.disable(ctx, &id, None).await,
            };
            print_user(doorward, changed, &args.user, output).await
        }
        UserCommand::Enable(named) => {
            let id = find(doorward, &named.user).await?;
            let changed = doorward.admin.enable(ctx, &id, None).await;
            print_user(doorward, changed, &named.user, output).await
        }
        UserCommand::Factors(named) => factors::list(doorward, ctx, &named, output).await,
        UserCommand::RemoveFactor(args) => factors::remove(doorward, ctx, &args, output).await,
        UserCommand::Export(named) => export(doorward, ctx, &named.user).await,
        UserCommand::Delete(args) => delete(doorward, ctx, &args, output).await,
    }
}

/// Writes the document of `GET /user/{user}/export`.
async fn export(doorward: &Arc<Doorward>, ctx: &Ctx, identifier: &str) -> anyhow::Result<()> {
    let data = doorward
        .personal_export
        .export_by_name(ctx, identifier)
        .await;
    let data = data.map_err(|error| user_error(error, identifier))?;
    let mut document = ExportDocument::new(doorward.clone(), data, ctx);
    let mut output = std::io::stdout().lock();
    while let Some(piece) = document.next().await? {
        output
            .write_all(piece.as_bytes())
            .context("cannot write the export to standard output")?;
    }
    output
        .flush()
        .context("cannot write the export to standard output")
}

async fn delete(
    doorward: &Doorward,
    ctx: &Ctx,
    args: &DeleteUserArgs,
    output: Output,
) -> anyhow::Result<()> {
    let id = find(doorward, &args.user).await?;
    let question = format!("Delete {} permanently?", args.user);
    args.confirmation.ask(&question, output)?;
    let deleted = doorward.deletion.delete(ctx, &id, None).await;
    deleted.map_err(|error| user_error(error, &args.user))?;
    output.print(&format!("Deleted {}.", args.user), &json!({"deleted": id}))
}

/// Prints the user.
async fn print_user(
    doorward: &Doorward,
    user: Result<User, Error>,
    identifier: &str,
    output: Output,
) -> anyhow::Result<()> {
    let user = user.map_err(|error| user_error(error, identifier))?;
    display::user(&doorward.profile.viewed(user).await, output)
}

/// Hint if a generated password could not be printed.
const PASSWORD_LOST_HINT: &str = "set a new password with `doorward user set-password`";

async fn create(
    components: &Components,
    ctx: &Ctx,
    wanted: CreateUserArgs,
    output: Output,
) -> anyhow::Result<()> {
    let [given_username, given_email, given_name] =
        [&wanted.username, &wanted.email, &wanted.name].map(Option::as_deref);
    let username = parse_flag("--username", given_username, Username::parse_new)?;
    let email = parse_flag("--email", given_email, EmailAddress::parse)?;
    let name = parse_flag("--name", given_name, Name::parse_new)?;
    let (password, is_generated) = password(components, wanted.password_stdin)?;
    let personal = [given_username, given_email, given_name].into_iter();
    let personal: Vec<&str> = personal.flatten().collect();
    let doorward = &components.doorward;
    let checked = doorward.passwords.check_rules(password.expose(), &personal);
    let checked = checked.map_err(|e| flag_error("the password", e))?;
    let new = NewUser {
        username,
        email,
        name,
        password: checked,
        role: wanted.role.into(),
    };
    let identifier = wanted.username.or(wanted.email).unwrap_or_default();
    let user = doorward.operator.create_user(ctx, new).await;
    let user = user.map_err(|error| user_error(error, &identifier))?;
    let value = json!(UserView::from(&user));
    let text = display::summary(&user);
    let generated = is_generated.then_some(&password);
    print_with(generated, text, value, output)
}

async fn set_password(
    components: &Components,
    ctx: &Ctx,
    args: &SetPasswordArgs,
    output: Output,
) -> anyhow::Result<()> {
    let (password, is_generated) = password(components, args.password_stdin)?;
    let passwords = &components.doorward.passwords;
    let set = passwords.set(ctx, &args.user, &password).await;
    set.map_err(|error| user_error(error, &args.user))?;
    let value = json!({"user": args.user});
    let text = format!("Set the password of {} and ended all sessions.", args.user);
    let generated = is_generated.then_some(&password);
    print_with(generated, text, value, output)
}

/// Prints the text and the value, with the password if it was generated.
fn print_with(
    generated: Option<&Secret<String>>,
    mut text: String,
    mut value: Value,
    output: Output,
) -> anyhow::Result<()> {
    if let Some(password) = generated {
        let password = password.expose();
        value["password"] = password.clone().into();
        text += &format!("\npassword    {password}   (shown only once)");
    }
    output.print(&text, &value).context(PASSWORD_LOST_HINT)
}

async fn find(doorward: &Doorward, identifier: &str) -> anyhow::Result<String> {
    let user = doorward.operator.find_by_name(identifier).await;
    let user = user.map_err(|error| user_error(error, identifier))?;
    Ok(user.id.to_string())
}

/// Reads the password from standard input, or generates one; `true` if it was generated.
fn password(components: &Components, from_stdin: bool) -> anyhow::Result<(Secret<String>, bool)> {
    if !from_stdin {
        return Ok((generate_password(components), true));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("cannot read the password")?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| {
        line.strip_suffix('\r').unwrap_or(line)
    });
    if line.is_empty() {
        bail!("no password on standard input");
    }
    Ok((Secret::new(line.to_owned()), false))
}

/// Parses the value of an option, if it was given.
fn parse_flag<T>(
    flag: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> anyhow::Result<Option<T>> {
    let parsed = text.map(parse).transpose();
    parsed.map_err(|invalid| flag_error(flag, invalid))
}

fn flag_error(what: &str, invalid: Invalid) -> anyhow::Error {
    anyhow::anyhow!("{what}: {}", invalid.detail)
}

/// Error message for the terminal.
fn user_error(error: Error, identifier: &str) -> anyhow::Error {
    match error {
        Error::NotFound => anyhow::anyhow!("there is no user {identifier}"),
        Error::UsernameTaken => anyhow::anyhow!("the username {identifier} is taken"),
        Error::EmailTaken => anyhow::anyhow!("the email address belongs to another user"),
        Error::LastAdmin => {
            anyhow::anyhow!(
                "{identifier} is the last active admin. Make another user an admin first"
            )
        }
        Error::Invalid(faults) => {
            let sentences: Vec<_> = faults
                .into_iter()
                .map(|fault| fault.invalid.detail)
                .collect();
            anyhow::anyhow!(sentences.join(" "))
        }
        other => other.into(),
    }
}
