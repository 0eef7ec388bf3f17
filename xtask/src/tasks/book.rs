//! `cargo xtask book`: the documentation as a site with a sidebar and a search, made by mdBook.
//!
//! The pages are those of the package (`package.rs`), so their links work without a change. mdBook needs a list of
//! chapters, `SUMMARY.md`. It is made from `docs/README.md`, the index for readers of the repository, so no page is listed
//! twice: each heading is a part, and each linked page a chapter. The pages that a folder's `README.md` links are below
//! it. The title of a chapter is the heading of its page. `xtask/book` has the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run::{root, run, target};
use crate::tasks::package::{copy_documents, documents};
use crate::tools;

/// The page with the list of all pages.
const INDEX: &str = "docs/README.md";
/// Files outside the package's folders that pages show.
const IMAGES: &[&str] = &["crates/web/templates/icon.svg"];

/// Files of `xtask/book`.
const CONFIGURATION: &[&str] = &["book.toml", "diagrams.js", "site.css"];

/// Builds the site in `target/book/site` and follows its links.
pub(crate) fn book() -> anyhow::Result<()> {
    let folder = target().join("book");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let pages = folder.join("pages");
    copy_documents(&pages)?;
    for image in IMAGES {
        let to = pages.join(image);
        std::fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        std::fs::copy(root().join(image), to)?;
    }
    std::fs::write(pages.join("SUMMARY.md"), summary(&read_pages()?)?)?;
    for file in CONFIGURATION {
        std::fs::copy(root().join("xtask/book").join(file), folder.join(file))?;
    }
    let mermaid = target().join("tools/npm/node_modules/mermaid/dist/mermaid.min.js");
    std::fs::copy(mermaid, folder.join("mermaid.min.js"))
        .context("no Mermaid: run `cargo xtask tools`")?;
    run(Command::new(tools::program("mdbook"))
        .arg("build")
        .arg(&folder))?;
    let site = folder.join("site");
    let broken = broken_links(&site)?;
    if !broken.is_empty() {
        bail!("broken links of the site:\n{}", broken.join("\n"));
    }
    println!("{}", site.join("index.html").display());
    Ok(())
}

/// The text of each page of the package, by its path in the repository.
fn read_pages() -> anyhow::Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for path in documents()? {
        if path.ends_with(".md") {
            let text = std::fs::read_to_string(root().join(&path))
                .with_context(|| format!("cannot read {path}"))?;
            pages.insert(path, text);
        }
    }
    Ok(pages)
}

/// The list of chapters. Fails if a page is not in it.
fn summary(pages: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut text = String::from("# Summary\n\n");
    let mut listed = BTreeSet::new();
    for path in ["README.md", INDEX] {
        let _ = writeln!(text, "[{}]({path})", title(pages, path)?);
        listed.insert(path.to_owned());
    }
    let index = pages.get(INDEX).context("there is no index")?;
    let mut part = None;
    for line in index.lines() {
        part = line.strip_prefix("## ").or(part);
        for path in linked(INDEX, line) {
            if !pages.contains_key(&path) || !listed.insert(path.clone()) {
                continue;
            }
            if let Some(part) = part.take() {
                let _ = writeln!(text, "\n# {part}\n");
            }
            let _ = writeln!(text, "- [{}]({path})", title(pages, &path)?);
            for child in children(pages, &path) {
                // The index itself may list some of them.
                if !linked_by_the_index(index, &child) && listed.insert(child.clone()) {
                    let _ = writeln!(text, "  - [{}]({child})", title(pages, &child)?);
                }
            }
        }
    }
    let missing: Vec<_> = pages
        .keys()
        .filter(|path| !listed.contains(*path))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        bail!(
            "{INDEX} does not link {}: add a line there",
            missing.join(", ")
        );
    }
    Ok(text)
}

fn linked_by_the_index(index: &str, path: &str) -> bool {
    linked(INDEX, index).iter().any(|linked| linked == path)
}

/// The pages of the same folder that its `README.md` links.
fn children(pages: &BTreeMap<String, String>, path: &str) -> Vec<String> {
    let Some(folder) = path.strip_suffix("README.md") else {
        return Vec::new();
    };
    let mut children = linked(path, &pages[path]);
    children.retain(|child| child.starts_with(folder) && pages.contains_key(child));
    children
}

/// The first heading of a page, without markup.
fn title(pages: &BTreeMap<String, String>, path: &str) -> anyhow::Result<String> {
    let heading = pages
        .get(path)
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("# ")))
        .with_context(|| format!("{path} has no heading"))?;
    // The logo of the README.
    let heading = heading.rsplit('>').next().unwrap_or(heading);
    Ok(heading.trim().to_owned())
}

