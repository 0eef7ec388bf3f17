//! `.env` files, read as they stand.
//!
//! Of our own, since the well-known reader expands `$NAME` inside values: a password such as
//! `pa$word` would silently become another. One `NAME=value` a line; `#` begins a comment, `export`
//! before a name is passed over, quotes around a value are taken off and nothing in it is changed.

use anyhow::bail;

/// The pairs of a file, in its order. A fault names its line and shows nothing of it.
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
                    "cannot read .env: line {} is not NAME=value, or its quote does not end",
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

/// A value without the quotes around it, or the comment behind it.
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
    fn values_come_out_as_they_stand() {
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

    /// L-02: whatever is wrong with a line, it may hold a password.
    #[test]
    fn a_fault_names_the_line_and_shows_nothing_of_it() {
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
