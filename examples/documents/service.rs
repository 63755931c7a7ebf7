//! The service: documents are asked for, made in the background, and kept by what they are made of.
//! This is the part to copy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tidetable::{
    BuildError, Clock, Input, Invalidated, Options, Pending, PendingState, Record, Result, Retry,
    Span, Store, Timestamp, View,
};

use crate::measured::Measured;
use crate::room::{Content, Id, print};

pub struct Documents {
    pub store: Store,
    pub measured: Arc<Measured>,
    /// What documents are made of, so that they can be made without those who asked, and after a
    /// restart.
    contents: Input<Id, Content>,
    documents: View<Id, Vec<u8>>,
    clock: Arc<dyn Clock>,
}

/// How the service runs.
#[derive(Clone)]
pub struct Setup {
    pub memory_bytes: usize,
    /// So many documents are made at once.
    pub builders: usize,
    /// How long one takes in the mean.
    pub work: Duration,
    pub clock: Arc<dyn Clock>,
}

/// A document depends on its content alone: it has no time, and any instant finds it.
const ANY_TIME: Timestamp = Timestamp::EPOCH;
/// So long measurements count.
const WINDOW: Span = Span::hours(1);

impl Documents {
    pub fn open(file: &Path, setup: &Setup) -> Result<Self> {
        let Setup { memory_bytes, builders, work, clock } = setup.clone();
        let measured = Arc::new(Measured::new(WINDOW, clock.clone()));
        let options = Options {
            memory_bytes,
            builders,
            background_ramp: Span::ZERO, // what was asked for is made at once, also after a restart
            unsynced_bytes_max: 4 << 20, // who asks waits behind it where documents come in quickly
            observer: Some(measured.clone()),
            clock: clock.clone(),
            ..Options::default()
        };
        let store = Store::open_with(file, options)?;
        let contents: Input<Id, Content> = store.input("contents")?;
        let (source, sizes) = (contents.clone(), measured.clone());
        let documents = store
            .view::<Id, Vec<u8>>("documents")
            .uncompressed() // they are compressed already
            .retry(Retry { attempts: 2, first: Span::millis(20), most: Span::millis(20) })
            .without_breaker() // one that cannot be made says nothing about the next one
            .build(move |cx, id, _| {
                let content = cx.input(&source, id)?;
                let content = content.ok_or_else(|| BuildError::new("its content is unknown"))?;
                let document = print(cx, id, &content, work)?;
                sizes.made(document.len());
                Ok(document)
            })?;
        Ok(Self { store, measured, contents, documents, clock })
    }

    /// Asks for a document and returns at once. However many ask for the same, it is made once; one
    /// that is there is not made again.
    pub fn request(&self, content: &Content) -> Result<Ticket> {
        let mut tickets = self.request_many(std::slice::from_ref(content))?;
        Ok(tickets.pop().expect("one was asked for"))
    }

    /// Asks for many at the price of one: a sync. What a document is made of and that it is asked for
    /// are written together, so that neither is there without the other.
    pub fn request_many(&self, contents: &[Content]) -> Result<Vec<Ticket>> {
        let ids: Vec<Id> = contents.iter().map(Content::id).collect();
        let mut writes = self.store.writes();
        for (id, content) in ids.iter().zip(contents) {
            if self.contents.get(id)?.is_none() {
                writes.set(&self.contents, id, content)?.request(&self.documents, id, ANY_TIME)?;
            }
        }
        writes.commit()?;
        // What is asked for already costs no write.
        let pending = self.documents.request_many(ids.iter().map(|id| (*id, ANY_TIME)))?;
        Ok(ids.into_iter().zip(pending).map(|(id, pending)| Ticket { id, pending }).collect())
    }

    /// The document, if it is there: from memory or from the file.
    pub fn fetch(&self, id: &Id) -> Result<Option<Record<Vec<u8>>>> {
        let found = self.documents.peek(id, ANY_TIME)?.filter(Record::is_fresh);
        self.measured.read(found.as_ref().map(Record::layer));
        Ok(found)
    }

    /// Says that a document is worth nothing. Nobody is given it any more; it is made again in the
    /// background.
    pub fn invalidate(&self, id: &Id) -> Result<Invalidated> {
        self.documents.invalidate(id)
    }

    /// Deletes the documents that were made longer ago, and what they were made of. How many there
    /// were.
    pub fn drop_older_than(&self, age: Span) -> Result<u64> {
        let Some(before) = self.clock.now().checked_sub(age) else { return Ok(0) };
        let mut old = Vec::new();
        for id in self.documents.entities() {
            let id = id?;
            let document = self.documents.peek(&id, ANY_TIME)?;
            if document.is_some_and(|document| document.built_at() < before) {
                old.push(id);
            }
        }
        let dropped = self.documents.delete_before(before)?;
        self.forget_contents(&old)?;
        Ok(dropped)
    }

    /// What was made anew meanwhile still needs its content.
    fn forget_contents(&self, ids: &[Id]) -> Result<()> {
        let mut unused = Vec::new();
        for id in ids {
            if self.documents.peek(id, ANY_TIME)?.is_none() {
                unused.push(*id);
            }
        }
        self.contents.remove_many(unused).map(drop)
    }

    /// How many documents there are.
    pub fn count(&self) -> Result<u64> {
        Ok(self.documents.census()?.records)
    }

    /// How many were asked for and are not there; those that failed are not among them.
    pub fn pending(&self) -> Result<u64> {
        let backlog = self.store.backlog()?;
        Ok(backlog.marked + backlog.wanted - backlog.resting)
    }
}

/// What somebody holds who has asked for a document.
pub struct Ticket {
    pub id: Id,
    pending: Pending<Id, Vec<u8>>,
}

/// What has become of a document that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum State {
    Pending,
    Running { percent: u8 },
    Completed,
    Failed { reason: String },
}

impl Ticket {
    pub fn state(&self) -> Result<State> {
        Ok(match self.pending.state()? {
            PendingState::Building { progress } => {
                State::Running { percent: (progress * 100.0) as u8 }
            }
            PendingState::Completed => State::Completed,
            PendingState::Failed(error) => State::Failed { reason: error.to_string() },
            PendingState::Cancelled => State::Failed { reason: "it was cancelled".to_owned() },
            _ => State::Pending,
        })
    }

    /// Waits for the document; `None` if it takes longer than that.
    pub fn wait(&self, longest: Duration) -> Result<Option<Record<Vec<u8>>>> {
        self.pending.wait_for(longest)
    }
}
