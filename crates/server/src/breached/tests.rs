use super::list::ListStats;
use super::*;

struct TempFolder(tempfile::TempDir);

impl TempFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a list as it is published.
    fn list(&self, passwords: &[(&str, u64)]) -> PathBuf {
        let mut lines: Vec<_> = passwords.iter().map(line).collect();
        lines.sort();
        let path = self.at("list.txt");
        std::fs::write(&path, lines.concat()).unwrap();
        path
    }

    fn build(&self, from: &Path, coverage: Coverage, min_count: u64) -> anyhow::Result<ListStats> {
        let mut builder = Builder::create(&self.at("filter"))?;
        let feed = read_list(from, coverage, min_count, &mut builder, &|_| ())?;
        builder.finish(min_count)?;
        Ok(feed)
    }

    fn build_partial(&self, from: &Path, min_count: u64) -> anyhow::Result<ListStats> {
        self.build(from, Coverage::Partial, min_count)
    }

    fn open(&self) -> anyhow::Result<Filter> {
        Filter::open(&self.at("filter"))
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "list.txt").collect()
    }
}

fn hex(password: &str) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

fn line((password, count): &(&str, u64)) -> String {
    format!("{}:{count}\r\n", hex(password))
}

fn error<T>(outcome: anyhow::Result<T>) -> String {
    format!("{:#}", outcome.map(drop).unwrap_err())
}

/// P-05: whole passwords are compared, including their case.
#[test]
fn every_password_of_the_list_is_found_and_no_other() {
    let folder = TempFolder::new();
    let passwords: Vec<String> = (0..5_000).map(|n| format!("breached-{n}")).collect();
    let seen: Vec<_> = passwords.iter().map(|one| (one.as_str(), 3)).collect();
    let feed = folder.build_partial(&folder.list(&seen), 1).unwrap();
    assert_eq!((feed.lines, feed.below_min_count), (5_000, 0));
    let filter = folder.open().unwrap();
    assert_eq!(filter.header().count, 5_000);
    let length = std::fs::metadata(folder.at("filter")).unwrap().len();
    assert_eq!(length, 32 + 5_000 * 8);
    filter.check().unwrap();
    for password in &passwords {
        assert!(filter.contains_password(password), "{password}");
    }
    for other in (0..5_000).map(|n| format!("Breached-{n}")) {
        assert!(!filter.contains_password(&other), "{other}");
    }
    assert!(!filter.contains_password("") && !filter.contains_password("breached-1x"));
    assert_eq!(folder.names(), ["filter"], "no other file is left");
}

#[test]
fn the_first_and_the_last_possible_hash_are_found() {
    let folder = TempFolder::new();
    let mut builder = Builder::create(&folder.at("filter")).unwrap();
    for hash in [0, 1, 7, 7, u64::MAX - 1, u64::MAX] {
        builder.push(hash).unwrap();
    }
    assert_eq!(builder.finish(1).unwrap().count, 5);
    let filter = folder.open().unwrap();
    for (hash, expected) in [
        (0, true),
        (1, true),
        (2, false),
        (7, true),
        (8, false),
        (u64::MAX - 2, false),
        (u64::MAX - 1, true),
        (u64::MAX, true),
    ] {
        assert_eq!(filter.contains(hash).unwrap(), expected, "{hash}");
    }
}

#[test]
fn rare_passwords_and_padding_are_omitted() {
    let folder = TempFolder::new();
    let list = folder.list(&[("often", 100), ("some", 10), ("once", 1), ("padding", 0)]);
    assert_eq!(folder.build_partial(&list, 10).unwrap().below_min_count, 2);
    let filter = folder.open().unwrap();
    assert!(
        filter.contains_password("often")
            && filter.contains_password("some")
            && !filter.contains_password("once")
    );
    assert_eq!(filter.header().min_count, 10);
    folder.build_partial(&list, 0).unwrap();
    let filter = folder.open().unwrap();
    assert!(filter.contains_password("once") && !filter.contains_password("padding"));
}

#[test]
fn a_folder_of_ranges_is_read_like_one_file() {
    let folder = TempFolder::new();
    let hashes = folder.at("hashes");
    std::fs::create_dir(&hashes).unwrap();
    for (password, extension) in [("one of them", ".txt"), ("another", "")] {
        let hash = hex(password);
        let (prefix, suffix) = hash.split_at(5);
        let text = format!("{suffix}:7\r\n");
        std::fs::write(hashes.join(format!("{prefix}{extension}")), text).unwrap();
    }
    let feed = folder.build_partial(&hashes, 1).unwrap();
    assert_eq!((feed.lines, feed.ranges), (2, 2));
    let filter = folder.open().unwrap();
    assert!(
        filter.contains_password("one of them")
            && filter.contains_password("another")
            && !filter.contains_password("third")
    );
}

