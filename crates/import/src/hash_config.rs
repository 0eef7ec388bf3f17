//! The hash parameters of a Firebase project, as its console shows them or as JSON with the same names.

use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::passwords::hashing::FirebaseParameters;
use doorward_domain::values::Secret;

/// Reads the file that `--firebase-hash-config` names.
pub fn read(path: &Path) -> anyhow::Result<FirebaseParameters> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| {
        format!(
            "{} does not contain Firebase's hash parameters. The console shows them under Authentication, Users, “Password hash parameters”",
            path.display()
        )
    })
}

pub(super) fn parse(text: &str) -> anyhow::Result<FirebaseParameters> {
    let parameters = FirebaseParameters {
        signer_key: Secret::new(value(text, "base64_signer_key")?),
        salt_separator: value(text, "base64_salt_separator")?,
        rounds: value(text, "rounds")?.parse().context("`rounds`")?,
        mem_cost: value(text, "mem_cost")?.parse().context("`mem_cost`")?,
    };
    parameters.check()?;
    Ok(parameters)
}

/// The value behind a name, in `name: value,` and `"name": "value"`.
fn value(text: &str, name: &str) -> anyhow::Result<String> {
    let Some((_, rest)) = text.split_once(name) else {
        bail!("`{name}` is missing");
    };
    let rest = rest.trim_start_matches(['"', '\'', ' ', '\t', ':']);
    let rest = rest
        .strip_prefix('=')
        .unwrap_or(rest)
        .trim_start_matches(['"', '\'', ' ']);
    let end = rest
        .find(['"', '\'', ',', ' ', '\n', '\r', '}'])
        .unwrap_or(rest.len());
    Ok(rest[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
";

    #[test]
    fn the_consoles_text_and_json_give_the_same_parameters() {
        let json = r#"{"base64_signer_key":"jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==", "base64_salt_separator": "Bw==","rounds":8,
            "mem_cost": 14}"#;
        for text in [SAMPLE, json] {
            let read = parse(text).unwrap();
            assert!(read.signer_key.expose().ends_with("J9WmXA=="));
            assert_eq!((read.rounds, read.mem_cost), (8, 14));
            assert_eq!(read.salt_separator, "Bw==");
        }
    }

    #[test]
    fn an_error_names_the_missing_or_invalid_parameter() {
        for (part, by, expected) in [
            ("rounds", "turns", "`rounds` is missing"),
            ("rounds: 8", "rounds: x", "`rounds`"),
            ("mem_cost: 14", "mem_cost: 40", "fbscrypt parameters"),
            ("jxspr8Ki", "<hidden>", "base64"),
        ] {
            let error = parse(&SAMPLE.replace(part, by)).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }
}
