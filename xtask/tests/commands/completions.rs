//! Each shell parses its generated script, and completes with it.

use std::path::PathBuf;
use std::process::Command;

use doorward_testkit::servers::doorward_binary;
use tempfile::TempDir;

use crate::stdout_of;

/// The script of a shell, in a file with this name.
fn script(shell: &str, name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout_of(Command::new(doorward_binary()).args(["completions", shell]));
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

/// Bash's completions for the last of these words.
fn bash(words: &[&str]) -> Vec<String> {
    let (_folder, file) = script("bash", "doorward.bash");
    stdout_of(Command::new("bash").arg("-n").arg(&file));
    let complete = r#"
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_doorward doorward "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let mut bash = Command::new("bash");
    bash.args(["-euc", complete, "bash"]).arg(&file).args(words);
    stdout_of(&mut bash).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(bash(&["doorward", "heal"]), ["healthcheck"]);
    assert_eq!(bash(&["doorward", "user", "set-p"]), ["set-password"]);
    assert_eq!(bash(&["doorward", "serve", "--eph"]), ["--ephemeral"]);
    assert_eq!(bash(&["doorward", "completions", "f"]), ["fish"]);
    let roles = bash(&["doorward", "user", "create", "--role", ""]);
    assert_eq!(roles, ["user", "admin"]);
}

/// Values of options only: clap's script for fish does not complete positional arguments.
#[test]
fn fish_completes_commands_options_and_values() {
    let (folder, file) = script("fish", "doorward.fish");
    stdout_of(Command::new("fish").arg("--no-execute").arg(&file));
    for (line, offered) in [
        ("doorward heal", "healthcheck\tCheck that the local server"),
        ("doorward user set-p", "set-password\tSet a password"),
        (
            "doorward serve --eph",
            "--ephemeral\tRun an in-memory server",
        ),
        (
            "doorward user create --role a",
            "admin\tCan manage all users",
        ),
    ] {
        let complete = format!("source {}; complete -C '{line}'", file.display());
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &complete]);
        let offers = stdout_of(fish.env("HOME", folder.path()));
        assert!(
            offers.lines().any(|offer| offer.starts_with(offered)),
            "{line}: {offers}"
        );
        assert!(offers.lines().count() < 3, "{line}: {offers}");
    }
}

/// In a terminal of zsh, with the key that a user presses.
#[test]
fn zsh_completes_commands_options_and_values() {
    let (folder, file) = script("zsh", "_doorward");
    stdout_of(Command::new("zsh").arg("-n").arg(&file));
    for (typed, offered) in [
        ("doorward heal", "doorward healthcheck"),
        ("doorward user set-p", "doorward user set-password"),
        ("doorward serve --eph", "doorward serve --ephemeral"),
        ("doorward completions f", "doorward completions fish"),
    ] {
        let drive = r#"
zmodload zsh/zpty
zpty shell "PS1='ready> ' zsh -f -i"
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -d $1/dump"
zpty -w shell "unsetopt menu_complete auto_menu; bindkey '^I' expand-or-complete; print loaded''now"
zpty -r -m shell line '*loadednow*' || exit 3
zpty -w -n shell "$2"$'\t'
zpty -r -m shell line "*$3*" || exit 4
print -r -- "$line"
zpty -d shell
"#;
        let mut zsh = Command::new("timeout");
        zsh.args(["60", "zsh", "-fc", drive, "zsh"])
            .arg(folder.path())
            .args([typed, offered])
            .env("HOME", folder.path())
            .env("TERM", "dumb");
        assert!(stdout_of(&mut zsh).contains(offered), "{typed}");
    }
}

/// Without a `PowerShell` to run, this checks the text.
#[test]
fn powershell_completes_every_command() {
    let (_folder, file) = script("powershell", "doorward.ps1");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("Register-ArgumentCompleter -Native -CommandName 'doorward'"));
    for path in [
        "doorward;user;set-password",
        "doorward;serve",
        "doorward;man",
    ] {
        assert!(text.contains(&format!("'{path}'")), "{path}");
    }
}
