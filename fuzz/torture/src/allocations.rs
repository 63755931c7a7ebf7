//! What a thread has allocated, by Rust and by C alike: zstd and its windows are C.
//!
//! The functions of C's allocator are defined here, count, and pass on to glibc's own; Rust's standard
//! allocator calls them too. So this holds with glibc alone, and `hostile` begins by making sure that
//! both kinds are counted.

#![allow(unsafe_code, reason = "an allocator is a set of unsafe functions")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};

thread_local! {
    // Without a destructor and without a first use that would allocate.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    /// Other proofs than those that count allocate millions of times as well.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

/// Runs something, and says how many bytes this thread held at once for it.
pub fn during<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let done = counting(true, run);
    (done, (MOST.get() - before).unsigned_abs())
}

/// Runs something that is no part of what is counted.
pub fn uncounted<T>(run: impl FnOnce() -> T) -> T {
    counting(false, run)
}

fn counting<T>(counts: bool, run: impl FnOnce() -> T) -> T {
    let before = COUNTS.replace(counts);
    let done = run();
    COUNTS.set(before);
    done
}

/// How large a thing is, where that is counted.
///
/// # Safety
/// The pointer is null or of glibc's allocator, and not freed.
unsafe fn counted(of: *mut c_void) -> isize {
    // SAFETY: as the caller says; of a null pointer the size is zero.
    if COUNTS.get() { unsafe { malloc_usable_size(of) }.cast_signed() } else { 0 }
}

fn note(change: isize) {
    if change == 0 {
        return;
    }
    let held = HELD.get() + change;
    HELD.set(held);
    if held > MOST.get() {
        MOST.set(held);
    }
}

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
    fn __libc_free(old: *mut c_void);
    fn malloc_usable_size(of: *mut c_void) -> usize;
}

/// Counts what was allocated, if it was.
///
/// # Safety
/// The pointer is null or what glibc's allocator has just returned.
unsafe fn taken(new: *mut c_void) -> *mut c_void {
    // SAFETY: as the caller says.
    note(unsafe { counted(new) });
    new
}

// SAFETY (of the names): these replace C's functions as glibc's manual allows ("Replacing malloc"),
// and do what those do, by calling them.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { taken(__libc_malloc(size)) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: any count and size may be asked for.
    unsafe { taken(__libc_calloc(count, size)) }
}

/// # Safety
/// As C's: the pointer is null or was allocated and not freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's pointer is passed on as it came, and not looked at afterwards.
    unsafe {
        let before = counted(old);
        let new = __libc_realloc(old, size);
        if !new.is_null() || size == 0 {
            note(-before);
        }
        taken(new)
    }
}

/// # Safety
/// As C's: the pointer is null or was allocated and not freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(old: *mut c_void) {
    // SAFETY: the caller's pointer is passed on as it came, and not looked at afterwards.
    unsafe {
        note(-counted(old));
        __libc_free(old);
    }
}

#[unsafe(no_mangle)]
extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for; an alignment that is none is refused.
    unsafe { taken(__libc_memalign(align, size)) }
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    memalign(align, size)
}

/// # Safety
/// As C's: there is room for a pointer at `out`.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    const EINVAL: c_int = 22;
    const ENOMEM: c_int = 12;
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
        return EINVAL;
    }
    let new = memalign(align, size);
    if new.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller has room there.
    unsafe { *out = new };
    0
}
