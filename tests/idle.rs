//! A store with nothing to do does nothing.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::time::Duration;

use tidetable::{Grid, Options, Span, Store, TimeRange, Timestamp};

/// Of each of the engine's threads: whether it sleeps, and how often it has woken to sleep again.
fn threads() -> Vec<(String, bool, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let status = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("status")).ok()
    };
    let mut threads: Vec<_> = tasks.filter_map(status).map(|status| thread(&status)).collect();
    threads.retain(|(name, ..)| name.starts_with("tidetable-"));
    threads
}

fn thread(status: &str) -> (String, bool, u64) {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix(':')).unwrap().trim().to_owned()
    };
    let switches = field("voluntary_ctxt_switches").parse().unwrap();
    (field("Name"), field("State").starts_with('S'), switches)
}

#[test]
fn no_thread_of_an_idle_store_wakes_up() {
    let options = Options { builders: 2, background_ramp: Span::ZERO, ..Options::default() };
    let store = Store::in_memory_with(options).unwrap();
    let view = store.view::<u32, u64>("idle").grid(Grid::minutes(1)).page_len(10);
    let view = view.retain(Span::days(365_000)).build(|cx, id, _| {
        cx.depends_on(("thing", *id));
        Ok(1)
    });
    let view = view.unwrap();
    let hour = TimeRange::new(Timestamp::EPOCH, Timestamp::from_seconds(3600));
    view.fill(&1, hour).unwrap().complete().unwrap();
    view.warm([1], hour).unwrap();
    store.invalidate(("thing", 1)).unwrap();
    view.within(Duration::from_secs(600)).get(&1, Timestamp::EPOCH).unwrap();
    view.fill(&1, hour).unwrap().complete().unwrap();
    // What nobody has synced is, and what nobody has done is done.
    store.sync().unwrap();
    while store.build_next().unwrap().is_some() {}
    store.sync().unwrap();
    let mut quiet = threads();
    loop {
        std::thread::yield_now();
        let now = threads();
        if now == quiet && now.iter().all(|(_, sleeps, _)| *sleeps) {
            break;
        }
        quiet = now;
    }
    assert_eq!(quiet.len(), 4, "a writer, two builders and who watches them: {quiet:?}");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(threads(), quiet);
}
