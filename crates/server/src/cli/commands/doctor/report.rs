//! Prints diagnostics: a mark, the check, the message, and below it the hint.

use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::style::{self, Stream};
use crate::cli::text_wrap;
use crate::cli::text_wrap::WIDTH;

/// Column in which messages begin.
const INDENT: usize = 25;

pub(super) fn print(diagnostics: &[Diagnostic], output: Output) -> anyhow::Result<()> {
    let count = |status| {
        let with_status = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.status == status);
        with_status.count()
    };
    let (passed, warnings, failed) = (
        count(CheckStatus::Passed),
        count(CheckStatus::Warning),
        count(CheckStatus::Failed),
    );
    let plural = if warnings == 1 { "" } else { "s" };
    let summary = format!("\n{passed} passed, {warnings} warning{plural}, {failed} failed.");
    let lines = diagnostics.iter().map(paragraph).chain([summary]);
    let values: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            json!({
                "check": diagnostic.check,
                "status": status(diagnostic.status),
                "message": diagnostic.message,
                "hint": diagnostic.hint,
            })
        })
        .collect();
    let value = json!({"ok": failed == 0, "passed": passed, "warnings": warnings, "failed": failed, "findings": values});
    output.print(&lines.collect::<Vec<_>>().join("\n"), &value)
}

fn status(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::Warning => "warning",
        CheckStatus::Failed => "failed",
    }
}

fn paragraph(diagnostic: &Diagnostic) -> String {
    let (mark, coloured) = match diagnostic.status {
        CheckStatus::Passed => ("✓", style::good("✓")),
        CheckStatus::Warning => ("!", style::warning("!")),
        CheckStatus::Failed => ("✗", style::failure("✗", Stream::Output)),
    };
    let (head, indent) = (format!("{mark} {}", diagnostic.check), " ".repeat(INDENT));
    // A word that is longer than the line stays whole, so that it can be copied.
    let options = text_wrap::options(WIDTH)
        .break_words(false)
        .subsequent_indent(&indent);
    let head = format!("{head:<INDENT$}");
    let message = textwrap::fill(&diagnostic.message, options.clone().initial_indent(&head));
    // Coloured last, since the width counts without colours.
    let message = message.replacen(mark, &coloured, 1);
    match &diagnostic.hint {
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
        let diagnostic =
            Diagnostic::failed("mail: templates", "word ".repeat(40), "do ".repeat(40));
        let text = paragraph(&diagnostic);
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.starts_with("✗ mail: templates        word"));
        assert!(
            text.contains("\n                         → do do"),
            "{text}"
        );
        let diagnostic = Diagnostic::passed("path", "x".repeat(200));
        assert_eq!(paragraph(&diagnostic).lines().count(), 1);
    }
}
