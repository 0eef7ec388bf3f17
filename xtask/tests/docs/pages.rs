//! The pages of the repository, and the fenced blocks in them.

use std::path::{Path, PathBuf};

pub use doorward_testkit::process::succeed;
pub use doorward_testkit::repository::{root, tracked};

/// A page of the working tree.
pub struct Page {
    /// Relative to the repository's root.
    pub path: String,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    pub language: String,
    /// The page's line, counted from 1, on which the block starts.
    pub line: usize,
    pub text: String,
    /// Reason not to test it, from the comment above it.
    pub excuse: Option<String>,
}

/// Every page, or the one in `DOORWARD_TEST_PAGE`.
pub fn pages() -> Vec<Page> {
    let mut pages = all_pages();
    let wanted = std::env::var_os("DOORWARD_TEST_PAGE");
    if let Some(wanted) = wanted.and_then(|wanted| wanted.into_string().ok()) {
        pages.retain(|page| page.path == wanted);
        assert!(!pages.is_empty(), "there is no page {wanted}");
    }
    pages
}

/// Every page under git.
pub fn all_pages() -> Vec<Page> {
    let pages: Vec<_> = tracked(&["*.md"])
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).ok()?;
            Some(Page { path, text })
        })
        .collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    pages
}

/// A new folder for this test and process, since another process may test a page at the same time. Deletes folders
/// of processes that have ended.
pub fn scratch(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    for other in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(other.file_name()).exists() {
            // Another process may delete it, too.
            let _ = std::fs::remove_dir_all(other.path());
        }
    }
    let own = std::process::id().to_string();
    let folder = all.join(own).join(name.replace('/', "-"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Page {
    /// Its fenced blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(Block, String, usize)> = None;
        let mut excuse = None;
        for (number, line) in self.text.lines().enumerate() {
            let trimmed = line.trim_start();
            match &mut open {
                Some((block, fence, indent)) => {
                    if trimmed.trim_end() == *fence {
                        blocks.extend(open.take().map(|(block, ..)| block));
                    } else {
                        block.text += line.get(*indent..).unwrap_or(trimmed);
                        block.text.push('\n');
                    }
                }
                None if trimmed.starts_with("```") => {
                    let ticks = trimmed.bytes().take_while(|byte| *byte == b'`').count();
                    let (fence, info) = trimmed.split_at(ticks);
                    let language = info.split_whitespace().next().unwrap_or_default();
                    let block = Block {
                        language: language.to_owned(),
                        line: number + 2,
                        text: String::new(),
                        excuse: excuse.take(),
                    };
                    open = Some((block, fence.to_owned(), line.len() - trimmed.len()));
                }
                None if trimmed.is_empty() => {}
                None => {
                    excuse = excuse_of(trimmed);
                    blocks.extend(given(trimmed, number + 1));
                }
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path);
        blocks
    }

    /// Its blocks in these languages.
    pub fn blocks_in(&self, languages: &[&str]) -> Vec<Block> {
        let mut blocks = self.blocks();
        blocks.retain(|block| languages.contains(&block.language.as_str()));
        blocks
    }

    /// Its text, with empty lines instead of fenced blocks.
    pub fn prose(&self) -> String {
        let mut fence: Option<&str> = None;
        let mut prose = String::new();
        for line in self.text.lines() {
            let trimmed = line.trim();
            match fence {
                Some(mark) if trimmed == mark => fence = None,
                Some(_) => {}
                None if trimmed.starts_with("```") => {
                    fence = Some(&trimmed[..trimmed.bytes().take_while(|b| *b == b'`').count()]);
                }
                None => prose += line,
            }
            prose.push('\n');
        }
        prose
    }
}

/// A hidden step that the reader has done before: it is run.
fn given(line: &str, number: usize) -> Option<Block> {
    let comment = line.trim().strip_prefix("<!-- given:")?;
    let command = comment.strip_suffix("-->").unwrap();
    Some(Block {
        language: "sh".to_owned(),
        line: number,
        text: format!("{}\n", command.trim()),
        excuse: None,
    })
}

/// The reason in a comment above a block that is not run.
fn excuse_of(line: &str) -> Option<String> {
    let comment = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    let comment = comment.trim();
    let excuse = comment
        .strip_prefix("not run:")
        .or_else(|| comment.strip_prefix("not checked:"))?;
    assert!(!excuse.trim().is_empty(), "an excuse without a reason");
    Some(excuse.trim().to_owned())
}