#[test]
fn a_list_of_another_kind_is_rejected_and_the_old_filter_stays() {
    let folder = TempFolder::new();
    folder
        .build_partial(&folder.list(&[("first", 1)]), 1)
        .unwrap();
    let mut sorted = [line(&("a", 1)), line(&("b", 1))];
    sorted.sort();
    let ntlm = "0123456789ABCDEF0123456789ABCDEF:5\n".to_owned();
    for (text, reason) in [
        (ntlm, "NTLM"),
        (
            [&*sorted[1], &*sorted[0]].concat(),
            "line 2: the list is not sorted",
        ),
        (String::new(), "no hash"),
        ("password\nletmein\n".to_owned(), "line 1: not `SHA1:COUNT`"),
        (format!("{}x\n", sorted[0].trim_end()), "not `SHA1:COUNT`"),
        (format!("+{}:1\n", "F".repeat(39)), "not `SHA1:COUNT`"),
        ("F".repeat(1 << 20), "not `SHA1:COUNT`"),
    ] {
        let path = folder.at("list.txt");
        std::fs::write(&path, text).unwrap();
        let error = error(folder.build_partial(&path, 1));
        assert!(error.contains(reason), "{reason}: {error}");
        assert!(folder.open().unwrap().contains_password("first"));
        assert_eq!(folder.names(), ["filter"]);
    }
    assert!(error(folder.build_partial(&folder.at("nowhere"), 1)).contains("cannot read"));
}

/// P-05: a list that lacks a range builds nothing, unless that is allowed.
#[test]
fn an_incomplete_list_is_rejected_unless_allowed() {
    let folder = TempFolder::new();
    let list = folder.list(&[("first", 1)]);
    folder.build_partial(&list, 1).unwrap();
    let rejected = error(folder.build(&list, Coverage::Complete, 1));
    assert!(
        rejected.contains("in 1 of the 1,048,576 ranges"),
        "{rejected}"
    );
    assert!(rejected.contains("none in range 00000"), "{rejected}");
    assert!(rejected.contains("--allow-partial"), "{rejected}");
    let ranges = |ranges: &mut dyn Iterator<Item = u64>| {
        let lines = ranges.map(|range| format!("{range:05X}{:035X}:3\r\n", range * 2_654_435_761));
        std::fs::write(&list, lines.collect::<String>()).unwrap();
    };
    ranges(&mut (0..RANGES - 1));
    let rejected = error(folder.build(&list, Coverage::Complete, 1));
    assert!(rejected.contains("in 1048575 of"), "{rejected}");
    assert!(rejected.contains("none in range FFFFF"), "{rejected}");
    assert!(
        folder.open().unwrap().contains_password("first"),
        "the old filter stays"
    );
    ranges(&mut (0..RANGES));
    let feed = folder.build(&list, Coverage::Complete, 1).unwrap();
    assert_eq!((feed.lines, feed.ranges), (RANGES, RANGES));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = TempFolder::new();
    let list = folder.list(&[("one", 1), ("two", 2), ("three", 3)]);
    folder.build_partial(&list, 1).unwrap();
    let whole = std::fs::read(folder.at("filter")).unwrap();
    let with_byte = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    for (bytes, reason) in [
        (Vec::new(), "truncated"),
        (whole[..20].to_vec(), "truncated"),
        (whole[..whole.len() - 1].to_vec(), "instead of 56"),
        ([&whole[..], b"x"].concat(), "instead of 56"),
        (
            b"SQLite format 3\0".repeat(20),
            "not a breached-password filter",
        ),
        (
            with_byte(15, 9),
            "format version 9, this server reads version 2",
        ),
        (with_byte(16, 0xff), "instead of 18446744073709551615"),
    ] {
        std::fs::write(folder.at("filter"), bytes).unwrap();
        let error = error(folder.open());
        assert!(error.contains(reason), "{reason}: {error}");
        assert!(error.contains("password.breached_filter"), "{error}");
    }
    std::fs::write(folder.at("filter"), with_byte(32, 0xff)).unwrap();
    assert!(error(folder.open().unwrap().check()).contains("not sorted"));
    std::fs::remove_file(folder.at("filter")).unwrap();
    assert!(error(folder.open()).contains("password.breached_filter"));
    let made = std::process::Command::new("mkfifo")
        .arg(folder.at("filter"))
        .status();
    assert!(made.unwrap().success());
    assert!(error(folder.open()).contains("not a regular file"));
}

/// A server keeps the file it opened.
#[test]
fn a_replaced_filter_is_used_when_it_is_opened_again() {
    let folder = TempFolder::new();
    folder
        .build_partial(&folder.list(&[("old", 1)]), 1)
        .unwrap();
    let filter = folder.open().unwrap();
    folder
        .build_partial(&folder.list(&[("new", 1)]), 1)
        .unwrap();
    assert!(filter.contains_password("old") && !filter.contains_password("new"));
    assert!(folder.open().unwrap().contains_password("new"));
}

/// C-01: only a filter is replaced by a filter, and never by an empty one.
#[test]
fn no_other_file_is_overwritten() {
    let folder = TempFolder::new();
    let list = folder.list(&[("password", 7)]);
    folder.build_partial(&list, 1).unwrap();
    assert!(error(folder.build_partial(&list, 8)).contains("would be empty"));
    assert!(folder.open().unwrap().contains_password("password"));
    assert_eq!(folder.names(), ["filter"]);
    std::fs::create_dir(folder.at("folder")).unwrap();
    std::fs::write(folder.at("short"), "DW").unwrap();
    for target in [
        &list,
        &folder.at("folder"),
        &folder.at("short"),
        Path::new("/dev/full"),
    ] {
        let error = error(Builder::create(target));
        assert!(
            error.contains("is not a breached-password filter"),
            "{error}"
        );
    }
    assert!(std::fs::read_to_string(list).unwrap().contains(":7"));
}
