//! What the writer does around operations of any kind.

use crate::disk::batch::Batch;
use crate::disk::committed::Committed;
use crate::disk::operation::{Operation, Speed, envelope};
use crate::disk::operations::Hurry;
use crate::error::{ErrorKind, Result};
use crate::graph::MarkRow;
use crate::options::Options;
use crate::page::ViewId;
use crate::rebuild::Engine;
use crate::revision::Revision;
use crate::sync::Arc;
use crate::sync::channel::{Receiver, bounded};
use crate::time::{Span, Timestamp};
use crate::view::ViewDefinition;

use super::shared::Shared;

/// An operation that does what a test wants of it.
pub(super) struct Of<F> {
    speed: Speed,
    is_patient: bool,
    apply: F,
    shared: Arc<Shared>,
}

impl<F> Operation for Of<F>
where
    F: FnOnce(&mut Batch<'_>) -> Result<()> + Clone + Send + 'static,
{
    type Applied = ();
    /// Its revision, and what was published when it was answered.
    type Answer = (Revision, Revision);

    fn speed(&self) -> Speed {
        self.speed
    }

    fn is_patient(&self) -> bool {
        self.is_patient
    }

    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        (self.apply.clone())(batch)
    }

    fn answer(self, (): (), committed: &Committed) -> Self::Answer {
        (committed.revision(), self.shared.published())
    }
}

/// A store without a timer that syncs meanwhile.
pub(super) fn engine() -> Engine {
    let unsynced_age_max = Span::hours(1);
    let options = Options { builders: 0, unsynced_age_max, ..Options::default() };
    Engine::in_memory(options).unwrap()
}

pub(super) fn of<F>(engine: &Engine, speed: Speed, apply: F) -> Of<F> {
    Of { speed, is_patient: false, apply, shared: engine.shared().clone() }
}

fn nothing(_: &mut Batch<'_>) -> Result<()> {
    Ok(())
}

/// Says that records have marks that had none.
fn mark(batch: &mut Batch<'_>) -> Result<()> {
    batch.newly_marked = true;
    Ok(())
}

/// How many syncs an operation takes.
fn syncs<O: Operation>(engine: &Engine, operation: O) -> u64 {
    let before = engine.shared().metrics().syncs;
    drop(engine.writer().unwrap().run(operation).unwrap());
    engine.shared().metrics().syncs - before
}

#[test]
fn what_a_commit_changed_is_shown_before_its_revision() {
    let engine = engine();
    let before = engine.shared().published();
    let mut shown = None;
    engine.shared().publish(before.next(), |_| shown = Some(engine.shared().published()));
    assert_eq!((shown, engine.shared().published()), (Some(before), before.next()));
}

#[test]
fn an_operation_is_answered_when_its_revision_is_published() {
    let engine = engine();
    for speed in [Speed::Derived, Speed::AsFound, Speed::Synced] {
        let answered = engine.writer().unwrap().run(of(&engine, speed, nothing)).unwrap();
        assert!(answered.1 >= answered.0, "{speed:?}: {answered:?}");
    }
}

#[test]
fn what_cannot_be_built_again_is_synced_and_so_is_what_must_not_be_lost() {
    let engine = engine();
    let must = |batch: &mut Batch<'_>| {
        batch.must_sync();
        Ok(())
    };
    assert_eq!(syncs(&engine, of(&engine, Speed::Synced, nothing)), 1);
    assert_eq!(syncs(&engine, of(&engine, Speed::Derived, nothing)), 0);
    assert_eq!(syncs(&engine, of(&engine, Speed::AsFound, nothing)), 0);
    assert_eq!(syncs(&engine, of(&engine, Speed::Derived, must)), 1);
    assert_eq!(syncs(&engine, of(&engine, Speed::AsFound, must)), 1);
}

#[test]
fn where_all_is_synced_a_sync_writes_nothing() {
    let engine = engine();
    let commits = || engine.shared().metrics().commits;
    let syncs_again = || {
        let before = (commits(), engine.shared().metrics().syncs);
        engine.sync().unwrap();
        (commits() - before.0, engine.shared().metrics().syncs - before.1)
    };
    assert_eq!(syncs(&engine, of(&engine, Speed::Synced, nothing)), 1);
    assert_eq!(syncs_again(), (0, 0));
    assert_eq!(syncs(&engine, of(&engine, Speed::Derived, nothing)), 0);
    assert_eq!((syncs_again(), syncs_again()), ((1, 1), (0, 0)));
}

#[test]
fn what_is_announced_over_marks_that_are_not_synced_syncs_them() {
    let engine = engine();
    let announce = || of(&engine, Speed::AsFound, nothing);
    assert_eq!(syncs(&engine, of(&engine, Speed::Derived, mark)), 0);
    assert_eq!(syncs(&engine, of(&engine, Speed::Derived, nothing)), 0);
    assert_eq!((syncs(&engine, announce()), syncs(&engine, announce())), (1, 0));
}

