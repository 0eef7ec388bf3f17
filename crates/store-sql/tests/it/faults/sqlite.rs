//! SQLite's disk is full, or another process locks its file.

use std::fs;
use std::path::Path;
use std::process::Command;

use doorward_domain::store::Store;
use doorward_store_sql::SqlStore;
use doorward_testkit::fixtures;
use sqlx::Connection;

use super::{
    assert_ping_fails, connect, connect_patiently, in_time, is_signed_up, is_store_error, sessions,
    settings, sign_up, wait_until_healthy,
};

/// Runs a test of this file in a child process that may mount its own disk.
fn run_with_own_mounts(test: &str) {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount"]);
    unshare.arg(std::env::current_exe().unwrap());
    unshare.arg(format!("{module}::{test}"));
    let output = unshare.args(["--exact", "--ignored"]).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout);
    // A name that no test has would succeed too.
    assert!(reported.contains(" 1 passed"), "{reported}");
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

#[test]
fn a_full_disk_fails_writes_until_there_is_space() {
    run_with_own_mounts("a_full_disk");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a mount of its own, which the test above gives it"]
async fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path();
    let mut mount = Command::new("mount");
    run(mount
        .args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"])
        .arg(disk));
    let store = connect(&format!("sqlite:{}/doorward.db", disk.display())).await;
    let (kept, batch) = sign_up();
    store.apply(batch).await.unwrap();
    let filler = fill(disk);
    let mut refused = Vec::new();
    for _ in 0..20 {
        let (user, batch) = sign_up();
        match in_time(store.apply(batch)).await {
            Ok(()) => assert!(is_signed_up(&store, &user).await),
            told => {
                assert!(is_store_error(&told), "{told:?}");
                refused.push(user);
            }
        }
    }
    assert!(!refused.is_empty(), "there was room for all");
    until_not_well(&store).await;
    let session = fixtures::session(kept.id);
    let open = async || sessions(&store).open(&session, Vec::new()).await;
    in_time(open()).await.unwrap_err();
    assert!(is_signed_up(&store, &kept).await, "it can still be read");

    fs::remove_file(filler).unwrap();
    wait_until_healthy(|| Store::ping(&store)).await;
    let (user, batch) = sign_up();
    in_time(store.apply(batch)).await.unwrap();
    assert!(is_signed_up(&store, &user).await);
    for user in refused {
        assert!(!is_signed_up(&store, &user).await, "half done");
    }
    open().await.unwrap();
    store.close().await;
    // The stored data is complete.
    let url = format!("sqlite:{}/doorward.db", disk.display());
    let store = connect(&url).await;
    assert!(is_signed_up(&store, &user).await);
    store.close().await;

    let mut mount = Command::new("mount");
    run(mount.args(["-o", "remount,ro"]).arg(disk));
    let told = SqlStore::connect(&settings(&url), fixtures::now()).await;
    let told = told.map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("doorward.db (Read-only"), "{told}");
}

/// Fills the disk.
fn fill(disk: &Path) -> std::path::PathBuf {
    let path = disk.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    let piece = [7; 4096];
    while std::io::Write::write_all(&mut file, &piece).is_ok() {}
    path
}

/// Waits until the ping's small writes fail, too.
async fn until_not_well(store: &SqlStore) {
    for _ in 0..2000 {
        if in_time(Store::ping(store)).await.is_err() {
            return;
        }
    }
    panic!("there is always room for a little");
}

/// Another process holds a lock on the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_locks_fails_the_ping() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/doorward.db", folder.path().display());
    let store = connect_patiently(&url).await;
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    let lock = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other);
    lock.await.unwrap();
    assert_ping_fails(&store).await;
    let unlock = sqlx::raw_sql("ROLLBACK").execute(&mut other);
    unlock.await.unwrap();
    wait_until_healthy(|| Store::ping(&store)).await;
}
