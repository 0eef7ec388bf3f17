//! The checks that `cargo xtask mutants` removes exist.

use doorward_testkit::repository::root;

/// T-MUTANT: each check of the list occurs once in its file, and its replacement differs.
#[test]
fn each_mutant_matches_its_file_once() {
    let list = std::fs::read_to_string(root().join("xtask/mutants.txt")).unwrap();
    let mut count = 0;
    let blocks = list.split("\n\n").map(str::trim);
    for block in blocks.filter(|block| !block.is_empty() && !block.starts_with('#')) {
        let lines: Vec<_> = block.lines().collect();
        let [file, from, to] = lines[..] else {
            panic!("a mutant has three lines: {block}");
        };
        let from = from.strip_prefix("- ").unwrap().replace("\\n", "\n");
        assert_ne!(Some(from.as_str()), to.strip_prefix("+ "));
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert_eq!(text.matches(&from).count(), 1, "{from} in {file}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
