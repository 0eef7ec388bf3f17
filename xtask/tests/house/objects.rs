//! Objects and services of the domain: where their methods stand, and how many others can call.

use std::collections::BTreeSet;

use doorward_testkit::repository::{root, tracked};

/// Maximum number of methods of an object that other files can call.
const MAX_METHODS: usize = 12;

/// An `impl` block without a trait: the type, and the methods that other files can call.
struct Methods<'a> {
    of: &'a str,
    visible: usize,
}

fn impl_blocks(text: &str) -> Vec<Methods<'_>> {
    let mut blocks = Vec::<Methods>::new();
    for line in text.lines().filter(|line| !line.contains(" for ")) {
        if let Some(rest) = line.strip_prefix("impl") {
            let name = rest.rsplit_once(['>', ' ']).map_or(rest, |(head, _)| head);
            let words = |c: char| !c.is_alphanumeric() && c != '_';
            let of = name.split(words).rfind(|word| word.len() > 1);
            let of = of.unwrap_or_default();
            blocks.push(Methods { of, visible: 0 });
        } else if let Some(block) = blocks.last_mut() {
            let is_visible = line.starts_with("    pub") && line.contains(" fn ");
            block.visible += usize::from(is_visible);
        }
    }
    blocks
}

/// Returns `true` if the file declares the type, also in a macro.
fn declares(text: &str, of: &str) -> bool {
    let declared = ["struct ", "enum "].map(|kind| format!("{kind}{of}"));
    let starts = |line: &str| {
        let rest = declared
            .iter()
            .find_map(|declared| line.split_once(declared.as_str()));
        rest.is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_alphanumeric()))
    };
    let in_a_macro = |line: &str| line.trim().trim_end_matches(" {") == of;
    text.lines().any(|line| starts(line) || in_a_macro(line))
}

fn files_of_the_domain() -> Vec<(String, String)> {
    let files = tracked(&["crates/domain/src/*.rs"]).into_iter();
    let read = |file: String| {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        (file, text)
    };
    files.map(read).collect()
}

#[test]
fn methods_stand_in_the_file_of_their_type() {
    let files = files_of_the_domain();
    let mut strays = Vec::new();
    for (file, text) in &files {
        let blocks = impl_blocks(text).into_iter();
        let stray = blocks.filter(|block| !declares(text, block.of));
        strays.extend(stray.map(|block| format!("{file}: impl {}", block.of)));
    }
    assert_eq!(strays, [""; 0], "move the methods, or make them functions");
}

#[test]
fn no_object_has_more_than_twelve_methods_for_others() {
    let files = files_of_the_domain();
    let mut large = Vec::new();
    for (file, text) in &files {
        // An object holds ports or other objects; values may have many small methods.
        let is_object = |of: &str| text.contains(&format!("struct {of} {{\n    pub(crate) "));
        let blocks = impl_blocks(text).into_iter();
        let too_many = blocks.filter(|block| is_object(block.of) && block.visible > MAX_METHODS);
        large.extend(too_many.map(|block| format!("{file}: {} has {}", block.of, block.visible)));
    }
    assert_eq!(large, [""; 0], "divide the object");
}

/// An object that reads the fields of another could reach what its own fields do not show.
#[test]
fn an_object_uses_only_the_methods_of_those_that_it_holds() {
    let (mut strays, mut count) = (Vec::new(), 0);
    for (file, text) in files_of_the_domain() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for field in fields_of_objects(code) {
            let code: String = code.split_whitespace().collect();
            for rest in code.split(&format!("self.{field}.")).skip(1) {
                let name: String = rest.chars().take_while(|c| is_of_a_name(*c)).collect();
                count += 1;
                if !rest[name.len()..].starts_with(['(', ':']) {
                    strays.push(format!("{file}: self.{field}.{name}"));
                }
            }
        }
    }
    assert!(count > 400, "{count}");
    assert_eq!(strays, [""; 0], "call a method instead");
}

/// The fields of the types in this code that hold other objects: an `Arc` of a type, but not the settings.
fn fields_of_objects(code: &str) -> BTreeSet<&str> {
    let fields = code.lines().filter_map(|line| {
        let (name, of) = line.strip_prefix("    pub(crate) ")?.split_once(": ")?;
        (of.starts_with("Arc<") && of != "Arc<Policy>,").then_some(name)
    });
    fields.collect()
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn an_impl_block_is_read_with_its_type_and_its_visible_methods() {
    let text = "impl<'a> Proof<'a> {\n    pub fn a() {}\n    fn b() {}\n    pub(crate) async fn c() {}\n}\nimpl Display for Role {\n";
    let blocks = impl_blocks(text);
    let read: Vec<_> = blocks
        .iter()
        .map(|block| (block.of, block.visible))
        .collect();
    assert_eq!(read, [("Proof", 2)]);
    assert!(declares("pub struct Proof<'a> {", "Proof") && declares("    Role {", "Role"));
    assert!(!declares("struct Proofs {", "Proof") && !declares("impl Proof {", "Proof"));
}
