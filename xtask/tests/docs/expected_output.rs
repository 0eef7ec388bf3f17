//! Expectations in the remarks of a page, and their checks.
//!
//! A remark after a command is an expectation if it starts with a status, or is JSON:
//!
//! - `# 401`, `# 2xx`: the response has this status.
//! - `# 403: cross-site-request`: its problem also has this code. Other words after the colon are for readers.
//! - `# {"id": "…", "status": "pending"}`: the output of the line has these values; `…` matches anything, and
//!   other fields are allowed. `# 201: {…}` expects both.
//! - `<!-- the answer -->` above a `json` block: it is the response to the last request before it. Values that
//!   differ between runs (`VARYING`) need only have the same type.
//!
//! A remark that looks like an expectation and is not one is an error: it would not be checked. Each line with a
//! expectation becomes a shell group that stores the output (`prelude.sh`), which is read here.

use std::path::Path;

use serde_json::Value;

use crate::command_lines::script_commands;
use crate::pages::{Block, Page, root};

/// Fields with unpredictable values.
const VARYING: [&str; 5] = ["expires_at", "id", "request_id", "session_id", "token"];

/// What one remark expects of the response.
#[derive(Debug, Default, PartialEq)]
pub struct Expectation {
    /// Three digits, or one and `xx`.
    status: Option<String>,
    code: Option<String>,
    body: Option<Value>,
    /// `true` if only the type of `VARYING` fields is compared.
    is_example: bool,
}

/// An expectation of the page, with its line.
pub struct LineExpectation {
    pub line: usize,
    pub expectation: Expectation,
}

/// The block as bash runs it: the output for each expectation is stored under its index in `line_expectations`.
pub fn captured(
    block: &Block,
    line_expectations: &mut Vec<LineExpectation>,
) -> Result<String, String> {
    let mut lines: Vec<String> = block.text.lines().map(str::to_owned).collect();
    for command in script_commands(&block.text) {
        let Some(remark) = command.remark else {
            continue;
        };
        let line = block.line + command.last;
        let expectation =
            expectation(&remark).map_err(|fault| format!("{line}: `# {remark}`: {fault}"))?;
        let Some(expectation) = expectation else {
            continue;
        };
        if command.is_empty {
            return Err(format!(
                "{line}: `# {remark}`: an expectation must follow its command"
            ));
        }
        let number = line_expectations.len();
        let status = expectation.status.clone().unwrap_or_default();
        lines[command.last].truncate(command.end);
        lines[command.last] +=
            &format!("; }} > \"$SCRATCH/expectations/{number}.stdout\"; captured {number}");
        lines[command.first].insert_str(0, &format!("expected '{status}'; {{ "));
        line_expectations.push(LineExpectation { line, expectation });
    }
    Ok(lines.join("\n") + "\n")
}

/// The `json` blocks that show the response to the request before them, as script and expectation.
pub fn examples(
    page: &Page,
    line_expectations: &mut Vec<LineExpectation>,
) -> Result<Vec<Block>, String> {
    let lines: Vec<_> = page.text.lines().map(str::trim).collect();
    let mut blocks = page.blocks_in(&["json"]);
    // A block starts two lines below the line above its fence.
    blocks.retain(|block| block.line > 2 && lines[block.line - 3] == "<!-- the answer -->");
    let marks = lines.iter().filter(|line| **line == "<!-- the answer -->");
    if marks.count() != blocks.len() {
        return Err("`<!-- the answer -->` must be right above a `json` block".to_owned());
    }
    for block in &mut blocks {
        let body = serde_json::from_str(&block.text).map_err(|error| error.to_string())?;
        let expectation = Expectation {
            body: Some(body),
            is_example: true,
            ..Expectation::default()
        };
        block.text = format!("shown_again {}\n", line_expectations.len());
        line_expectations.push(LineExpectation {
            line: block.line,
            expectation,
        });
    }
    Ok(blocks)
}

