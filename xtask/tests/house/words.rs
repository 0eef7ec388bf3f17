//! Words that the code and the texts no longer use: private metaphors and old-fashioned words, for which there is a
//! standard term or a plain word.
//!
//! Only words that a search finds without false alarms are listed. A name with underscores is one word.

use doorward_testkit::repository::{root, tracked};

/// Each word, in lower case, and its replacement.
const RETIRED: &[(&[&str], &str)] = &[
    (&["door", "doors"], "throttle scope; listener; at sign-in"),
    (&["happening", "happenings"], "metric event"),
    (&["acquaintance", "acquaintances"], "known device"),
    (&["stranger", "strangers"], "unknown client; attacker"),
    (&["seat", "seats"], "slot; connection entry"),
    (&["ladder", "ladders"], "backoff schedule"),
    (&["gatekeeper"], "guard"),
    (&["witness", "unsettled"], "commit check; outcome unknown"),
    (&["disown", "disowns", "disowned"], "cancel"),
    (&["way back"], "return URL"),
    (&["story", "stories"], "flow"),
    (&["duty", "duties"], "task"),
    (&["figures"], "metrics; numbers"),
    (&["mend", "mends", "mended", "mending"], "fix; hint"),
    (&["whoever", "whomever"], "the client; the user; anyone who"),
    (
        &["nobody", "somebody"],
        "no one; no client; a user; someone",
    ),
    (&["everybody", "anybody"], "all users; any client; anyone"),
    (&["whatever", "whichever"], "regardless of; any"),
    (&["is told", "are told"], "receives; is notified"),
    (&["lets go"], "prune; release; delete"),
    (&["of ours", "of theirs"], "Doorward's"),
    (&["user name", "user names"], "username"),
    (&["once more", "anew"], "again"),
    (&["from now on", "meanwhile"], "after that; concurrently"),
    (&["upon", "lest"], "on; so that … not"),
    (&["seldom", "merely", "likewise"], "rarely; only; also"),
];

/// Files with a retired word that has another meaning there.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The product's name with a line break.
    ("crates/mail/src/templates/tests.rs", "door"),
    // The name of a database.
    ("crates/store-sql/src/database_url.rs", "door"),
];

#[test]
fn no_retired_word_returns() {
    let files = tracked(&[
        "crates/*/src/*",
        "crates/*/templates/*",
        "crates/messages/*",
        "xtask/src/*",
        "docs/*",
        "README.md",
    ]);
    assert!(files.len() > 400, "{files:?}");
    let (mut found, mut excepted) = (Vec::new(), Vec::new());
    for file in files {
        // A list of passwords, and files that are not text.
        let text = std::fs::read_to_string(root().join(&file));
        let Some(text) = text.ok().filter(|_| !file.ends_with("-passwords.txt")) else {
            continue;
        };
        for (at, line) in text.lines().enumerate() {
            for (word, instead) in retired(line) {
                match EXCEPTIONS.iter().find(|known| **known == (&file, word)) {
                    Some(known) => excepted.push(known),
                    None => found.push(format!("{file}:{}: {word}: {instead}", at + 1)),
                }
            }
        }
    }
    assert!(found.is_empty(), "write instead:\n{}", found.join("\n"));
    let unused = EXCEPTIONS.iter().find(|known| !excepted.contains(known));
    assert_eq!(unused, None, "an exception that is not needed");
}

/// The retired words in a line, with their replacements.
fn retired(line: &str) -> Vec<(&'static str, &'static str)> {
    let line = line.to_lowercase();
    let is_whole = |at: usize, word: &str| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    };
    let has = |word: &str| line.match_indices(word).any(|(at, _)| is_whole(at, word));
    let rows = RETIRED.iter();
    let words = rows.flat_map(|(words, instead)| words.iter().map(|word| (*word, *instead)));
    words.filter(|(word, _)| has(word)).collect()
}

#[test]
fn a_whole_word_is_found_in_any_case() {
    let found =
        |line: &str| -> Vec<_> { retired(line).into_iter().map(|(word, _)| word).collect() };
    assert_eq!(
        found("Nobody, at the door: seats."),
        ["door", "seats", "nobody"]
    );
    assert_eq!(found("Doorward's indoor_door, story_of, seating"), [""; 0]);
}
