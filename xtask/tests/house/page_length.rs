//! Pages are short: each has one reader and one task.

use doorward_testkit::repository::{root, tracked};

/// Maximum number of words of a page.
const WORDS: usize = 1_500;
/// Pages with another maximum, or none, and the reason.
const OTHERS: &[(&str, usize, &str)] = &[
    ("README.md", 1_000, "it is read first"),
    ("CHANGELOG.md", usize::MAX, "it grows with each release"),
    ("docs/API.md", usize::MAX, "generated"),
    ("docs/COMMAND-LINE.md", usize::MAX, "generated"),
    ("docs/CONFIGURATION.md", usize::MAX, "generated"),
    ("docs/SECURITY-MODEL.md", usize::MAX, "generated"),
];

#[test]
fn no_page_is_too_long() {
    let pages = tracked(&["*.md"]);
    assert!(pages.len() > 50, "{pages:?}");
    let mut faults = Vec::new();
    for page in &pages {
        let text = std::fs::read_to_string(root().join(page)).unwrap_or_default();
        let words = text.split_whitespace().count();
        let other = OTHERS.iter().find(|(path, ..)| path == page);
        let most = other.map_or(WORDS, |(_, most, _)| *most);
        if words > most {
            faults.push(format!(
                "{page} has {words} words, more than {most}: remove what another page says, or split it by reader and task"
            ));
        }
        if most > WORDS && words <= WORDS {
            faults.push(format!(
                "{page} has {words} words and needs no exception from {WORDS}"
            ));
        }
    }
    for (page, ..) in OTHERS {
        if !pages.iter().any(|own| own == page) {
            faults.push(format!("there is no page {page}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