/// Reads the script's output from its folder. Returns a line for each unmet expectation.
pub fn broken(
    page: &str,
    folder: &Path,
    line_expectations: &[LineExpectation],
    port: u16,
) -> Vec<String> {
    let read = |number: usize, kind: &str| {
        let file = folder.join(format!("expectations/{number}.{kind}"));
        let text = std::fs::read(file).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let mut faults = Vec::new();
    for (number, LineExpectation { line, expectation }) in line_expectations.iter().enumerate() {
        let answer = Answer {
            head: read(number, "head"),
            body: read(number, "body"),
            stdout: read(number, "stdout"),
        };
        if let Err(fault) = expectation.look_at(&answer, port) {
            faults.push(format!("{page}:{line}: {fault}"));
        }
    }
    faults
}

/// The last response of a line, and the line's output.
#[derive(Default)]
struct Answer {
    head: Option<String>,
    body: Option<String>,
    stdout: Option<String>,
}

impl Expectation {
    fn look_at(&self, answer: &Answer, port: u16) -> Result<(), String> {
        let stdout = answer
            .stdout
            .as_deref()
            .ok_or("the script did not reach this line")?;
        if let Some(expected) = &self.status {
            let head = answer.head.as_deref().ok_or("no request was sent")?;
            let status = status_of(head).ok_or("no answer came")?;
            let fits = match expected.strip_suffix("xx") {
                Some(class) => status.starts_with(class),
                None => status == expected,
            };
            if !fits {
                let body = answer.body.as_deref().unwrap_or_default();
                return Err(format!("expected {expected}, got {status}: {body}"));
            }
        }
        if let Some(expected) = &self.code {
            let body = answer.body.as_deref().unwrap_or_default();
            let problem: Value = serde_json::from_str(body).unwrap_or_default();
            if problem["code"] != expected.as_str() {
                return Err(format!("expected the code {expected}, got: {body}"));
            }
        }
        if let Some(expected) = &self.body {
            let printed = match self.is_example {
                true => answer.body.as_deref().unwrap_or_default(),
                false => stdout,
            };
            let found: Value = serde_json::from_str(printed)
                .map_err(|error| format!("expected JSON: {error} in: {printed}"))?;
            let expected = with_port(expected, port);
            differs(&expected, &found, self.is_example)
                .map_err(|fault| format!("{fault} in: {printed}"))?;
        }
        Ok(())
    }
}

/// The status of the last response in a file of heads.
fn status_of(heads: &str) -> Option<&str> {
    let last = heads.lines().rfind(|line| line.starts_with("HTTP/"))?;
    last.split_whitespace().nth(1)
}

/// Returns an error, with its place, if `found` differs from what was `expected`.
fn differs(expected: &Value, found: &Value, is_example: bool) -> Result<(), String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let Some(found) = found.get(name) else {
                    return Err(format!("{name} is not"));
                };
                let varies = is_example && VARYING.contains(&name.as_str());
                if varies && value.is_string() && found.is_string() {
                    continue;
                }
                differs(value, found, is_example).map_err(|fault| format!("{name}: {fault}"))?;
            }
            Ok(())
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                return Err(format!(
                    "expected {} values, got {}",
                    expected.len(),
                    found.len()
                ));
            }
            let mut pairs = expected.iter().zip(found);
            pairs.try_for_each(|(expected, found)| differs(expected, found, is_example))
        }
        (Value::String(pattern), _) if pattern == "…" => Ok(()),
        (Value::String(pattern), Value::String(found)) if fits(pattern, found) => Ok(()),
        _ if expected == found => Ok(()),
        _ => Err(format!("expected {expected}, got {found}")),
    }
}

/// Returns `true` if a text matches the pattern, in which `…` matches anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(first) else {
        return false;
    };
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.any(|at| fits(rest, &text[at..]))
}

/// Pages contain `localhost:8000`; the response has the port that was free.
fn with_port(value: &Value, port: u16) -> Value {
    let text = value.to_string();
    let text = text.replace("localhost:8000", &format!("localhost:{port}"));
    serde_json::from_str(&text).expect("a port is no syntax")
}

/// Parses a remark. `None` if it is for readers only.
fn expectation(remark: &str) -> Result<Option<Expectation>, String> {
    if let Some(body) = json(remark)? {
        let body = Some(body);
        return Ok(Some(Expectation {
            body,
            ..Expectation::default()
        }));
    }
    let (status, rest) = remark.split_once(':').unwrap_or((remark, ""));
    if !is_status(status) {
        return match looks_like_an_expectation(remark) {
            true => Err(
                "it looks like an expectation, but is not: see xtask/tests/docs/expected_output.rs"
                    .to_owned(),
            ),
            false => Ok(None),
        };
    }
    let body = json(rest.trim())?;
    if body.is_none() && looks_like_an_expectation(rest) {
        return Err("only the status in front is compared".to_owned());
    }
    Ok(Some(Expectation {
        status: Some(status.to_owned()),
        code: body.is_none().then(|| code(rest)).flatten(),
        body,
        is_example: false,
    }))
}