#[test]
fn what_is_announced_beside_new_marks_in_one_transaction_syncs_them() {
    let engine = engine();
    let writer = engine.writer().unwrap();
    let (go, wait): (_, Receiver<()>) = bounded(1);
    let marks = move |batch: &mut Batch<'_>| {
        wait.recv().unwrap();
        mark(batch)
    };
    let before = engine.shared().metrics().syncs;
    let marks = Of { is_patient: true, ..of(&engine, Speed::Derived, marks) };
    let marks = writer.submit(marks).unwrap();
    // It is there before the first has been applied, and goes with it.
    let announce = writer.submit(of(&engine, Speed::AsFound, nothing)).unwrap();
    go.send(()).unwrap();
    let (marked, announced) = (marks.wait().unwrap(), announce.wait().unwrap());
    assert_eq!(marked.0, announced.0, "they were committed together");
    assert_eq!(engine.shared().metrics().syncs, before + 1);
}

#[test]
fn builders_are_called_by_marks_old_and_new_and_by_stamps_and_by_nothing_else() {
    let engine = Arc::new(engine());
    let view = ViewDefinition::<u32, u64>::new(engine.clone(), "view").build(|_, _, _| Ok(7));
    view.unwrap().get(&1, Timestamp::EPOCH).unwrap();
    let view = engine.view_id("view").unwrap();
    type Does = fn(&mut Batch<'_>, ViewId);
    let does: [(Does, bool); 5] = [
        (|_, _| (), false),
        (|batch, view| batch.note_content(view), false),
        (|batch, _| batch.newly_marked = true, true),
        (|batch, view| batch.links.stage_marks(&view.0.to_be_bytes(), MarkRow::default()), true),
        (
            |batch, view| {
                let revision = batch.revision();
                batch.views().raise_suspect(view, revision, Timestamp::EPOCH);
            },
            true,
        ),
    ];
    for (number, (does, calls)) in does.into_iter().enumerate() {
        let before = engine.shared().bell.heard();
        let apply = move |batch: &mut Batch<'_>| {
            does(batch, view);
            Ok(())
        };
        engine.writer().unwrap().run(of(&engine, Speed::Derived, apply)).unwrap();
        assert_eq!(engine.shared().bell.heard() != before, calls, "{number}");
    }
}

#[test]
fn after_a_commit_that_failed_nothing_is_written_though_the_file_would_take_it() {
    let engine = engine();
    let fail = |batch: &mut Batch<'_>| {
        let told = redb::Error::Corrupted("so it was told".into());
        batch.keep(Err(told))
    };
    let writer = engine.writer().unwrap();
    let failed = writer.run(of(&engine, Speed::Derived, fail)).unwrap_err();
    assert!(failed.to_string().contains("so it was told"), "{failed}");
    assert!(engine.shared().file.first_fault().is_none(), "the file is as good as before");
    let published = engine.shared().published();
    for refused in [writer.run(of(&engine, Speed::Synced, nothing)).map(drop), writer.run(Hurry)] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Reopen);
    }
    assert_eq!(engine.shared().published(), published);
}

#[test]
fn one_that_waited_while_another_failed_is_told_that_the_store_must_be_reopened() {
    let engine = engine();
    let writer = engine.writer().unwrap();
    let (go, wait): (_, Receiver<()>) = bounded(1);
    let fail = move |batch: &mut Batch<'_>| {
        wait.recv().unwrap();
        batch.keep(Err(redb::Error::Corrupted("so it was told".into())))
    };
    let failing = writer.submit(of(&engine, Speed::Synced, fail)).unwrap();
    // The transaction that has failed ends before it is taken out of the queue.
    let waiting = writer.submit(of(&engine, Speed::Synced, nothing)).unwrap();
    go.send(()).unwrap();
    assert!(failing.wait().unwrap_err().to_string().contains("so it was told"));
    assert_eq!(waiting.wait().unwrap_err().kind(), ErrorKind::Reopen);
}

#[test]
fn an_envelope_says_of_its_operation_what_it_says_of_itself() {
    /// Weighs something.
    struct Heavy(bool);

    impl Operation for Heavy {
        type Applied = ();
        type Answer = ();

        fn speed(&self) -> Speed {
            Speed::Derived
        }

        fn weight(&self) -> usize {
            7
        }

        fn is_patient(&self) -> bool {
            self.0
        }

        fn apply(&mut self, _: &mut Batch<'_>) -> Result<()> {
            Ok(())
        }

        fn answer(self, (): (), _: &Committed) {}
    }

    for is_patient in [true, false] {
        let (request, receipt) = envelope(Heavy(is_patient));
        let said = (request.speed(), request.weight(), request.is_patient());
        assert_eq!(said, (Speed::Derived, 7, is_patient));
        assert!(!receipt.is_answered());
        drop(request);
        assert!(receipt.is_answered(), "nobody will");
    }
    // Of one that says nothing somebody waits for the answer.
    let (request, _receipt) = envelope(Hurry);
    assert!((request.weight(), request.is_patient()) == (0, false));
}
