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
  const said = document.body.appendChild(document.createElement('pre'));
  said.id = 'said';
  said.textContent = JSON.stringify({ drawn: document.querySelectorAll('figure').length, faults });
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
        let mut browser = Command::new("chromium");
        browser
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
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
    let said = seen.split_once("<pre id=\"said\">").map(|(_, said)| said);
    let said = said.and_then(|said| said.split("</pre>").next());
    let said = said.unwrap_or_else(|| panic!("Mermaid did not answer: {seen}"));
    let said = said
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
    serde_json::from_str(&said).unwrap()
}

#[test]
fn every_diagram_can_be_drawn() {
    let mut texts = Vec::new();
    for page in pages() {
        for block in page.blocks_in(&["mermaid"]) {
            let at = format!("{}:{}", page.path, block.line);
            texts.push(json!({"at": at, "text": block.text}));
        }
    }
    let said = drawn("diagrams", &texts);
    assert_eq!(said, json!({"drawn": texts.len(), "faults": []}));
}

#[test]
fn a_diagram_that_cannot_be_drawn_is_noticed() {
    let texts = [
        json!({"at": "a.md:1", "text": "sequenceDiagram\n  A->>B: </script> <b>\n"}),
        json!({"at": "a.md:9", "text": "sequenceDiagram\n  A->>B no colon\n"}),
    ];
    let said = drawn("faulty-diagrams", &texts);
    assert_eq!(said["drawn"], 1);
    let fault = said["faults"][0].as_str().unwrap();
    assert!(fault.starts_with("a.md:9: "), "{fault}");
}