fn json(text: &str) -> Result<Option<Value>, String> {
    if !text.starts_with(['{', '[']) {
        return Ok(None);
    }
    let quoted = quote_bare_ellipses(text);
    match serde_json::from_str(&quoted) {
        Ok(value) => Ok(Some(value)),
        // For example `[Service], and under it`.
        Err(_) if !looks_like_an_expectation(text) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Replaces `"user": …` by `"user": "…"`.
fn quote_bare_ellipses(text: &str) -> String {
    let mut quoted = String::new();
    let mut is_in_text = false;
    for character in text.chars() {
        match character {
            '"' => is_in_text = !is_in_text,
            '…' if !is_in_text => {
                quoted += "\"…\"";
                continue;
            }
            _ => {}
        }
        quoted.push(character);
    }
    quoted
}

fn is_status(text: &str) -> bool {
    let [class, rest @ ..] = text.as_bytes() else {
        return false;
    };
    (b'1'..=b'5').contains(class)
        && (rest == b"xx" || (rest.len() == 2 && rest.iter().all(u8::is_ascii_digit)))
}

fn looks_like_an_expectation(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    text.starts_with('{') || text.contains("{\"") || text.contains("[{") || words.any(is_status)
}

/// The problem code among the words after a status: one that exists, or a single word.
fn code(words: &str) -> Option<String> {
    let mut each = words
        .split_whitespace()
        .map(|word| word.trim_matches(['`', ',', ';', '.', ':']));
    let known = codes();
    let is_code = |word: &&str| word.contains('-') && known.iter().any(|code| code == word);
    let lone = (words.split_whitespace().count() == 1).then(|| words.trim());
    each.find(is_code).or(lone).map(str::to_owned)
}

/// The codes of `docs/ERRORS.md`, which is generated from the server's.
fn codes() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/ERRORS.md")).unwrap();
    let codes: Vec<_> = page
        .lines()
        .filter_map(|line| line.split('|').nth(2)?.trim().strip_prefix('`'))
        .map(|code| code.trim_end_matches('`').to_owned())
        .collect();
    assert!(codes.len() > 10, "{codes:?}");
    codes
}

/// Asserts that a page has errors on exactly these lines.
#[track_caller]
fn faults_at(text: &str, lines: &[usize]) {
    let reported = crate::shell::tried(text).expect_err("the fault was not detected");
    let of = |line: &str| line.split(':').nth(1)?.parse().ok();
    let found: Vec<usize> = reported.lines().filter_map(of).collect();
    assert_eq!(found, lines, "{reported}");
}

/// A wrong value, status or code is detected everywhere.
#[test]
fn an_unmet_expectation_is_detected() {
    let text = r#"```sh
curl -s localhost:8000/healthz  # {"status": "ok"}
curl -s localhost:8000/healthz  # {"status": "bad"}
curl -s localhost:8000/healthz  # {"state": "…"}
curl -s localhost:8000/healthz  # 401
curl -s localhost:8000/healthz  # 201: {"status": "ok"}
curl -s localhost:8000/healthz # 5xx
curl -s localhost:8000/healthz | tr a-z A-Z  # 4xx
curl -s localhost:8000/healthz | tr a-z A-Z  # {"status": "ok"}
curl -s \
  localhost:8000/healthz   # 204
STATUS=$(curl -s localhost:8000/healthz |
  grep ok)  # 404
echo "$STATUS"  # {"status": "…"}
curl -s localhost:8000/user/me  # 401: authentication-required
curl -s localhost:8000/user/me  # 401: invalid-token
curl -s localhost:8000/user/me  # 403
curl -s localhost:8000/user/me  # 2xx
true  # 200
curl -s localhost:8000/healthz
```

<!-- the answer -->
```json
{"status": "ok"}
```

<!-- the answer -->
```json
{"status": "bad"}
```
"#;
    faults_at(text, &[3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 18, 19, 30]);
}

/// A remark that is not compared does not look like an expectation.
#[test]
fn a_remark_that_only_looks_like_an_expectation_is_detected() {
    for (text, line) in [
        ("curl -s localhost:8000/user/me  # 401 of course", 2),
        ("curl -s localhost:8000/user/me  # → 401", 2),
        (
            "curl -s localhost:8000/healthz \\\n  -i  # gives {\"status\": \"ok\"}",
            3,
        ),
        ("curl -s localhost:8000/healthz\n# 200", 3),
    ] {
        faults_at(&format!("```sh\n{text}\n```\n"), &[line]);
    }
    faults_at(
        "```sh\ntrue\n```\n\n<!-- the answer -->\n\n```json\n{}\n```\n",
        &[],
    );
}

/// Throttling is enabled, as for a reader.
#[test]
fn a_throttled_page_is_detected() {
    let ask = "curl -s localhost:8000/recovery -d email=ben@example.com  # 202\n";
    faults_at(&format!("```sh\n{}```\n", ask.repeat(4)), &[5]);
}
