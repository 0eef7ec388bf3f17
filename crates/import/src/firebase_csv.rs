//! Reads a line of Firebase's CSV as firebase-tools writes it, which differs from other CSV: there is no header;
//! only names with a comma and the last column are quoted; quotation marks in a name are not doubled.
//!
//! A name can therefore make a line look like another one. A line is rejected if it does not have exactly the
//! expected columns, or if a column has an invalid value.

use serde_json::{Map, Value, json};

use crate::translation::Rejection;

/// Number of columns. A line ends with a comma.
const COLUMNS: usize = 28;
/// Columns that may be quoted: names of the user, here and at other providers.
const NAMES: [usize; 5] = [5, 9, 13, 17, 21];
/// The last column: quoted JSON, with doubled quotation marks.
const CLAIMS: usize = COLUMNS - 1;

/// Returns the user of a line, as in the JSON export.
pub(super) fn read(line: &[u8]) -> Result<Value, Rejection> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Rejection::malformed("The line is not UTF-8."))?
        .trim_end_matches(['\n', '\r']);
    let columns = split(line)?;
    check(&columns)?;
    Ok(user(&columns))
}

/// Splits a line into its columns; the claims are JSON.
fn split(line: &str) -> Result<Vec<String>, Rejection> {
    let mut columns = Vec::with_capacity(COLUMNS);
    let mut rest = line;
    while columns.len() < CLAIMS {
        let quoted = rest.strip_prefix('"');
        let (column, after) = match quoted.filter(|_| NAMES.contains(&columns.len())) {
            None => rest.split_once(',').ok_or_else(wrong_column_count)?,
            // A name without a comma is not quoted.
            Some(quoted) => quoted
                .split_once("\",")
                .filter(|(name, _)| name.contains(',') && !name.contains('"'))
                .ok_or_else(bad_quoting)?,
        };
        columns.push(column.to_owned());
        rest = after;
    }
    let claims = rest.strip_suffix(',').ok_or_else(wrong_column_count)?;
    columns.push(match claims {
        "" => String::new(),
        _ => claims
            .strip_prefix('"')
            .and_then(|claims| claims.strip_suffix('"'))
            .map(|claims| claims.replace("\"\"", "\""))
            .filter(|claims| serde_json::from_str::<Map<String, Value>>(claims).is_ok())
            .ok_or_else(wrong_column_count)?,
    });
    Ok(columns)
}

fn wrong_column_count() -> Rejection {
    Rejection::malformed(format!(
        "The line does not have the {COLUMNS} columns and the final comma that firebase-tools writes. A comma, a quotation mark or a line break in a name can cause this; use the JSON export instead."
    ))
}

fn bad_quoting() -> Rejection {
    Rejection::malformed(
        "A name contains a quotation mark, so its end is ambiguous. Use the JSON export instead.",
    )
}

/// Checks the values of the columns.
fn check(columns: &[String]) -> Result<(), Rejection> {
    for (at, name, wanted, is_so) in [
        (
            2,
            "emailVerified",
            "true or false",
            is_flag as fn(&str) -> bool,
        ),
        (3, "passwordHash", "Base64", is_base64),
        (4, "salt", "Base64", is_base64),
        (23, "createdAt", "a time in milliseconds", is_number),
        (24, "lastSignedInAt", "a time in milliseconds", is_number),
        (26, "disabled", "true or false", is_flag),
    ] {
        // Firebase omits unknown values.
        if !columns[at].is_empty() && !is_so(&columns[at]) {
            let detail = format!("Column {}, `{name}`, is not {wanted}.", at + 1);
            return Err(Rejection::malformed(detail));
        }
    }
    let is_odd = |at: &usize| columns[*at].contains('"') && !NAMES.contains(at);
    match (0..CLAIMS).find(is_odd) {
        None => Ok(()),
        Some(at) => Err(Rejection::malformed(format!(
            "Column {} contains a quotation mark, which is not valid there.",
            at + 1
        ))),
    }
}

fn is_flag(text: &str) -> bool {
    ["true", "false"].contains(&text)
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok()
}

fn is_base64(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    text.bytes().all(is_of_it)
}

fn user(columns: &[String]) -> Value {
    let column = |at: usize| columns[at].as_str();
    let providers = [
        (7, "google.com"),
        (11, "facebook.com"),
        (15, "twitter.com"),
        (19, "github.com"),
    ];
    let used = providers.iter().filter(|(at, _)| !column(*at).is_empty());
    let used: Vec<_> = used
        .map(|(_, name)| json!({ "providerId": name }))
        .collect();
    json!({
        "localId": column(0),
        "email": column(1),
        "emailVerified": column(2),
        "passwordHash": column(3),
        "salt": column(4),
        "displayName": column(5),
        "photoUrl": column(6),
        "providerUserInfo": used,
        "createdAt": column(23),
        "phoneNumber": column(25),
        "disabled": column(26),
        "customAttributes": column(CLAIMS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line as firebase-tools writes it.
    fn line(name: &str, photo: &str, claims: &str) -> String {
        let name = match name.contains(',') {
            true => format!("\"{name}\""),
            false => name.to_owned(),
        };
        let empty = ",".repeat(16);
        format!("1,b@c.de,true,aa==,bb==,{name},{photo},{empty}5,6,,true,{claims},\n")
    }

    fn name(line: &str) -> Result<String, String> {
        let user = read(line.as_bytes()).map_err(|rejection| rejection.detail)?;
        assert_eq!(user["disabled"], "true", "{user}");
        Ok(user["displayName"].as_str().unwrap().to_owned())
    }

    #[test]
    fn names_are_read_unchanged() {
        let claims = r#""{""a"":""x\"y, z""}""#;
        for text in [
            "",
            "Ben",
            "Ben, the Second",
            "Ann \"Bee\" Lee",
            "O'Neil, Ann",
            "李",
        ] {
            assert_eq!(name(&line(text, "https://x.y/z", "")).as_deref(), Ok(text));
            let with_claims = line(text, "", claims).replace('\n', "\r\n");
            assert_eq!(name(&with_claims).as_deref(), Ok(text));
        }
    }

    /// Each of these lines can be read as another one, in which the user is not disabled.
    #[test]
    fn an_ambiguous_line_is_rejected() {
        let whole = line("Ben", "", "");
        let shift = format!("{}1,1,,false,\"", ",".repeat(17));
        for text in [
            line("O\"Neil, Ann", "", ""),
            line("A\", B", "", ""),
            line("\"Ann\"", "", ""),
            line("Ben", "https://x.y/a,b", ""),
            line("Ben", "a\"b", ""),
            line("Ben", &shift, "\"{\"\"a\"\":1}\""),
            line("Ben", "", "{}"),
            line("Ben", "", "\"7\""),
            whole.replace(",true,,", ",maybe,,"),
            whole.replace(",5,6,", ",x,6,"),
            whole.replace(",true,aa==", ",1,aa=="),
            whole.replace("aa==", "a a"),
            whole.replace(",\n", "\n"),
            whole[..whole.len() / 2].to_owned(),
            "\n1".to_owned(),
        ] {
            assert!(name(&text).unwrap_err().ends_with('.'), "{text}");
        }
    }
}
