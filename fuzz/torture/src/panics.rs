//! Panics as words.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on a panic is remembered by its thread rather than printed: injected failures make
/// many, and which of them is a violation is for its case to say.
pub fn remember() {
    panic::set_hook(Box::new(|info| {
        LAST.with_borrow_mut(|last| *last = Some(info.to_string()));
    }));
}

/// The result, or what a panic said.
pub fn caught<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let last = LAST.with_borrow_mut(Option::take);
        Err(format!("a panic: {}", last.unwrap_or_default()))
    })
}
