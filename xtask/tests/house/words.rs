//! Words that the code and the texts no longer use: private metaphors and old-fashioned words, for which there is a
//! standard term or a plain word.
//!
//! Only words that a search finds without false alarms are listed. A name with underscores is one word, except the
//! name of a function: each of its words counts. Of the code in folders of tests, only comments and names of functions
//! are searched, since names of sample users and the texts in a test are free.

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
    (&["way back", "the way there"], "return URL; connection"),
    (&["on its way", "on their way"], "in flight; queued"),
    (
        &["story", "stories", "flows"],
        "service; method; a sequence of calls",
    ),
    (&["duty", "duties"], "task"),
    (&["figures"], "metrics; numbers"),
    (&["audit line", "audit lines"], "audit event"),
    (&["mend", "mends", "mended", "mending"], "fix; hint"),
    (&["whoever", "whomever"], "the client; the user; anyone who"),
    (
        &["nobody", "somebody", "another's"],
        "no one; no client; a user; someone",
    ),
    (&["everybody", "anybody"], "all users; any client; anyone"),
    (&["whatever", "whichever"], "regardless of; any"),
    (
        &["told", "tells of"],
        "receives; is notified; is configured with",
    ),
    (&["speaks", "hears"], "uses; supports; receives"),
    (&["stands in"], "is in; replaces"),
    (&["goes by"], "uses; follows; depends on"),
    (
        &["is had", "are had", "has had its"],
        "obtained; available; has used up",
    ),
    (&["let go", "lets go"], "prune; release; delete"),
    (
        &["of ours", "of theirs", "on its own account"],
        "Doorward's; a separate X",
    ),
    (&["by chance"], "random"),
    (&["user name", "user names"], "username"),
    (&["once more", "anew"], "again"),
    (&["so many", "so long"], "the name of the number"),
    (&["for good"], "permanently; irreversibly"),
    (&["all else", "and else"], "everything else; other X"),
    (
        &["from now on", "from then on", "meanwhile"],
        "after that; concurrently",
    ),
    (&["upon", "lest"], "on; so that … not"),
    (
        &["seldom", "merely", "likewise", "lately"],
        "rarely; only; also; recently",
    ),
    (&["look after", "looks after"], "manage; maintain"),
    (
        &["take in", "takes in", "take along", "takes along"],
        "import; accept; export",
    ),
    (
        &["take back", "takes back", "taken back"],
        "undo; revert; return",
    ),
    (
        &["give back", "gives back", "given back", "given up"],
        "release; return; failed permanently",
    ),
    (&["put off", "puts off"], "delayed; throttled"),
    (
        &["turn away", "turns away", "turned away", "shut out"],
        "reject; lock out",
    ),
    (&["let in", "lets in"], "accept; allow"),
    (&["hang up", "hangs up"], "disconnect; close the connection"),
    (
        &["is away", "are away", "are gone"],
        "unavailable; down; deleted; missing",
    ),
    (&["any more"], "say what is true now"),
    (
        &["takes the place of", "take the place of"],
        "replaces; instead of",
    ),
    (&["without a word"], "silently"),
    (&["as it stands", "as they stand"], "unchanged; verbatim"),
    (&["guessing stopped", "laid to rest"], "locked out; idle"),
    (&["look elsewhere"], "fail over"),
];

/// Files with a retired word that has another meaning there.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The product's name with a line break.
    ("crates/mail/src/templates/tests.rs", "door"),
    // The name of a database.
    ("crates/store-sql/src/database_url.rs", "door"),
    // An option and its value.
    ("crates/mail/tests/sink.py", "user name"),
    // A sample user.
    (
        "crates/server/tests/it/e2e/import/fixtures/make.py",
        "nobody",
    ),
    // A requirement, quoted.
    ("docs/SECURITY-MODEL.md", "told"),
];

#[test]
fn no_retired_word_returns() {
    let files = tracked(&[
        "crates/*/src/*",
        "crates/*/templates/*",
        "crates/*/tests/*",
        "crates/*/benches/*",
        "crates/messages/*",
        "xtask/src/*",
        "xtask/tests/*",
        "docs/*",
        "*.md",
        "*.toml",
        ".ci/*",
        ".dockerignore",
        ".github/*",
    ]);
    assert!(files.len() > 600, "{files:?}");
    let (mut found, mut excepted) = (Vec::new(), Vec::new());
    for file in files {
        // This list, a list of passwords, and files that are not text.
        let text = std::fs::read_to_string(root().join(&file));
        let is_list = file.ends_with("house/words.rs") || file.ends_with("-passwords.txt");
        let Some(text) = text.ok().filter(|_| !is_list) else {
            continue;
        };
        for (at, line) in text.lines().enumerate() {
            for (word, instead) in retired(&searched(&file, line)) {
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

/// The part of a line that is searched, with the words of a function's name apart.
fn searched(file: &str, line: &str) -> String {
    if !file.ends_with(".rs") {
        return line.to_owned();
    }
    let name = line.split_once("fn ").map_or("", |(_, rest)| rest);
    let name = name.split(['(', '<']).next().unwrap_or_default();
    let is_test = file.contains("/tests/") || file.contains("/benches/");
    let prose = match line.trim_start().starts_with("//") {
        _ if !is_test => line,
        true => line,
        false => line.split_once(" // ").map_or("", |(_, comment)| comment),
    };
    format!("{prose} {}", name.replace('_', " "))
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
