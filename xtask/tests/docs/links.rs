//! Links between the pages: their files and headings exist, and the README leads to every page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::pages::{Page, all_pages, root, scratch, succeed};

/// The anchors that GitHub generates for a page's headings, and explicit ones.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for line in page.prose().lines() {
        let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
        if (1..=6).contains(&hashes) && line[hashes..].starts_with(' ') {
            let slug = slug(line[hashes..].trim());
            let times = seen.entry(slug.clone()).or_default();
            anchors.insert(match *times {
                0 => slug,
                more => format!("{slug}-{more}"),
            });
            *times += 1;
        }
        for own in line.split("<a id=\"").skip(1) {
            anchors.extend(own.split('"').next().map(str::to_owned));
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    // For a link, GitHub uses the text.
    let mut text = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text += before;
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text += rest;
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// A page's link targets, except in code.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose();
    // Every second part between backticks is code; a link's text may contain some, its target none.
    let text: String = prose
        .split('\n')
        .map(|line| {
            let pieces: Vec<_> = line.split('`').step_by(2).collect();
            pieces.join("") + "\n"
        })
        .collect();
    let found = text.split("](").skip(1);
    found
        .filter_map(|rest| rest.split(')').next())
        .map(|target| target.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

/// The file of a link, relative to the root of all pages; for a folder, its README.
fn resolve(root: &Path, page: &Page, file: &str) -> PathBuf {
    let mut path = PathBuf::new();
    let folder = Path::new(&page.path).parent().unwrap();
    for part in folder.join(file).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {file} leads outside", page.path),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    let index = path.join("README.md");
    if root.join(&index).is_file() {
        index
    } else {
        path
    }
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// Number of links between pages, and the broken ones.
fn follow(root: &Path, pages: &[Page]) -> (usize, Vec<String>) {
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> = pages
        .iter()
        .map(|page| (PathBuf::from(&page.path), anchors(page)))
        .collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages {
        for target in targets(page).iter().filter(|target| !is_elsewhere(target)) {
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => PathBuf::from(&page.path),
                _ => resolve(root, page, file),
            };
            let has_anchor = || anchors.get(&path).is_some_and(|own| own.contains(anchor));
            if !anchors.contains_key(&path) && !root.join(&path).exists() {
                wrong.push(format!("{}: {target} does not exist", page.path));
            } else if !anchor.is_empty() && !has_anchor() {
                wrong.push(format!("{}: {target}: unknown heading", page.path));
            }
        }
    }
    (count, wrong)
}

#[test]
fn links_lead_to_existing_files_and_headings() {
    let (count, wrong) = follow(root(), &all_pages());
    assert!(count > 50, "{count} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The package's pages are read where it was unpacked.
#[test]
fn links_in_the_package_lead_to_files_in_it() {
    let folder = scratch("package");
    // The program itself does not matter here.
    let program = folder.join("doorward");
    std::fs::write(&program, "#!/bin/sh\necho doorward 0.0.0\n").unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut pack = Command::new(env!("CARGO_BIN_EXE_xtask"));
    pack.arg("package").arg(&program);
    pack.env("CARGO_TARGET_DIR", &folder);
    let output = String::from_utf8(succeed(&mut pack).stdout).unwrap();
    let archive = output.lines().last().unwrap();
    let tree = archive.strip_suffix(".tar.gz").unwrap();
    let documents = Path::new(tree).join("share/doc/doorward");
    let pages = pages_under(&documents);
    let (count, wrong) = follow(&documents, &pages);
    assert!(count > 50, "{count} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn pages_under(root: &Path) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                let own = path.strip_prefix(root).unwrap();
                pages.push(Page {
                    path: own.to_str().unwrap().to_owned(),
                    text: std::fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    pages
}

#[test]
fn a_broken_link_is_detected() {
    let page = |path: &str, text: &str| Page {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let pages = [
        page(
            "docs/a.md",
            "# A\n[x](b.md#two) [y](#a) [z](../README.md) [e](https://example.com/no)",
        ),
        page(
            "docs/b.md",
            "## Two\n[x](a.md#b) [y](c.md) [z](../docs/a.md#a) ```[no](no.md)```",
        ),
    ];
    let (count, wrong) = follow(root(), &pages);
    assert_eq!(count, 6);
    let expected = [
        "docs/b.md: a.md#b: unknown heading",
        "docs/b.md: c.md does not exist",
    ];
    assert_eq!(wrong, expected);
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let pages = all_pages();
    let by_path: BTreeMap<PathBuf, &Page> = pages
        .iter()
        .map(|page| (PathBuf::from(&page.path), page))
        .collect();
    let mut reached = BTreeSet::new();
    let mut waiting = vec![PathBuf::from("README.md")];
    while let Some(path) = waiting.pop() {
        let Some(page) = by_path.get(&path) else {
            continue;
        };
        if reached.insert(path) {
            let targets = targets(page);
            let files = targets.iter().filter(|target| !is_elsewhere(target));
            waiting.extend(files.filter_map(|target| {
                let file = target.split('#').next().filter(|file| !file.is_empty())?;
                Some(resolve(root(), page, file))
            }));
        }
    }
    let orphans: Vec<_> = by_path
        .keys()
        .filter(|path| !reached.contains(*path))
        .collect();
    assert!(orphans.is_empty(), "no link to these: {orphans:?}");
}
