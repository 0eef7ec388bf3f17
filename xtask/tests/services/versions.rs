//! The versions that the examples require are the tested ones.

use std::path::Path;

use serde_json::Value;

use crate::service::examples;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_examples_are_tested_with_their_required_versions() {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = text(&xtask.join("src/tools.rs"));
    for example in ["python", "fastapi"] {
        let file = examples().join(example).join("requirements.txt");
        for wanted in text(&file).lines() {
            assert!(tools.contains(&format!("\"{wanted}\"")), "{wanted}");
        }
    }
    let packages = |path: &Path| -> Value {
        let file: Value = serde_json::from_str(&text(path)).unwrap();
        file["dependencies"].clone()
    };
    let ours = packages(&xtask.join("npm/package.json"));
    let wanted = packages(&examples().join("node/package.json"));
    for (name, version) in wanted.as_object().unwrap() {
        assert_eq!(&ours[name], version, "{name}");
    }
}
