//! Guards that can be taken out, so that what watches over them is seen to notice.
//!
//! With `--cfg mutants` the guard that the environment names in `MUTANT` is out; otherwise there is nothing
//! of this in what is built. `tests/mutants.rs` lists the guards and who notices.

/// Whether the guard of this name is taken out.
macro_rules! mutant {
    ($name:literal) => {
        cfg!(mutants) && $crate::mutant::is($name)
    };
}

/// Whether this is the guard that is to be taken out.
pub(crate) fn is(name: &str) -> bool {
    std::env::var_os("MUTANT").is_some_and(|mutant| mutant == name)
}
