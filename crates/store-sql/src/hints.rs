//! Hints for an operator about errors of a database.

use crate::database_url::DatabaseUrl;
use crate::dialect::error_code;

/// Hint for an operator about an error while connecting or migrating.
pub(crate) fn hint(url: &DatabaseUrl, error: &sqlx::Error) -> Option<String> {
    let DatabaseUrl {
        dialect,
        user,
        database,
        ..
    } = url;
    let text = error.to_string();
    let hint = match error_code(error)?.as_ref() {
        "3D000" | "my1049" => format!("create it with CREATE DATABASE {database}"),
        "28P01" | "28000" | "my1045" | "my1698" => {
            format!("check the password of {user}, and that it may connect from this machine")
        }
        // Reading a table is not creating one.
        "42501" if text.contains("for table ") => {
            format!("grant it with {}", dialect.grant_of_rows(user, database))
        }
        "my1142" if text.contains("SELECT command") => {
            format!("grant it with {}", dialect.grant_of_rows(user, database))
        }
        "42501" | "my1142" | "my1044" => {
            format!("grant it with {}", dialect.grant_of_tables(user, database))
        }
        "26" => "another kind of file has this name; choose another path".to_owned(),
        "11" => "restore it from a backup".to_owned(),
        "53300" | "my1040" | "my1203" => {
            "raise the server's max_connections, or lower `database.max_connections`".to_owned()
        }
        "config" if text.contains("RSA") => "the server accepts this password over TLS only: \
            add ?ssl-mode=VERIFY_IDENTITY, and &ssl-ca=FILE for a private certificate authority"
            .to_owned(),
        "tls" if text.contains("does not support") => {
            "enable TLS on the server, or remove the TLS parameters from the URL".to_owned()
        }
        "tls" => format!(
            "set {} to the file of the certificate authority, and use the host name in the certificate",
            dialect.root_certificate()
        ),
        _ => return None,
    };
    Some(hint)
}
