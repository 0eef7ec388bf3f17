//! The contract on the in-memory store, which other tests rely on; and the list of cases is complete.

use std::sync::Arc;

use doorward_domain::limits::{MemoryRateLimits, RateLimits};
use doorward_domain::memory::MemoryStore;
use doorward_domain::sessions::SessionStore;
use doorward_domain::store::Store;
use doorward_testkit::contract::OpenedPort;

async fn open() -> OpenedPort<dyn Store> {
    OpenedPort::new(Arc::new(MemoryStore::new()), ())
}

async fn open_sessions() -> OpenedPort<SessionStore> {
    let sessions = SessionStore::new(Arc::new(MemoryStore::new()), None);
    OpenedPort::new(Arc::new(sessions), ())
}

doorward_testkit::store_contract!(crate::memory::open);
async fn open_rate_limits() -> OpenedPort<dyn RateLimits> {
    OpenedPort::new(Arc::new(MemoryRateLimits::new(1000)), ())
}

doorward_testkit::session_contract!(crate::memory::open_sessions);
doorward_testkit::rate_limits_contract!(crate::memory::open_rate_limits);

#[test]
fn every_case_is_in_a_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract");
    let read = |path| std::fs::read_to_string(path).unwrap();
    let lists = read(format!("{folder}/mod.rs").into());
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let noun = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if noun == "mod" {
            continue;
        }
        let (_, list) = lists
            .split_once(&format!("            {noun} {{\n"))
            .unwrap_or_else(|| panic!("{noun}"));
        let (list, _) = list.split_once('}').unwrap();
        let text = read(path);
        let cases = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
        let listed: Vec<_> = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(listed, cases.collect::<Vec<_>>(), "{noun}");
    }
}
