//! Cycles of files: file A uses an item of file B, and B, directly or through others, an item of A. The files of a
//! large cycle can only be read, tested and moved together.
//!
//! The uses of a file are its paths that begin with `crate`, `super`, `self` or one of its modules; methods and
//! macros are not seen. A name leads to the file that defines it, so a re-export is in no cycle.

use std::collections::{BTreeMap, BTreeSet};

use doorward_testkit::repository::{root, tracked};

/// Largest cycle without a row below.
const MAX_FILES: usize = 5;

/// Larger cycles that exist today: the crate, and the number of files of each. A cycle that shrinks needs a new
/// number here, so that it cannot grow back.
const KNOWN: &[(&str, &[usize])] = &[];

/// Segments of a module's or an item's path, from the crate's root.
type Path = Vec<String>;

#[derive(Default)]
struct Module {
    file: String,
    /// Paths of used modules and items.
    uses: Vec<Path>,
    /// Names that `use` declares.
    names: BTreeMap<String, Path>,
}

type Crate = BTreeMap<Path, Module>;

/// Pairs of folders of the domain that import each other. `links/undo.rs` has the steps that the undo links of an address and
/// of a factor share, so it needs what they undo.
const PAIRS: &[(&str, &str)] = &[("deletion", "links"), ("factors", "links")];

/// The files of each crate, named relative to its `src`, with their texts.
fn files() -> BTreeMap<String, Vec<(String, String)>> {
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for file in tracked(&["crates/*/src/*.rs"]) {
        let (name, path) = file[7..].split_once("/src/").unwrap();
        let is_test = path.ends_with("tests.rs") || path.contains("fuzzing");
        // `main.rs` is not part of the library.
        if !is_test && path != "main.rs" {
            let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
            let files = files.entry(name.to_owned()).or_default();
            files.push((path.to_owned(), text));
        }
    }
    files
}

#[test]
fn folders_of_the_domain_import_each_other_only_where_a_row_says_so() {
    let modules = read(&files()["domain"]);
    let folder = |path: &Path| {
        let (first, _) = modules[path].file.split_once('/')?;
        Some(first.to_owned())
    };
    let mut imports = BTreeSet::new();
    for (path, module) in &modules {
        for used in &module.uses {
            let used = definition(&modules, used, 0);
            imports.extend(folder(path).zip(folder(&used)));
        }
    }
    let both = |(a, b): &(String, String)| a < b && imports.contains(&(b.clone(), a.clone()));
    let pairs: Vec<_> = imports.iter().filter(|pair| both(pair)).collect();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(pairs, PAIRS, "found, and listed");
}

#[test]
fn no_dependency_cycle_of_files_grows() {
    let (mut sizes, mut list) = (BTreeMap::<_, Vec<_>>::new(), String::new());
    let files = files();
    for (name, files) in &files {
        for cycle in cycles(&read(files)) {
            if cycle.len() > MAX_FILES {
                sizes.entry(name.as_str()).or_default().push(cycle.len());
                list += &format!("{name}, {}: {}\n", cycle.len(), cycle.join(" "));
            }
        }
    }
    sizes.values_mut().for_each(|sizes| sizes.sort_unstable());
    let known = KNOWN.iter().map(|(name, sizes)| (*name, sizes.to_vec()));
    assert_eq!(sizes, known.collect(), "found, and known:\n{list}");
}

/// Reads the files of a crate, named relative to its `src`, with their texts.
fn read(files: &[(String, String)]) -> Crate {
    let path = |file: &str| -> Path {
        let steps = file.trim_end_matches(".rs").split('/').map(str::to_owned);
        steps
            .filter(|step| step != "mod" && step != "lib")
            .collect()
    };
    let paths: BTreeSet<Path> = files.iter().map(|(file, _)| path(file)).collect();
    let mut modules = Crate::new();
    for (file, text) in files {
        let path = path(file);
        let is_head = |token: &str| {
            let is_child = || paths.contains(&[path.as_slice(), &[token.to_owned()]].concat());
            ["crate", "super", "self"].contains(&token) || is_child()
        };
        let mut module = Module::default();
        module.file.clone_from(file);
        module.read(&tokens(text), &path, is_head);
        modules.insert(path, module);
    }
    modules
}

/// The words and the signs of the code above its tests.
fn tokens(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next();
    let mut tokens = Vec::new();
    for line in code.unwrap_or_default().lines() {
        let mut rest = line.split("//").next().unwrap_or_default().trim();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let (token, after) = match word.unwrap_or(rest.len()) {
                0 if rest.starts_with("::") => rest.split_at(2),
                0 => rest.split_at(first.len_utf8()),
                end => rest.split_at(end),
            };
            tokens.push(token);
            rest = after.trim_start();
        }
    }
    tokens
}

