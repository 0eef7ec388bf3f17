//! Diagrams, drawn by Mermaid in a headless browser. A broken one would be an error message on the page.
//! `DOORWARD_TEST_PICTURES` is the folder for the drawings.

use std::path::Path;
use std::process::Command;

use doorward_testkit::tools;
use serde_json::{Value, json};

use crate::pages::{pages, scratch, succeed};

const DRAW: &str = r#"<!doctype html><meta charset="utf-8"><title>Diagrams</title><body>
<script src="MERMAID"></script>
<script>
const waiting = TEXTS;
(async () => {
  mermaid.initialize({ startOnLoad: false });
  const faults = [];
  for (const [number, { at, text }] of waiting.entries()) {
    try {
      const { svg } = await mermaid.render('drawn' + number, text);
      const figure = document.body.appendChild(document.createElement('figure'));
      figure.innerHTML = svg;
    } catch (error) {
      faults.push(at + ': ' + error.message);
    }
  }
  const output = document.body.appendChild(document.createElement('pre'));
  output.id = 'output';
  output.textContent = JSON.stringify({ drawn: document.querySelectorAll('figure').length, faults });
})();
</script>
"#;

/// Mermaid's result: the number of drawings, and the errors.
fn drawn(name: &str, texts: &[Value]) -> Value {
    let folder = scratch(name);
    let page = folder.join("diagrams.html");
    let mermaid = tools::node_modules().join("mermaid/dist/mermaid.min.js");
    assert!(mermaid.is_file(), "no Mermaid: run `cargo xtask tools`");
    // A `<` in a diagram must not end the script that contains it.
    let texts = json!(texts).to_string().replace('<', "\\u003c");
    let html = DRAW
        .replace("MERMAID", &format!("file://{}", mermaid.display()))
        .replace("TEXTS", &texts);
    std::fs::write(&page, html).unwrap();
    let browse = |arguments: &[String]| {
        // A separate one: processes of the previous browser may still run.
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("chromium-headless-shell");
        browser
            .args(["--no-sandbox", "--disable-gpu"])
            .args([
                "--allow-file-access-from-files",
                "--virtual-time-budget=60000",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("file://{}", page.display()));
        succeed(&mut browser)
    };
    let seen = browse(&["--dump-dom".to_owned()]);
    let seen = String::from_utf8(seen.stdout).unwrap();
    let output = seen
        .split_once("<pre id=\"output\">")
        .map(|(_, output)| output);
    let output = output.and_then(|output| output.split("</pre>").next());
    let output = output.unwrap_or_else(|| panic!("Mermaid printed nothing: {seen}"));
    let output = output
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&");
    if let Some(pictures) = std::env::var_os("DOORWARD_TEST_PICTURES") {
        let picture = Path::new(&pictures).join(name).with_extension("png");
        browse(&[
            "--window-size=1200,4000".to_owned(),
            format!("--screenshot={}", picture.display()),
        ]);
    }
    serde_json::from_str(&output).unwrap()
}

#[test]
fn every_diagram_renders() {
    let mut texts = Vec::new();
    for page in pages() {
        for block in page.blocks_in(&["mermaid"]) {
            let at = format!("{}:{}", page.path, block.line);
            texts.push(json!({"at": at, "text": block.text}));
        }
    }
    let output = drawn("diagrams", &texts);
    assert_eq!(output, json!({"drawn": texts.len(), "faults": []}));
}

#[test]
fn an_invalid_diagram_is_detected() {
    let texts = [
        json!({"at": "a.md:1", "text": "sequenceDiagram\n  A->>B: </script> <b>\n"}),
        json!({"at": "a.md:9", "text": "sequenceDiagram\n  A->>B no colon\n"}),
    ];
    let output = drawn("faulty-diagrams", &texts);
    assert_eq!(output["drawn"], 1);
    let fault = output["faults"][0].as_str().unwrap();
    assert!(fault.starts_with("a.md:9: "), "{fault}");
}
