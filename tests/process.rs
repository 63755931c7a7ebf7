//! Processes that are killed, that fork, and that lose their file.
//!
//! The children are this test program itself, told by name to run one of the ignored tests.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test that called it")]
#![allow(clippy::print_stdout, reason = "a child says what it saw")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tidetable::{ErrorKind, Options, Result, Span, Store, View};

use common::disk::Random;
use common::record::{Cell, at, buckets, built_view, cell, put_view};

/// Tells a child where the store is.
const STORE: &str = "TIDETABLE_TEST_STORE";

fn child(name: &str, store: &Path) -> Child {
    command(name, store).spawn().unwrap()
}

fn command(name: &str, store: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(STORE, store).stdout(Stdio::piped());
    command
}

fn store_of_this_child() -> PathBuf {
    std::env::var_os(STORE).expect("only other tests run this one").into()
}

const WRITERS: u32 = 4;
/// No writer gets further before it is killed.
const BUCKETS: i64 = 20_000;

#[test]
#[ignore = "a child of the test that kills it"]
fn puts_until_killed() {
    let store = Store::open(store_of_this_child()).unwrap();
    let (put, built) = (put_view(&store, "put").unwrap(), built_view(&store, "built").unwrap());
    std::thread::scope(|scope| {
        for entity in 0..WRITERS {
            let (put, built) = (&put, &built);
            scope.spawn(move || {
                let next = put.range(&entity, buckets(0..BUCKETS)).unwrap().len() as i64;
                for bucket in next.. {
                    put.put(&entity, at(bucket), &cell(entity, bucket, 1)).unwrap();
                    // One write, so that a kill never cuts it in two.
                    let line = format!("acknowledged {entity} {bucket}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    built.get(&entity, at(bucket)).unwrap();
                }
            });
        }
    });
}

#[test]
fn after_every_kill_the_file_opens_and_all_that_was_acknowledged_is_there() {
    const SEED: u64 = 0x6b69_6c6c_2d39;
    const KILLS: usize = 10;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let mut random = Random(SEED);
    // Entity -> the first bucket that was not acknowledged; writers go on where the file ends.
    let mut acknowledged = BTreeMap::<u32, i64>::new();
    for kill in 0..KILLS {
        let wanted = 1 + random.below(150);
        let mut child = child("puts_until_killed", &path);
        let lines =
            BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::result::Result::ok);
        let mut seen = 0;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let ["acknowledged", entity, bucket] = *words else { continue };
            let next = acknowledged.entry(entity.parse().unwrap()).or_default();
            *next = (*next).max(bucket.parse::<i64>().unwrap() + 1);
            seen += 1;
            if seen == wanted {
                // What is in the pipe by then was acknowledged too, and is read to its end.
                child.kill().unwrap();
            }
        }
        assert!(seen >= wanted, "kill {kill}: the child ended by itself after {seen} records");
        child.kill().unwrap();
        child.wait().unwrap();
        check_after_kill(&path, &acknowledged, kill);
    }
    let total: i64 = acknowledged.values().sum();
    println!("{total} acknowledged records survived {KILLS} kills, seed {SEED:#x}");
    assert!(total > 100, "only {total} records were put");
}

fn check_after_kill(path: &Path, acknowledged: &BTreeMap<u32, i64>, kill: usize) {
    let store = Store::open(path).unwrap();
    let put = put_view(&store, "put").unwrap();
    for (&entity, &next) in acknowledged {
        let there = put.range(&entity, buckets(0..BUCKETS)).unwrap();
        let held: Vec<i64> = there.iter().map(|(_, record)| record.bucket.to_native()).collect();
        assert!(held.len() as i64 >= next, "kill {kill}: {} of {next} are there", held.len());
        assert!(held.iter().copied().eq(0..held.len() as i64), "kill {kill}: {held:?}");
        assert!(there.iter().all(|(_, record)| record.entity == entity && record.value == 1));
    }
    store.close().unwrap();
}

#[test]
fn a_kill_at_birth_leaves_a_whole_store_or_none() {
    let (mut whole, mut none) = (0, 0);
    for round in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("city.tide");
        let mut child = child("puts_until_killed", &path);
        // As soon as anything is there, which has a temporary name; or as soon as it has its own.
        let born = || match round % 2 {
            0 => std::fs::read_dir(folder.path()).unwrap().next().is_some(),
            _ => path.exists(),
        };
        while !born() {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        *(if path.exists() { &mut whole } else { &mut none }) += 1;
        let store = Store::open(&path).unwrap();
        put_view(&store, "put").unwrap().put(&9, at(0), &cell(9, 0, 1)).unwrap();
        store.close().unwrap();
    }
    println!("killed at birth: {whole} stores were whole, {none} were not there");
}

/// Whoever builds the record of this one is gone.
const DEADLY: u32 = 1;

#[test]
#[ignore = "a child of the test that counts its starts"]
fn builds_what_it_does_not_survive() {
    let path = store_of_this_child();
    let is_first = !path.exists();
    let options = Options { background_ramp: Span::ZERO, ..Options::default() };
    let store = Store::open_with(path, options).unwrap();
    let view = store.view::<u32, u32>("sun").build(|_, id, _| match *id {
        DEADLY => std::process::abort(),
        id => Ok(id),
    });
    let view = view.unwrap();
    if is_first {
        drop(view.request_many((0..5).map(|id| (id, at(0)))).unwrap());
    }
    let is_there = |id: &u32| view.peek(id, at(0)).unwrap().is_some();
    while (0..5).filter(is_there).count() < 4 {
        std::thread::yield_now();
    }
    store.close().unwrap();
}

