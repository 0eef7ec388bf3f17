//! Every function that makes a query is in the list of `src/queries.rs`.

use doorward_testkit::repository::{root, tracked};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// A query through an index of one column needs no entry: the declaration of the table is enough.
#[test]
fn every_query_with_other_conditions_is_listed() {
    let list = read("crates/testkit/src/queries.rs");
    let mut count = 0;
    for file in tracked(&["crates/domain/src/model/*.rs"]) {
        let text = read(&file);
        let mut record = "";
        for function in text.split("\n    }\n") {
            if let Some((_, rest)) = function.rsplit_once("\nimpl ") {
                record = rest.split(" {").next().unwrap();
            }
            let Some((before, body)) = function
                .split_once("-> Query {")
                .or_else(|| function.split_once("-> [Query"))
            else {
                continue;
            };
            let Some((_, name)) = before.rsplit_once("    pub fn ") else {
                continue;
            };
            let (name, arguments) = name.split_once('(').unwrap();
            let is_simple = !body.contains("only(") && !body.contains("\", \"");
            let is_listed = match arguments.starts_with("&self") {
                true => list.contains(record) && list.contains(&format!(".{name}(")),
                false => list.contains(&format!("{record}::{name}(")),
            };
            assert!(is_simple || is_listed, "{file}: {record}::{name}");
            count += usize::from(!is_simple);
        }
    }
    assert!(count > 4, "{count} queries");
}

/// A service composes its queries of those of the records, which the test above finds.
#[test]
fn a_query_is_made_in_the_file_of_its_record() {
    for file in tracked(&["crates/*/src/*.rs", "crates/*/src/**/*.rs"]) {
        let is_exempt = [
            "domain/src/model/",
            "domain/src/store/",
            "testkit/",
            "tests.rs",
        ];
        if !is_exempt.iter().any(|part| file.contains(part)) {
            let text = read(&file);
            let code = text.split("#[cfg(test)]").next().unwrap();
            assert!(!code.contains("Query::by"), "{file}");
        }
    }
}
