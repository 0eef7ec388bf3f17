//! Forbidden constructs in Doorward's code.

use doorward_testkit::repository::{root, tracked};

/// Each product file with its code, without tests.
fn code() -> Vec<(String, String)> {
    let files = tracked(&["crates/*/src/*.rs", "crates/*/src/**/*.rs"]);
    assert!(files.len() > 200);
    let is_product = |file: &String| {
        !file.starts_with("crates/testkit/")
            && !file.ends_with("tests.rs")
            && !file.contains("fuzzing")
    };
    files
        .into_iter()
        .filter(is_product)
        .filter_map(|file| {
            let text = std::fs::read_to_string(root().join(&file)).ok()?;
            let code = text.split("#[cfg(test)]\nmod tests {").next()?;
            let is_said = |line: &&str| !line.trim_start().starts_with("//");
            let code: Vec<_> = code.lines().filter(is_said).collect();
            Some((file, code.join("\n")))
        })
        .collect()
}

/// Doorward has no unsafe code, and the compiler ensures that in every crate except the fuzzer's programs.
#[test]
fn every_crate_of_the_workspace_forbids_unsafe_code() {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    for file in tracked(&[
        "crates/*/Cargo.toml",
        "xtask/Cargo.toml",
        "examples/axum/Cargo.toml",
    ]) {
        let manifest = std::fs::read_to_string(root().join(&file)).unwrap();
        let is_bound = manifest.contains("[lints]\nworkspace = true")
            || manifest.contains("unsafe_code = \"forbid\"");
        assert!(is_bound || file.starts_with("examples/"), "{file}");
    }
    for (file, text) in code() {
        for kind in ["{", "fn", "impl", "trait", "extern"] {
            assert!(!text.contains(&format!("unsafe {kind}")), "{file}");
        }
    }
}

/// C-04: randomness comes from the operating system, through one module, and secrets cannot be compared with `==`,
/// which stops at the first difference.
#[test]
fn randomness_is_from_the_system_and_comparison_is_constant_time() {
    for (file, text) in code() {
        for word in [
            "thread_rng",
            "rand::",
            "fastrand",
            "OsRng",
            "getrandom",
            "SmallRng",
        ] {
            let is_random_source = file == "crates/server/src/system.rs" && word == "rand::";
            // `Brand::` is another word.
            let mut found = text.match_indices(word);
            let is_used = found.any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric));
            assert!(is_random_source || !is_used, "{file} uses {word}");
        }
    }
    let random =
        std::fs::read_to_string(root().join("crates/domain/src/values/secret.rs")).unwrap();
    for name in ["pub struct Secret<", "pub struct Token("] {
        let (before, _) = random.split_once(name).unwrap();
        let derived = before.rsplit_once("#[derive(").unwrap().1;
        assert!(derived.starts_with("Clone)]"), "{name}: {derived}");
    }
    for kind in ["Secret", "Token"] {
        for trait_name in ["PartialEq", "Display", "Serialize"] {
            let implemented = format!("{trait_name} for {kind}");
            assert!(!random.contains(&implemented), "{implemented}");
        }
    }
}

/// C-04: authentication codes are compared in constant time.
#[test]
fn authentication_codes_are_compared_in_constant_time() {
    let compares_none = [
        // A password is peppered with the code; the hash is compared elsewhere.
        "crates/domain/src/passwords/hashing/pepper.rs",
        // The code is the name of a counter, which Redis looks up.
        "crates/domain/src/keys/counter_keys.rs",
    ];
    let mut count = 0;
    for (file, text) in code() {
        if text.contains("hmac::sign(") && !compares_none.contains(&file.as_str()) {
            count += 1;
            let is_sound = text.contains("hmac::verify(") || text.contains("ct_eq(");
            assert!(is_sound, "{file}");
        }
    }
    assert!(count > 0, "no file was checked");
}

/// Names that may be interpolated into a statement: constants, and names of tables and columns, which are
/// constants at the call.
const NAMES: &[&str] = &["column", "columns", "places", "table"];

/// C-05: no value is part of a statement's text.
#[test]
fn sql_statements_are_constants() {
    let mut count = 0;
    for (file, text) in code() {
        let is_store = file.starts_with("crates/store-sql/src/");
        for (at, _) in text.match_indices("format!(") {
            let Some(literal) = text[at..].split('"').nth(1) else {
                continue;
            };
            let verbs = ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"];
            if !verbs.iter().any(|verb| literal.contains(verb)) || !literal.contains('{') {
                continue;
            }
            assert!(is_store, "{file} has SQL in it: {literal}");
            assert!(
                !literal.contains("'{") && !literal.contains("{}"),
                "{file}: {literal}"
            );
            for part in literal.split('{').skip(1) {
                let name = part.split(['}', ':']).next().unwrap_or_default();
                let is_constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                assert!(
                    is_constant || NAMES.contains(&name),
                    "{file}: {{{name}}} in {literal}"
                );
            }
            count += 1;
        }
    }
    assert!(count > 5, "no file was checked");
}
