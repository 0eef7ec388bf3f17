//! Reads `.env` files without expanding values.
//!
//! The `dotenvy` crate expands `$NAME` inside values, which would change a password such as `pa$word`. One `NAME=value`
//! a line; `#` begins a comment, `export` before a name is ignored, and quotes around a value are removed.

use anyhow::bail;

/// Returns the pairs of a file. An error contains the line number but not the line.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line
            .split_once('=')
            .map(|(name, value)| (name.trim(), unquoted(value.trim())))
        {
            Some((name, Some(value))) if is_name(name) => {
                pairs.push((name.to_owned(), value.to_owned()));
            }
            _ => {
                bail!(
                    "line {} is not NAME=value, or a quote is not closed",
                    number + 1
                );
            }
        }
    }
    Ok(pairs)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

/// Removes the quotes, or a comment.
fn unquoted(value: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            let (inside, after) = rest.split_once(quote)?;
            let after = after.trim_start();
            return (after.is_empty() || after.starts_with('#')).then_some(inside);
        }
    }
    Some(
        value
            .split_once(" #")
            .map_or(value, |(value, _)| value.trim_end()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_changed() {
        let text = "# a comment\n\nA=plain words $HOME \\b\n export B = \"pa$word # not a comment\" # one\nC='it\"s'\r\nD=\nE=x # y\nF=a#b=c\n";
        let read = parse(text).unwrap();
        let pairs: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("A", "plain words $HOME \\b"),
                ("B", "pa$word # not a comment"),
                ("C", "it\"s"),
                ("D", ""),
                ("E", "x"),
                ("F", "a#b=c"),
            ]
        );
    }

    /// L-02: an invalid line may contain a password.
    #[test]
    fn an_error_has_the_line_number_and_not_the_line() {
        for text in [
            "A=1\nhunter2",
            "A=1\nB=\"hunter2",
            "A=1\nB='hunter2' x",
            "A=1\n=hunter2",
            "A=1\nhunter2 b=1",
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(
                error.contains("line 2") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
