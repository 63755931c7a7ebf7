//! Announcements that reach nobody.

use tidetable::{Changes, ErrorKind, Refresh};

use crate::common::still;
use crate::{AT, says};

#[test]
fn a_misspelt_source_marks_nothing_and_the_report_says_so() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|cx, &patio, _| {
        cx.depends_on(("building", patio));
        Ok(1)
    });
    let view = view.unwrap();
    view.get(&7, AT).unwrap();
    // A source that nobody has read yet looks just the same, so this cannot be an error.
    let report = store.invalidate(("bilding", 7)).unwrap();
    assert_eq!((report.stale, report.suspect), (0, 0));
    assert!(view.get(&7, AT).unwrap().is_fresh());
    // What a record reads is told, with its spelling.
    let told = view.explain(&7, AT).unwrap().to_string();
    assert!(told.contains("read (\"building\", 7)"), "{told}");
    let meant = store.preview(&Changes::new().source(("building", 7))).unwrap();
    assert_eq!(meant.stale, 1);
}

#[test]
fn a_build_that_declares_nothing_is_told_of_by_its_explanation() {
    let store = still::in_memory().unwrap();
    let view = store.view::<u32, u64>("sun").build(|_, _, _| Ok(1)).unwrap();
    view.get(&7, AT).unwrap();
    let told = view.explain(&7, AT).unwrap().to_string();
    assert!(told.contains("read nothing that it declared"), "{told}");
}

#[test]
fn a_misspelt_view_is_told_where_the_names_are() {
    let store = still::in_memory().unwrap();
    let words = ["view 'sum'", "the file knows no such view", "`Store::views`"];
    says(store.invalidate_all(&Changes::new().view("sum")), ErrorKind::Absent, &words);
    says(store.refresh(&Refresh::all().view("sum")), ErrorKind::Absent, &words);
}
