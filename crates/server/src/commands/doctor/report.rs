//! Prints findings: a mark, the check, the message, and below it the hint.

use doorward_domain::checkup::{Finding, Verdict};
use serde_json::json;

use super::super::Output;
use crate::cli::WIDTH;
use crate::columns;

/// Column in which messages begin.
const INDENT: usize = 25;

pub(super) fn print(findings: &[Finding], output: Output) -> anyhow::Result<()> {
    let count = |verdict| {
        let with_verdict = findings.iter().filter(|finding| finding.verdict == verdict);
        with_verdict.count()
    };
    let (passed, warnings, failed) = (
        count(Verdict::Fine),
        count(Verdict::Warning),
        count(Verdict::Fault),
    );
    let plural = if warnings == 1 { "" } else { "s" };
    let summary = format!("\n{passed} passed, {warnings} warning{plural}, {failed} failed.");
    let lines = findings.iter().map(paragraph).chain([summary]);
    let values: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.part,
                "status": status(finding.verdict),
                "message": finding.found,
                "hint": finding.mend,
            })
        })
        .collect();
    let value = json!({"ok": failed == 0, "passed": passed, "warnings": warnings, "failed": failed, "findings": values});
    output.print(&lines.collect::<Vec<_>>().join("\n"), &value)
}

fn status(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fine => "passed",
        Verdict::Warning => "warning",
        Verdict::Fault => "failed",
    }
}

fn paragraph(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Fine => '✓',
        Verdict::Warning => '!',
        Verdict::Fault => '✗',
    };
    let (head, indent) = (format!("{mark} {}", finding.part), " ".repeat(INDENT));
    // A word that is longer than the line stays whole, so that it can be copied.
    let options = columns::options(WIDTH)
        .break_words(false)
        .subsequent_indent(&indent);
    let head = format!("{head:<INDENT$}");
    let message = textwrap::fill(&finding.found, options.clone().initial_indent(&head));
    match &finding.mend {
        Some(hint) => {
            let hint = textwrap::fill(&format!("→ {hint}"), options.initial_indent(&indent));
            format!("{message}\n{hint}")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn a_finding_fits_a_terminal() {
        let finding = Finding::fault("mail: templates", "word ".repeat(40), "do ".repeat(40));
        let text = paragraph(&finding);
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.starts_with("✗ mail: templates        word"));
        assert!(
            text.contains("\n                         → do do"),
            "{text}"
        );
        let finding = Finding::fine("path", "x".repeat(200));
        assert_eq!(paragraph(&finding).lines().count(), 1);
    }
}