impl Module {
    fn read(&mut self, tokens: &[&str], own: &[String], is_head: impl Fn(&str) -> bool) {
        let mut at = 1;
        while at + 1 < tokens.len() {
            let before = tokens[at - 1];
            if tokens[at + 1] != "::" || !is_head(tokens[at]) || ["::", "."].contains(&before) {
                at += 1;
                continue;
            }
            let is_reexport = before == "use" && at > 1 && ["pub", ")"].contains(&tokens[at - 2]);
            let mut paths = Vec::new();
            expand(tokens, &mut at, &[], &mut paths);
            for (path, name) in paths {
                let path = absolute(&path, own);
                // A re-export is a use only if the file itself needs the name.
                let count = tokens.iter().filter(|token| **token == name).count();
                if !is_reexport || count > 1 {
                    self.uses.push(path.clone());
                }
                if before == "use" {
                    self.names.insert(name.to_owned(), path);
                }
            }
        }
    }
}

/// A path, and the name that it has in the file.
type Named<'a> = (Vec<&'a str>, &'a str);

/// Collects the paths that begin here, such as `a::{b, c::d as e}`.
fn expand<'a>(tokens: &[&'a str], at: &mut usize, begin: &[&'a str], paths: &mut Vec<Named<'a>>) {
    let mut path = begin.to_vec();
    loop {
        match tokens[*at] {
            "{" => {
                while tokens[*at] != "}" {
                    *at += 1;
                    if tokens[*at] != "}" {
                        expand(tokens, at, &path, paths);
                    }
                }
                *at += 1;
                return;
            }
            "self" if !path.is_empty() => {}
            token if token.starts_with(char::is_alphabetic) => path.push(token),
            _ => {}
        }
        *at += 1;
        if tokens.get(*at) != Some(&"::") {
            break;
        }
        *at += 1;
    }
    let mut name = path[path.len() - 1];
    if tokens.get(*at) == Some(&"as") {
        name = tokens[*at + 1];
        *at += 2;
    }
    paths.push((path, name));
}

fn absolute(path: &[&str], own: &[String]) -> Path {
    let supers = path.iter().take_while(|step| **step == "super").count();
    let (begin, rest) = match path[0] {
        "crate" => (&own[..0], &path[1..]),
        "self" => (own, &path[1..]),
        _ => (&own[..own.len() - supers], &path[supers..]),
    };
    let rest = rest.iter().map(|step| (*step).to_owned());
    begin.iter().cloned().chain(rest).collect()
}

/// The module that defines the item of a path.
fn definition(modules: &Crate, path: &[String], depth: usize) -> Path {
    let mut lengths = (0..=path.len()).rev();
    let length = lengths.find(|length| modules.contains_key(&path[..*length]));
    let (module, rest) = path.split_at(length.expect("a crate has a root"));
    let name = rest
        .first()
        .and_then(|name| modules[module].names.get(name));
    match name.filter(|_| depth < 10) {
        Some(leads) => definition(modules, &[leads, &rest[1..]].concat(), depth + 1),
        None => module.to_vec(),
    }
}

/// The files of each cycle.
fn cycles(modules: &Crate) -> BTreeSet<Vec<&str>> {
    let reached = |from: &Path| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = next.pop() {
            for path in &modules[&module].uses {
                let used = definition(modules, path, 0);
                if reached.insert(used.clone()) {
                    next.push(used);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = modules.keys().map(|from| (from, reached(from))).collect();
    let cycle = |from: &Path| -> Vec<&str> {
        let both = reached[from].iter().filter(|to| reached[to].contains(from));
        both.map(|module| modules[module].file.as_str()).collect()
    };
    let cycles = modules.keys().map(cycle);
    cycles.filter(|files| files.len() > 1).collect()
}

#[test]
fn a_cycle_is_found_and_a_reexport_is_not_a_cycle() {
    let crate_with = |c: &str| {
        let files = [
            (
                "lib.rs",
                "mod a; pub(crate) use a::b::{B as D, self}; fn f() -> a::A {}",
            ),
            (
                "a/mod.rs",
                "pub mod b; pub mod c; pub use c::C; pub struct A;",
            ),
            ("a/b.rs", "use super::C; // crate::D"),
            ("a/c.rs", c),
        ];
        read(&files.map(|(file, text)| (file.to_owned(), text.to_owned())))
    };
    for c in [
        "struct C;",
        "use crate::a::A;",
        "#[cfg(test)]\nmod tests {\nuse crate::D;",
    ] {
        assert!(cycles(&crate_with(c)).is_empty(), "{c}");
    }
    for c in [
        "use crate::D;",
        "fn c() { super::b::b() }",
        "use {crate::{a::b, x}};",
        "= crate::b::b;",
    ] {
        assert_eq!(
            cycles(&crate_with(c)),
            [vec!["a/b.rs", "a/c.rs"]].into(),
            "{c}"
        );
    }
}
