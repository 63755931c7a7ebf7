//! A path that leads to no store.

use std::fs;
use std::path::Path;
use std::process::Command;

use tidetable::{Error, ErrorKind, Options, Store};

use crate::common::still;
use crate::says;

fn refused(path: &Path, kind: ErrorKind, words: &[&str]) -> Error {
    let error = says(still::open(path), kind, words);
    assert_eq!(error.file(), Some(path));
    assert!(error.to_string().ends_with(&format!("(file {})", path.display())), "{error}");
    error
}

#[test]
fn a_folder_that_is_not_there_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("city.tide");
    refused(&path, ErrorKind::System, &["its folder is not there: create that first"]);
}

#[test]
fn a_folder_in_the_place_of_the_file_is_told_to_name_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["is a directory", "give the path of a file in it"];
    refused(folder.path(), ErrorKind::System, &words);
}

#[cfg(unix)]
#[test]
fn a_file_in_the_place_of_a_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("city"), b"a file").unwrap();
    let path = folder.path().join("city").join("city.tide");
    refused(&path, ErrorKind::System, &["a part of the path is a file: choose another path"]);
}

#[test]
fn a_file_that_may_not_be_created_says_which_option_forbids_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    for options in [
        Options { create: false, ..still::options() },
        Options { read_only: true, ..still::options() },
    ] {
        let words = ["no such file", "`Options::create` is off", "`Options::read_only` is on"];
        says(Store::open_with(&path, options), ErrorKind::System, &words);
        assert!(!path.exists());
    }
}

#[test]
fn an_empty_file_and_one_of_another_program_are_told_to_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let empty = ["the file is empty", "remove it, or choose another path"];
    refused(&of("empty", b""), ErrorKind::Foreign, &empty);
    let foreign = ["not a tidetable file; choose another path"];
    refused(&of("letter", b"Dear harbour master"), ErrorKind::Foreign, &foreign);
    let theirs = folder.path().join("theirs.redb");
    drop(redb::Database::create(&theirs).unwrap());
    let words = ["a redb database of another program", "choose another path"];
    refused(&theirs, ErrorKind::Foreign, &words);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_says_what_the_user_needs_to_be_allowed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    still::open(&path).unwrap().close().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        println!("skipped: whoever runs this may write whatever its permissions say");
        return;
    }
    let words =
        ["Permission denied", "this user needs to read and write it", "`Options::read_only`"];
    refused(&path, ErrorKind::System, &words);
}

#[test]
fn a_file_that_is_open_already_says_who_may_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let _open = still::open(&path).unwrap();
    refused(&path, ErrorKind::Busy, &OPEN_ELSEWHERE);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "files::opens_what_another_process_has_open"])
        .env(STORE, &path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}

#[test]
#[ignore = "a child of the test that has the file open"]
fn opens_what_another_process_has_open() {
    let path = std::env::var_os(STORE).expect("only another test runs this one");
    refused(Path::new(&path), ErrorKind::Busy, &OPEN_ELSEWHERE);
}

const OPEN_ELSEWHERE: [&str; 2] =
    ["another process, or another Store in this one", "close it there, or use that Store"];
/// Tells a child where the store is.
const STORE: &str = "TIDETABLE_TEST_STORE";

#[test]
fn a_file_that_was_cut_short_or_spoilt_says_how_to_get_out_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = still::open(&path).unwrap();
    let view = store.view::<u32, Vec<u8>>("sun").without_build().unwrap();
    view.put(&1, crate::AT, &vec![7; 10_000]).unwrap();
    store.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let remedy = ["`Store::repair`", "put a backup in its place"];
    for len in [400, 5_000, whole.len() / 2, whole.len() - 5_000] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = refused(&path, ErrorKind::Damaged, &remedy);
        assert!(error.to_string().contains("truncated"), "{len} bytes: {error}");
    }
    let mut spoilt = whole.clone();
    spoilt[70] ^= 0xff;
    fs::write(&path, &spoilt).unwrap();
    refused(&path, ErrorKind::Damaged, &remedy);

    fs::write(&path, &whole[..5_000]).unwrap();
    let hopeless = Store::repair(&path, folder.path().join("new.tide"));
    says(hopeless, ErrorKind::Damaged, &["put a backup in its place, or begin a new one"]);
}

#[test]
fn what_would_be_replaced_is_told_to_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, b"a letter").unwrap();
    let store = still::open(folder.path().join("city.tide")).unwrap();
    let words = ["nothing is replaced: choose another path", "taken"];
    says(store.backup(&taken), ErrorKind::Input, &words);
    let own = folder.path().join("city.tide");
    store.close().unwrap();
    says(Store::repair(own, &taken), ErrorKind::Input, &words);
}
