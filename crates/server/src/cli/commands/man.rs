//! `doorward man [--out FOLDER]`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;
use serde_json::json;

use crate::cli::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  doorward man | man -l -\n  doorward man --out /usr/local/share/man/man1"
)]
pub struct ManArgs {
    /// Write a page for each command to this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, root: Command, output: Output) -> anyhow::Result<()> {
    let mut root = root.disable_help_subcommand(true);
    root.build();
    let Some(folder) = &args.out else {
        let page = page(&root)?;
        output.print_unwrapped(&page, &json!({"page": page}))?;
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let mut files = Vec::new();
    write(&root, "doorward", folder, &mut files)?;
    let message = format!("Wrote {} pages to {}.", files.len(), folder.display());
    output.print(&message, &json!({"files": files}))?;
    Ok(())
}

/// The page of a command, and those of the commands below it.
fn write(
    command: &Command,
    name: &str,
    folder: &Path,
    files: &mut Vec<String>,
) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(&command.clone().display_name(name.to_owned()))?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    files.push(path.display().to_string());
    for inner in command.get_subcommands() {
        write(
            inner,
            &format!("{name}-{}", inner.get_name()),
            folder,
            files,
        )?;
    }
    Ok(())
}

fn page(command: &Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    let page = String::from_utf8(page).context("the page is not UTF-8")?;
    let name = command.get_display_name().unwrap_or("doorward");
    let lines = page.lines().map(|line| match line {
        // clap's title is not in capitals and has no name of the program next to the version.
        line if line.starts_with(".TH ") => title(name),
        // The help after the options begins with the examples.
        ".SH EXTRA" => ".SH EXAMPLES".to_owned(),
        line => line.trim_end().to_owned(),
    });
    let page = lines.collect::<Vec<_>>().join("\n") + "\n";
    Ok(page
        .replace("\n.br\n\n.br\n", "\n.sp\n")
        .replace("\nExamples:\n", "\n"))
}

/// Without a date, since it has the version.
fn title(name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let name = name.to_uppercase();
    format!(".TH {name} 1 \"\" \"Doorward {version}\" \"Doorward\"")
}
