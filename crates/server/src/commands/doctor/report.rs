//! How findings are shown: a mark, the part, what was found, and below it what to do.

use doorward_domain::checkup::{Finding, Verdict};
use serde_json::json;

use super::super::Output;

/// As wide as a terminal is at least.
const WIDTH: usize = 80;
/// Where the sentences begin.
const INDENT: usize = 25;

pub(super) fn print(findings: &[Finding], output: Output) -> anyhow::Result<()> {
    let count = |verdict| {
        let is_such = |finding: &&Finding| finding.verdict == verdict;
        findings.iter().filter(is_such).count()
    };
    let (fine, warnings, faults) = (
        count(Verdict::Fine),
        count(Verdict::Warning),
        count(Verdict::Fault),
    );
    let mut lines: Vec<String> = findings.iter().map(paragraph).collect();
    let summary = format!(
        "{fine} fine, {}, {}",
        several(warnings, "warning"),
        several(faults, "fault")
    );
    lines.push(format!("\n{summary}."));
    let values: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "part": finding.part,
                "verdict": word(finding.verdict),
                "found": finding.found,
                "mend": finding.mend,
            })
        })
        .collect();
    let value = json!({"ok": faults == 0, "fine": fine, "warnings": warnings, "faults": faults, "findings": values});
    output.print(&lines.join("\n"), &value)
}

fn several(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "fine",
        Verdict::Warning => "warning",
        Verdict::Fault => "fault",
    }
}

fn paragraph(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Fine => '✓',
        Verdict::Warning => '!',
        Verdict::Fault => '✗',
    };
    let label = format!("{mark} {}", finding.part);
    let mut lines = wrapped(&finding.found);
    if let Some(mend) = &finding.mend {
        let mut more = wrapped(&format!("→ {mend}"));
        lines.append(&mut more);
    }
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let head = if number == 0 { label.as_str() } else { "" };
            format!("{head:<INDENT$}{line}")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Broken between words; a word that is longer than the line stays whole, so that it can be copied.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            word.clone_into(line);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH - INDENT {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_fits_a_terminal() {
        let finding = Finding::fault("mail: templates", "word ".repeat(40), "do ".repeat(40));
        let text = paragraph(&finding);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.starts_with("✗ mail: templates        word"));
        assert!(
            text.contains("\n                         → do do"),
            "{text}"
        );
        assert_eq!(wrapped(&"x".repeat(200)).len(), 1);
    }
}
