//! Blocks in languages other than shell: each is parsed by a program for that language.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use doorward_testkit::process;
use doorward_testkit::servers::doorward_binary;
use doorward_testkit::tools;
use serde_json::Value;

use crate::pages::{Block, pages, root, succeed, tracked};

/// Not checked, since no program here reads it.
const AS_IT_IS: &[&str] = &[
    "",     // output of a program, a folder tree
    "sql",  // run by hand, once; the tests' servers use the same statements
    "text", // the same as without a language
];

/// Where operators keep certificates.
const CERTIFICATES: &str = "/etc/doorward/tls";

#[test]
fn every_block_is_valid_in_its_language() {
    let mut faults = Vec::new();
    for page in pages() {
        for block in page.blocks() {
            let tried_elsewhere = ["sh", "mermaid"].contains(&block.language.as_str());
            if block.excuse.is_some() || tried_elsewhere {
                continue;
            }
            if let Err(fault) = read(&block) {
                faults.push(format!(
                    "{}:{}: {}: {fault}",
                    page.path, block.line, block.language
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn read(block: &Block) -> Result<(), String> {
    const YAML: &str = "import sys, yaml; list(yaml.safe_load_all(sys.stdin))";
    const PYTHON: &str = "import ast, sys; ast.parse(sys.stdin.read())";
    match block.language.as_str() {
        "json" => json(&block.text),
        "toml" => settings(&block.text),
        "http" => http(&block.text),
        "yaml" => piped(tools::tool("python").args(["-c", YAML]), &block.text),
        "py" | "python" => piped(tools::tool("python").args(["-c", PYTHON]), &block.text),
        "js" | "ts" | "jsx" | "tsx" => script(&block.language, &block.text),
        "html" => html(&block.text),
        "rust" => piped(
            Command::new("rustfmt").args(["--edition", "2024", "--emit", "stdout"]),
            &block.text,
        ),
        "nginx" => quoted(&block.text, "examples/nginx"),
        "caddyfile" => quoted(&block.text, "examples/caddy"),
        language if AS_IT_IS.contains(&language) => Ok(()),
        _ => Err("nothing here reads this language: see xtask/tests/docs/formats.rs".to_owned()),
    }
}

/// One value, or one per line.
fn json(text: &str) -> Result<(), String> {
    let whole = serde_json::from_str::<Value>(text);
    let lines = || {
        let mut lines = text.lines().map(serde_json::from_str::<Value>);
        lines.all(|line| line.is_ok())
    };
    match whole {
        Err(error) if !lines() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// A `doorward.toml` with which the server would start. If it has no mail settings, some are added: on an address
/// that others reach the server requires them, and the page may be about something else. The operators'
/// certificate is created.
fn settings(text: &str) -> Result<(), String> {
    // A separate folder: several tests run at once.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("doorward.toml");
    let place = folder.display().to_string();
    std::fs::write(&file, text.replace(CERTIFICATES, &place)).unwrap();
    if text.contains(CERTIFICATES) {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-noenc",
            "-subj",
            "/CN=accounts",
        ]);
        openssl.args([
            "-addext",
            "subjectAltName=DNS:accounts.example.com",
            "-days",
            "90",
        ]);
        openssl.args(["-keyout", "privkey.pem", "-out", "fullchain.pem"]);
        succeed(openssl.current_dir(folder));
    }
    let mut check = Command::new(doorward_binary());
    check.args(["config", "check", "--config"]).arg(&file);
    check.current_dir(folder).env_clear();
    if !text.contains("[mail]") {
        check.env("SMTP_URL", "log:");
    }
    reported(&check.output().unwrap())
}

/// Starts like a request or a response.
fn http(text: &str) -> Result<(), String> {
    let first = text.lines().next().unwrap_or_default();
    let words: Vec<_> = first.split(' ').collect();
    let is_request = words.len() >= 2
        && ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&words[0])
        && words[1].starts_with('/');
    let is_field = |line: &str| line.split_once(": ").is_some();
    let fields = text.lines().skip(1).take_while(|line| !line.is_empty());
    match (is_request || first.starts_with("HTTP/")) && fields.into_iter().all(is_field) {
        true => Ok(()),
        false => Err(format!("no head of a message: {first}")),
    }
}

/// Tags are closed in the order they were opened.
fn html(text: &str) -> Result<(), String> {
    const READ: &str = "
import sys, html.parser
class Reader(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'link', 'input', 'br', 'hr', 'img'): self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag
reader = Reader(); reader.feed(sys.stdin.read()); reader.close()
assert not reader.open, reader.open
";
    piped(tools::tool("python").args(["-c", READ]), text)
}

/// JavaScript and TypeScript, parsed by the TypeScript compiler.
fn script(language: &str, text: &str) -> Result<(), String> {
    const PARSE: &str = "
const ts = require(process.argv[1]);
const text = require('fs').readFileSync(0, 'utf8');
const options = { target: 'esnext', module: 'esnext', jsx: ts.JsxEmit.Preserve };
const printed = ts.transpileModule(text, { reportDiagnostics: true, fileName: process.argv[2], compilerOptions: options });
for (const fault of printed.diagnostics) console.error(ts.flattenDiagnosticMessageText(fault.messageText, '\\n'));
process.exit(printed.diagnostics.length);
";
    let compiler = tools::node_modules().join("typescript");
    let mut node = tools::tool("node");
    node.args(["-e", PARSE]).arg(compiler);
    piped(node.arg(format!("block.{language}")), text)
}

/// Every line is in a file of this folder, which another test runs.
fn quoted(text: &str, folder: &str) -> Result<(), String> {
    let files = tracked(&[folder]);
    let lines: BTreeSet<String> = files
        .iter()
        .filter(|file| Path::new(file).extension().is_none_or(|kind| kind != "md"))
        .filter_map(|file| std::fs::read_to_string(root().join(file)).ok())
        .flat_map(|text| {
            let lines: Vec<_> = text.lines().map(|line| line.trim().to_owned()).collect();
            lines
        })
        .collect();
    let strange = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#') && !lines.contains(*line));
    strange.map_or(Ok(()), |line| {
        Err(format!("no file of {folder} contains `{line}`"))
    })
}

fn piped(command: &mut Command, text: &str) -> Result<(), String> {
    reported(&process::piped(command, text))
}

fn reported(output: &std::process::Output) -> Result<(), String> {
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn an_invalid_block_is_detected() {
    let block = |language: &str, text: &str| Block {
        language: language.to_owned(),
        line: 1,
        text: text.to_owned(),
        excuse: None,
    };
    for (language, right, wrong) in [
        ("json", "{\"a\": 1}\n{\"b\": 2}", "{\"token\": …}"),
        (
            "toml",
            "listen = \"127.0.0.1:9000\"",
            "lissen = \"127.0.0.1:9000\"",
        ),
        (
            "http",
            "GET /user/me HTTP/1.1\nHost: a\n\n{}",
            "FETCH /user/me",
        ),
        ("yaml", "a:\n  - b", "a: [b"),
        ("py", "import jwt\nprint(jwt)", "print jwt"),
        ("js", "const a = await fetch('/x')", "const = 1"),
        ("ts", "const a: string = await b()", "const a: = 1"),
        ("html", "<p>a<br></p>", "<p>a</div>"),
        ("rust", "fn main() {}", "fn main( {}"),
    ] {
        assert_eq!(read(&block(language, right)), Ok(()), "{language}");
        assert!(read(&block(language, wrong)).is_err(), "{language}");
    }
    assert!(read(&block("cobol", "STOP RUN.")).is_err());
    assert!(quoted("proxy_pass http://nowhere;", "examples/nginx").is_err());
}
