//! The commands in `--help`, in groups. clap groups options only, so the list is part of the help template.

use super::text_wrap::{WIDTH, wrap_line};

/// The groups, in the order of `--help`, with their commands.
const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["serve", "doctor", "healthcheck"]),
    ("Users", &["user", "passwords"]),
    ("Data", &["migrate", "backup", "export", "import"]),
    ("Keys and audit", &["keys", "audit"]),
    (
        "Setup",
        &["init", "config", "openapi", "completions", "man"],
    ),
];

/// Adds the groups to the help of the root command.
pub fn add_to(root: clap::Command) -> clap::Command {
    let names = root.get_subcommands().map(clap::Command::get_name);
    let width = names.map(str::len).max().unwrap_or_default();
    let line = |name: &&str| {
        let about = root
            .find_subcommand(name)
            .and_then(clap::Command::get_about);
        let about = about.map(ToString::to_string).unwrap_or_default();
        let line = format!("  {name:<width$}  {about}");
        wrap_line(&line, WIDTH, &" ".repeat(width + 4))
    };
    let group = |(heading, commands): &(&str, &[&str])| {
        let lines: Vec<_> = commands.iter().map(line).collect();
        format!("{heading}:\n{}\n\n", lines.join("\n"))
    };
    let groups: String = GROUPS.iter().map(group).collect();
    root.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_is_in_one_group() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, commands)| *commands).collect();
        let root = Cli::command();
        let commands: BTreeSet<_> = root
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(grouped.len(), commands.len(), "{grouped:?}");
        assert!(grouped.into_iter().all(|name| commands.contains(name)));
    }
}
