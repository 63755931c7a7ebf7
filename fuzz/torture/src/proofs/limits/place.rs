//! Where a limit is tried: a store in a file of its own, and what is asked of it.

use std::path::PathBuf;

use tempfile::TempDir;
use tidetable::{Error, ErrorKind, Options, Store};

use crate::round::Round;

/// Why something does not hold. Any error becomes one.
#[derive(Debug)]
pub struct Fault(String);

pub type Held<T = ()> = Result<T, Fault>;

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

pub fn fault(what: impl Into<String>) -> Fault {
    Fault(what.into())
}

/// Fails, with what was expected, unless it holds.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(fault(what())) }
}

/// A case: what goes wrong in it is told behind its name.
pub fn hold(round: &Round<'_>, name: impl Into<String>, held: impl FnOnce() -> Held) {
    round.case(|| held().map_err(|Fault(what)| format!("{}: {what}", name.into())));
}

/// A folder with a file.
pub struct Place {
    folder: TempDir,
    options: Options,
}

impl Place {
    /// Nothing happens in it by itself.
    pub fn still() -> Held<Self> {
        Self::with(still())
    }

    pub fn with(options: Options) -> Held<Self> {
        Ok(Self { folder: TempDir::new()?, options })
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("limits.tide")
    }

    pub fn open(&self) -> Held<Store> {
        Ok(Store::open_with(self.file(), self.options.clone())?)
    }

    /// Closes a store and opens its file again.
    pub fn reopen(&self, store: Store) -> Held<Store> {
        store.close()?;
        drop(store);
        self.open()
    }
}

/// Options of a store that does nothing by itself.
pub fn still() -> Options {
    Options { builders: 0, ..Options::default() }
}

/// What is beyond a limit is refused as somebody's mistake, and the words name the limit.
pub fn refused<T>(answer: Result<T, Error>, words: &[&str]) -> Held {
    refused_as(ErrorKind::Input, answer, words)
}

pub fn refused_as<T>(kind: ErrorKind, answer: Result<T, Error>, words: &[&str]) -> Held {
    let Err(error) = answer else { return Err(fault("what is beyond the limit was accepted")) };
    let told = format!("{error:?}");
    ensure(error.kind() == kind, || format!("refused as {:?}: {told}", error.kind()))?;
    match words.iter().find(|word| !told.contains(**word)) {
        Some(word) => Err(fault(format!("the error does not say {word:?}: {told}"))),
        None => Ok(()),
    }
}

/// A limit and its two neighbours, and whether each is accepted.
pub fn around(limit: usize) -> [(usize, bool); 3] {
    [(limit - 1, true), (limit, true), (limit + 1, false)]
}