/// Files that a text of this page links, as paths of the repository.
fn linked(page: &str, text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split([')', '#']).next());
    targets
        .filter(|target| !target.is_empty() && !target.contains(':'))
        .map(|target| joined(page, target))
        .collect()
}

/// The path of a link on this page.
fn joined(page: &str, target: &str) -> String {
    let mut path = PathBuf::from(page);
    path.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

/// The links of the built site to files or headings that it does not have.
fn broken_links(site: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(site.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "html") {
                let text = std::fs::read_to_string(site.join(&path))?;
                texts.insert(path.to_string_lossy().into_owned(), text);
            }
        }
    }
    if texts.len() < 50 {
        bail!("the site has {} pages only", texts.len());
    }
    let ids: BTreeMap<_, BTreeSet<_>> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), values(text, "id").collect()))
        .collect();
    let mut broken = Vec::new();
    // One page has the text of all others, and one is for any unknown address.
    let own = texts
        .iter()
        .filter(|(path, _)| !["print.html", "404.html"].contains(&path.as_str()));
    for (path, text) in own {
        for link in values(text, "href").chain(values(text, "src")) {
            // Elsewhere, or in an example of HTML.
            if link.contains(':') || link.starts_with('/') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = file.split('?').next().unwrap_or_default();
            let mut to = if file.is_empty() {
                path.clone()
            } else {
                joined(path, file)
            };
            if site.join(&to).is_dir() {
                to = joined(&format!("{to}/x"), "index.html");
            }
            let has_heading = ids.get(to.as_str()).is_none_or(|ids| ids.contains(anchor));
            if !site.join(&to).is_file() || (!anchor.is_empty() && !has_heading) {
                broken.push(format!("{path}: {link}"));
            }
        }
    }
    Ok(broken)
}

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {attribute}=\"");
    let places: Vec<_> = html.match_indices(&start).map(|(at, _)| at).collect();
    places
        .into_iter()
        .filter_map(move |at| html[at + start.len()..].split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_summary_of_the_site() {
        let pages = read_pages().unwrap();
        let text = summary(&pages).unwrap();
        let chapters = linked("SUMMARY.md", &text);
        assert_eq!(chapters.len(), pages.len());
        assert!(chapters.iter().all(|path| pages.contains_key(path)));
        assert!(text.contains("\n# Start\n\n- [Quick start](docs/QUICK-START.md)\n"));
        assert!(text.contains("\n  - [Services](docs/integrate/services.md)\n"));
    }

    #[test]
    fn a_page_that_the_index_does_not_link_is_reported() {
        let page = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let mut pages = BTreeMap::from([
            page("README.md", "# <img alt=\"\"> Doorward"),
            page(
                INDEX,
                "# Documentation\n\n## One\n\n[a](a.md#x) [i](i/README.md) [e](https://x.org/c.md)\n## Two\n[a](a.md)",
            ),
            page("docs/a.md", "# A page"),
            page("docs/i/README.md", "# Folder\n[b](b.md) [a](../a.md)"),
            page("docs/i/b.md", "# B"),
        ]);
        assert_eq!(
            summary(&pages).unwrap(),
            "# Summary\n\n[Doorward](README.md)\n[Documentation](docs/README.md)\n\n# One\n\n\
             - [A page](docs/a.md)\n- [Folder](docs/i/README.md)\n  - [B](docs/i/b.md)\n"
        );
        pages.extend([page("docs/i/c.md", "# C")]);
        let reported = summary(&pages).unwrap_err().to_string();
        assert!(
            reported.contains("does not link docs/i/c.md:"),
            "{reported}"
        );
    }

    /// The folders of the configuration are those that are filled here, and its scripts exist.
    #[test]
    fn the_configuration_of_the_site_names_the_files_of_this_task() {
        let text = std::fs::read_to_string(root().join("xtask/book/book.toml")).unwrap();
        for line in [
            "src = \"pages\"",
            "build-dir = \"site\"",
            "create-missing = false",
            "use-default-preprocessors = false",
            "additional-css = [\"site.css\"]",
            "additional-js = [\"mermaid.min.js\", \"diagrams.js\"]",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}");
        }
        for file in CONFIGURATION {
            assert!(root().join("xtask/book").join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn a_link_to_a_missing_heading_of_the_site_is_reported() {
        let site = tempfile::tempdir().unwrap();
        for number in 0..50 {
            std::fs::write(site.path().join(format!("{number}.html")), "<h1 id=\"a\">").unwrap();
        }
        let links = "<a href=\"1.html#a\"><a href=\"2.html#b\"><a href=\"x.html\"><a href=\"https://x.org\">";
        std::fs::write(site.path().join("0.html"), links).unwrap();
        let broken = broken_links(site.path()).unwrap();
        assert_eq!(broken, ["0.html: 2.html#b", "0.html: x.html"]);
    }
}
