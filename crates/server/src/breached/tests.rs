//! The file as a whole: what goes in is found, and whatever is not whole is refused.

use std::path::PathBuf;

use super::*;

struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            folder: folder.unwrap(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A list as it is published.
    fn list(&self, passwords: &[(&str, u64)]) -> PathBuf {
        let mut lines: Vec<_> = passwords.iter().map(line).collect();
        lines.sort();
        let path = self.at("list.txt");
        std::fs::write(&path, lines.concat()).unwrap();
        path
    }

    fn build(&self, from: &Path, min_count: u64) -> anyhow::Result<Feed> {
        let mut builder = Builder::create(&self.at("filter"))?;
        let wanted = Wanted {
            min_count,
            extent: Extent::Partial,
        };
        let feed = feed(from, wanted, &mut builder, &|_| ())?;
        builder.finish(min_count)?;
        Ok(feed)
    }

    /// The same, were it the public list.
    fn build_whole(&self, from: &Path) -> anyhow::Result<Feed> {
        let mut builder = Builder::create(&self.at("filter"))?;
        let wanted = Wanted {
            min_count: 1,
            extent: Extent::Whole,
        };
        let feed = feed(from, wanted, &mut builder, &|_| ())?;
        builder.finish(1)?;
        Ok(feed)
    }

    fn open(&self) -> anyhow::Result<Filter> {
        let filter = Filter::open(&self.at("filter"))?;
        filter.check_quickly(&self.at("filter"))?;
        Ok(filter)
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
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

fn refused<T>(outcome: anyhow::Result<T>) -> String {
    format!("{:#}", outcome.map(drop).unwrap_err())
}

/// P-05: the whole password, letter by letter.
#[test]
fn what_is_on_the_list_is_found_and_nothing_else() {
    let room = Room::new();
    let passwords: Vec<String> = (0..5_000).map(|n| format!("breached-{n}")).collect();
    let seen: Vec<_> = passwords.iter().map(|one| (one.as_str(), 3)).collect();
    let feed = room.build(&room.list(&seen), 1).unwrap();
    assert_eq!((feed.lines, feed.seldom), (5_000, 0));
    let filter = room.open().unwrap();
    assert_eq!(filter.facts().count, 5_000);
    assert_eq!(
        filter.facts().bytes(),
        std::fs::metadata(room.at("filter")).unwrap().len()
    );
    for password in &passwords {
        assert!(filter.holds(password), "{password}");
    }
    for other in (0..5_000).map(|n| format!("Breached-{n}")) {
        assert!(!filter.holds(&other), "{other}");
    }
    assert!(!filter.holds("") && !filter.holds("breached-1x"));
    assert_eq!(room.names(), ["filter"], "and nothing is left lying about");
}

#[test]
fn what_was_seen_seldom_and_what_is_padding_is_left_out() {
    let room = Room::new();
    let list = room.list(&[
        ("often", 100),
        ("now and then", 10),
        ("once", 1),
        ("padding", 0),
    ]);
    assert_eq!(room.build(&list, 10).unwrap().seldom, 2);
    let filter = room.open().unwrap();
    assert!(filter.holds("often") && filter.holds("now and then") && !filter.holds("once"));
    assert_eq!(filter.facts().min_count, 10);
    room.build(&list, 0).unwrap();
    assert!(room.open().unwrap().holds("once") && !room.open().unwrap().holds("padding"));
}

#[test]
fn a_folder_of_ranges_is_the_same_list() {
    let room = Room::new();
    let folder = room.at("hashes");
    std::fs::create_dir(&folder).unwrap();
    for (number, password) in ["one of them", "another"].into_iter().enumerate() {
        let hash = hex(password);
        let (prefix, suffix) = hash.split_at(5);
        let ending = if number == 0 { ".txt" } else { "" };
        let text = format!("{suffix}:7\r\n");
        std::fs::write(folder.join(format!("{prefix}{ending}")), text).unwrap();
    }
    let feed = room.build(&folder, 1).unwrap();
    assert_eq!((feed.lines, feed.ranges), (2, 2));
    let filter = room.open().unwrap();
    assert!(filter.holds("one of them") && filter.holds("another") && !filter.holds("a third"));
}

#[test]
fn what_is_no_such_list_is_refused_and_leaves_the_old_file() {
    let room = Room::new();
    room.build(&room.list(&[("kept", 1)]), 1).unwrap();
    let sorted = [line(&("a", 1)), line(&("b", 1))];
    let ntlm = "0123456789ABCDEF0123456789ABCDEF:5\n".to_owned();
    for (text, why) in [
        (ntlm, "NTLM"),
        ([&*sorted[1], &*sorted[0]].concat(), "sorted by hash"),
        ([&*sorted[0], &*sorted[1]].concat(), ""),
        (String::new(), "no hash"),
        ("password\nletmein\n".to_owned(), "line 1"),
        (format!("{}x\n", sorted[0].trim_end()), "no `SHA1:COUNT`"),
        ("F".repeat(1 << 20), "no `SHA1:COUNT`"),
    ] {
        let path = room.at("list.txt");
        std::fs::write(&path, text).unwrap();
        match (room.build(&path, 1), why) {
            // One order of the two is the right one.
            (Ok(_), "" | "sorted by hash") => {
                room.build(&room.list(&[("kept", 1)]), 1).map(drop).unwrap();
            }
            (outcome, "") => assert!(refused(outcome).contains("sorted by hash")),
            (outcome, why) => {
                let said = refused(outcome);
                assert!(said.contains(why), "{why}: {said}");
            }
        }
        assert!(room.open().unwrap().holds("kept"));
        assert_eq!(room.names(), ["filter"]);
    }
    assert!(refused(room.build(&room.at("nowhere"), 1)).contains("cannot be read"));
    std::fs::create_dir(room.at("empty")).unwrap();
    assert!(refused(room.build(&room.at("empty"), 1)).contains("00000.txt"));
}

/// P-05: a list that was cut at a line's end, or a folder with a range missing, builds nothing; whole it does.
#[test]
fn a_list_that_is_not_whole_builds_nothing_unless_that_is_meant() {
    let room = Room::new();
    let kept = room.list(&[("kept", 1)]);
    room.build(&kept, 1).unwrap();
    let said = refused(room.build_whole(&kept));
    assert!(said.contains("in 1 of the 1,048,576 ranges"), "{said}");
    assert!(said.contains("--partial"), "{said}");
    let whole: String = (0..BUCKETS)
        .map(|range| format!("{range:05X}{:035X}:3\r\n", range * 2_654_435_761))
        .collect();
    let list = room.at("whole.txt");
    let cut = whole.len() - 2 * "0".repeat(44).len() - 1;
    let at_a_lines_end = cut - cut % whole.find('\n').map(|end| end + 1).unwrap();
    std::fs::write(&list, &whole[..at_a_lines_end]).unwrap();
    let said = refused(room.build_whole(&list));
    assert!(said.contains("none in the range FFFF"), "{said}");
    assert!(room.open().unwrap().holds("kept"), "the old file stays");
    std::fs::write(&list, &whole).unwrap();
    let feed = room.build_whole(&list).unwrap();
    assert_eq!((feed.lines, feed.ranges), (BUCKETS as u64, BUCKETS));
    let folder = room.at("hashes");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("00000"), format!("{:035X}:1\n", 5)).unwrap();
    std::fs::write(folder.join("00001.txt"), "").unwrap();
    let said = refused(room.build_whole(&folder));
    assert!(
        said.contains("in 1 of") && said.contains("range 00001"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_not_whole_is_refused_with_a_sentence() {
    let room = Room::new();
    room.build(&room.list(&[("one", 1), ("two", 2), ("three", 3)]), 1)
        .unwrap();
    let whole = std::fs::read(room.at("filter")).unwrap();
    let spoilt = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= byte;
        bytes
    };
    let end = whole.len();
    for (bytes, why) in [
        (Vec::new(), "cut short"),
        (whole[..100].to_vec(), "cut short"),
        (whole[..end - 1].to_vec(), "cut short"),
        ([&whole[..], b"x"].concat(), "overlong"),
        (
            b"SQLite format 3\0".repeat(20),
            "no file of breached passwords",
        ),
        (spoilt(8, 3), "version 2, and this server reads version 1"),
        (spoilt(12, 1), "build it anew"),
        (spoilt(17, 1), "damaged"),
        (spoilt(HEADER - 1, 1), "damaged"),
        (spoilt(HEADER + 4_000, 1), "damaged"),
        (spoilt(end - 1, 1), "damaged"),
    ] {
        std::fs::write(room.at("filter"), bytes).unwrap();
        let said = refused(room.open());
        assert!(said.contains(why), "{why}: {said}");
    }
    std::fs::remove_file(room.at("filter")).unwrap();
    assert!(refused(room.open()).contains("password.breached_filter"));
    // Nobody writes into that pipe, and nobody is waited for.
    let made = std::process::Command::new("mkfifo")
        .arg(room.at("filter"))
        .status();
    assert!(made.unwrap().success());
    assert!(refused(room.open()).contains("no plain file"));
}

/// A file that rots under a running server answers no, and breaks nothing.
#[test]
fn a_damaged_bucket_is_not_believed() {
    let room = Room::new();
    room.build(&room.list(&[("one", 1)]), 1).unwrap();
    let filter = room.open().unwrap();
    let mut bytes = std::fs::read(room.at("filter")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(room.at("filter"), bytes).unwrap();
    assert!(!filter.holds("one") && filter.has(kept(&[0xff; 20])).is_ok());
}

/// What was opened stays; what takes its place is seen at the next start.
#[test]
fn a_replaced_file_is_seen_when_it_is_opened_anew() {
    let room = Room::new();
    room.build(&room.list(&[("old", 1)]), 1).unwrap();
    let filter = room.open().unwrap();
    room.build(&room.list(&[("new", 1)]), 1).unwrap();
    assert!(filter.holds("old") && !filter.holds("new"));
    assert!(room.open().unwrap().holds("new"));
}

/// C-01: what is no filter is not replaced by one, and a filter of nothing replaces none.
#[test]
fn nothing_is_lost_to_a_filter() {
    let room = Room::new();
    let list = room.list(&[("password", 7)]);
    room.build(&list, 1).unwrap();
    room.build(&list, 1).unwrap();
    assert!(refused(room.build(&list, 8)).contains("refuse none"));
    assert!(room.open().unwrap().holds("password"));
    assert_eq!(room.names(), ["filter"]);
    std::fs::create_dir(room.at("folder")).unwrap();
    std::fs::write(room.at("short"), "DW").unwrap();
    for target in [
        &list,
        &room.at("folder"),
        &room.at("short"),
        Path::new("/dev/full"),
    ] {
        let text = refused(Builder::create(target));
        assert!(text.contains("no filter"), "{text}");
    }
    assert!(std::fs::read_to_string(list).unwrap().contains(":7"));
}