#[test]
fn a_build_that_kills_the_process_does_so_twice_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let start = || child("builds_what_it_does_not_survive", &path).wait_with_output().unwrap();
    assert!(!start().status.success(), "nothing was known of it");
    // Of these one at most is killed: the one that noted before that it would try.
    let ends = [start().status.success(), start().status.success()];
    assert!(ends[1], "{ends:?}");
    let store = Store::open(&path).unwrap();
    let view = store.view::<u32, u32>("sun").build(|_, _, _| Err("not here".into())).unwrap();
    let there: Vec<u32> = (0..5).filter(|id| view.peek(id, at(0)).unwrap().is_some()).collect();
    assert_eq!(there, [0, 2, 3, 4]);
    store.close().unwrap();
}

#[test]
#[ignore = "a child of the test that watches it fork"]
fn forks_with_an_open_store() {
    let path = store_of_this_child();
    let store = Store::open(&path).unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    view.put(&1, at(100), &cell(1, 100, 1)).unwrap();
    view.get(&1, at(0)).unwrap();
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            // A panic would end the only thread that is left, and with it the process, as a success.
            let sound = catch_unwind(AssertUnwindSafe(|| {
                let sound = fork_is_refused(&path, &store, &view);
                drop((view, store));
                sound
            }));
            std::process::exit(i32::from(!sound.unwrap_or(false)));
        }
        fork::Fork::Parent(child) => {
            assert_eq!(fork::waitpid(child).unwrap(), 0, "the forked child says why, above");
        }
    }
    let busy = Store::open(&path).map(drop).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Busy, "the child let go of the parent's lock: {busy}");
    view.put(&1, at(1), &cell(1, 1, 2)).unwrap();
    store.close().unwrap();
}

/// Whether a forked child is served from memory and refused where it would reach the file. Ends at
/// the first that is not: what follows could wait for a thread that does not exist here.
fn fork_is_refused(path: &Path, store: &Store, view: &View<u32, Cell>) -> bool {
    type Call<'a> = (&'static str, &'a dyn Fn() -> Result<()>);
    if !view.get(&1, at(0)).is_ok_and(|record| record.value == 1) {
        println!("in the forked child a hit fails");
        return false;
    }
    let calls: [Call<'_>; 8] = [
        ("a miss", &|| view.get(&9, at(0)).map(drop)),
        ("reading the views", &|| store.views().map(drop)),
        ("a put", &|| view.put(&1, at(1), &cell(1, 1, 9))),
        ("a deletion", &|| view.delete(&1).map(drop)),
        ("a definition", &|| put_view(store, "new").map(drop)),
        ("a sync", &|| store.sync()),
        ("deleting a view", &|| store.delete_view("put").map(drop)),
        ("closing", &|| store.close()),
    ];
    for (what, call) in calls {
        let refused = call().is_err_and(|error| {
            error.kind() == ErrorKind::Reopen && error.to_string().contains("forked")
        });
        if !refused {
            println!("in the forked child {what} is not refused");
            return false;
        }
    }
    let busy = Store::open(path).is_err_and(|error| error.kind() == ErrorKind::Busy);
    if !busy {
        println!("in the forked child the parent's file is not busy");
    }
    busy
}

#[test]
fn a_forked_child_is_refused_and_harms_neither_the_file_nor_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let output = child("forks_with_an_open_store", &path).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the child did not run");
    let store = Store::open(&path).unwrap();
    let view = put_view(&store, "put").unwrap();
    assert_eq!(view.get(&1, at(1)).unwrap().value, 2);
    assert_eq!(store.views().unwrap().len(), 1);
    store.close().unwrap();
}

#[test]
fn another_process_finds_the_store_busy_until_its_holder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let mut child = child("puts_until_killed", &path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("acknowledged")));
    let busy = Store::open(&path).map(drop).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Busy, "{busy}");
    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(&path).unwrap().close().unwrap();
}

#[test]
fn a_file_unlinked_while_open_acknowledges_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.tide");
    let store = Store::open(&path).unwrap();
    let view = put_view(&store, "put").unwrap();
    view.put(&1, at(0), &cell(1, 0, 1)).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    let error = view.put(&1, at(1), &cell(1, 1, 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reopen, "{error}");
    assert!(error.to_string().contains("unlinked"), "{error}");
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    assert!(view.peek(&1, at(1)).is_err() || view.peek(&1, at(1)).unwrap().is_none());
    assert_eq!(view.get(&1, at(0)).unwrap().value, 1);
    assert!(store.close().unwrap_err().to_string().contains("unlinked"));
    assert!(!path.exists());
}

#[test]
#[ignore = "a child of the test that gives it a folder"]
fn opens_a_store_by_its_name_alone() {
    for value in 1..3 {
        let store = Store::open(store_of_this_child()).unwrap();
        let view = put_view(&store, "put").unwrap();
        view.put(&1, at(value), &cell(1, value, 1)).unwrap();
        store.close().unwrap();
    }
}

#[test]
fn a_name_without_a_folder_is_that_of_a_file_in_the_folder_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command("opens_a_store_by_its_name_alone", Path::new("city.tide"));
    let output = command.current_dir(folder.path()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let store = Store::open(folder.path().join("city.tide")).unwrap();
    let held = put_view(&store, "put").unwrap().range(&1, buckets(0..9)).unwrap();
    assert_eq!(held.len(), 2);
    store.close().unwrap();
}
