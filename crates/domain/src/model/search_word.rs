//! The words by which admins find users.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::User;
use crate::store::{BadRow, Kind, Order, Query, Record, Row, RowReader, Table, Write};
use crate::values::{EmailAddress, Name, UserId, Username};

/// Maximum number of words of a name, which bounds the writes of a change.
const WORDS_OF_NAME: usize = 20;
/// Maximum length of a word of a name, in characters.
const LONGEST_WORD: usize = 64;

/// A word of a user: the username, an address, its `@domain`, or a word of the name, in lower case and NFKC. Its key
/// begins with the word, so that a search for the beginning of a word reads a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchWord {
    /// The word.
    pub word: String,
    /// The user.
    pub user_id: UserId,
}

impl SearchWord {
    /// The words of a user.
    pub fn all_of(user: &User) -> BTreeSet<Self> {
        let addresses = [user.email.as_ref(), user.pending_address()];
        let addresses = addresses.into_iter().flatten().map(EmailAddress::key);
        let mut words: BTreeSet<String> = addresses
            .flat_map(|address| [Some(address), address.rfind('@').map(|at| &address[at..])])
            .flatten()
            .chain(user.username.as_ref().map(Username::as_str))
            .map(normal_form)
            .collect();
        let name = user.name.as_ref().map(Name::as_str).unwrap_or_default();
        words.extend(words_of_name(&normal_form(name)));
        let user_id = user.id;
        let words = words.into_iter().map(|word| Self { word, user_id });
        words.collect()
    }

    /// The words of a search text.
    pub fn terms(text: &str) -> Vec<String> {
        let text = normal_form(text);
        text.split_whitespace().map(with_ascii_domain).collect()
    }

    /// The words that begin with `term`, in this order, from the one with the key `from`. That one is included in descending
    /// order, and not in ascending order.
    pub fn beginning_with(term: &str, from: Option<&str>, order: Order) -> Query {
        let last = format!("{term}{}", char::MAX);
        let words = Query::by::<Self>(&[]);
        match order {
            Order::Ascending => {
                let from = from.filter(|from| *from > term).unwrap_or(term);
                words.above(from).at_most(last)
            }
            Order::Descending => {
                let from = from.filter(|from| *from < last.as_str()).unwrap_or(&last);
                words.above(term).at_most(from).descending()
            }
        }
    }

    /// The key: a word has no space.
    pub fn key(&self) -> String {
        format!("{} {}", self.word, self.user_id)
    }

    /// Deletes the word.
    pub fn delete(&self) -> Write {
        Write::delete::<Self>(self.key())
    }
}

/// The words of a name, and then the parts of words that begin behind a sign, such as a hyphen or an apostrophe: `jean-luc`,
/// `o'neill`, `luc`, `neill`.
fn words_of_name(name: &str) -> impl Iterator<Item = String> {
    let is_sign = |c: char| !c.is_alphanumeric();
    let parts = name.split_whitespace().flat_map(move |word| {
        let parts = word.match_indices(is_sign);
        parts.map(|(at, sign)| &word[at + sign.len()..])
    });
    let parts = parts.filter(|part| part.starts_with(char::is_alphanumeric));
    let words = name.split_whitespace().chain(parts);
    let words = words.map(|word| word.chars().take(LONGEST_WORD).collect());
    words.take(WORDS_OF_NAME)
}

/// Lower case and NFKC, with one kind of apostrophe.
fn normal_form(text: &str) -> String {
    let text = text.nfkc().flat_map(char::to_lowercase).nfkc();
    text.map(|c| if c == '\u{2019}' { '\'' } else { c })
        .collect()
}

/// An address is stored with its domain in ASCII: `bücher.example` as `xn--bcher-kva.example`. An incomplete domain stays as
/// it is.
fn with_ascii_domain(term: &str) -> String {
    let domain = term.rsplit_once('@').filter(|_| !term.is_ascii());
    let parsed = domain.and_then(|(local, domain)| {
        let address = EmailAddress::parse(&format!("x@{domain}")).ok()?;
        Some(format!("{local}@{}", address.domain_key()))
    });
    parsed.unwrap_or_else(|| term.to_owned())
}

impl Record for SearchWord {
    const TABLE: &'static Table = &Table {
        owner: Some("user_id"),
        deleted_with_owner: true,
        indexes: &[&["user_id"]],
        columns: &[Kind::Key.column("id"), Kind::Id.column("user_id")],
        ..Table::new("search_words")
    };

    fn to_row(&self) -> Row {
        let columns = [("id", self.key().into()), ("user_id", self.user_id.into())];
        Self::row(columns)
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let word = |key: &str| Some(key.rsplit_once(' ')?.0.to_owned());
        Ok(Self {
            word: row.parsed("id", word)?,
            user_id: UserId::from_bytes(row.array("user_id")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_a_name_is_found_also_behind_a_hyphen_or_an_apostrophe() {
        let words = |name| words_of_name(&normal_form(name)).collect::<Vec<_>>();
        assert_eq!(
            words("Maria José García López de la Vega"),
            ["maria", "josé", "garcía", "lópez", "de", "la", "vega"]
        );
        assert_eq!(
            words("Jean-Luc O’Neill - d' (Annie) Smith,John"),
            [
                "jean-luc",
                "o'neill",
                "-",
                "d'",
                "(annie)",
                "smith,john",
                "luc",
                "neill",
                "annie)",
                "john"
            ]
        );
        assert_eq!(words(&"a ".repeat(100)).len(), WORDS_OF_NAME);
    }

    #[test]
    fn a_domain_in_unicode_is_searched_in_the_form_in_which_it_is_stored() {
        let terms = SearchWord::terms("Ada@BÜCHER.example @bücher.example @büch Ünal");
        let stored = "xn--bcher-kva.example";
        assert_eq!(
            terms,
            [
                &format!("ada@{stored}"),
                &format!("@{stored}"),
                "@büch",
                "ünal"
            ]
        );
    }
}
