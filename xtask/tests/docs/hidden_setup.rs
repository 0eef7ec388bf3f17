//! Hidden commands (`<!-- given: … -->`) replace a description in words. A name that such a command sets and the
//! reader types must be in the words as well, otherwise the reader does not have it.

use crate::pages::{Page, pages};

#[test]
fn every_used_variable_is_visible_on_the_page() {
    let faults: Vec<_> = pages().iter().flat_map(unseen).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Names that are set in hidden commands, used in visible ones, and not in backticks in the text.
fn unseen(page: &Page) -> Vec<String> {
    let lines: Vec<_> = page.text.lines().collect();
    let is_given = |line: usize| lines[line - 1].trim().starts_with("<!-- given:");
    let (given, shown): (Vec<_>, Vec<_>) = page
        .blocks_in(&["sh"])
        .into_iter()
        .partition(|block| is_given(block.line));
    let shown: String = shown.into_iter().map(|block| block.text).collect();
    let prose = page.prose();
    let is_mentioned = |name: &str| {
        let mut lines = prose.lines().filter(|line| !line.starts_with("<!--"));
        lines.any(|line| line.contains(&format!("`{name}`")))
    };
    let mut faults = Vec::new();
    for block in given {
        for name in names_set(&block.text) {
            if words(&shown).any(|word| word == name) && !is_mentioned(name) {
                let path = &page.path;
                let line = block.line;
                faults.push(format!(
                    "{path}:{line}: readers use {name} and never set it"
                ));
            }
        }
    }
    faults
}

/// Variables and functions.
fn names_set(script: &str) -> impl Iterator<Item = &str> {
    script.split([' ', ';', '\n']).filter_map(|word| {
        let name = word
            .strip_suffix("()")
            .or_else(|| Some(word.split_once('=')?.0))?;
        let is_name = words(name).eq([name]);
        is_name.then_some(name)
    })
}

fn words(script: &str) -> impl Iterator<Item = &str> {
    script
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

#[test]
fn a_variable_set_only_in_a_comment_is_detected() {
    let page = |text: &str| Page {
        path: "a.md".to_owned(),
        text: text.to_owned(),
    };
    let used = "```sh\necho \"$COOKIE\" | field a\n```\n";
    for unsaid in ["COOKIE=$(true)", "field() { cat; }", "export A=1 COOKIE=2"] {
        let text = format!("<!-- given: {unsaid} -->\n{used}");
        assert_eq!(unseen(&page(&text)).len(), 1, "{unsaid}");
    }
    let is_mentioned = format!("With `COOKIE` set:\n\n<!-- given: COOKIE=1 -->\n{used}");
    assert!(unseen(&page(&is_mentioned)).is_empty());
    let other = format!("<!-- given: PORT=5001 python3 service.py & -->\n{used}");
    assert!(unseen(&page(&other)).is_empty());
}
