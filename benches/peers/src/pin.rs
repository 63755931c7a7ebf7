//! Threads on cores of their own.

/// Keeps the calling thread, and those it begins from now on, off the last core; what was before
/// comes back when this is dropped. Nothing where there is one core, or no way to say it.
pub struct OffLastCore {
    #[cfg(target_os = "linux")]
    before: Option<rustix::thread::CpuSet>,
}

#[cfg(target_os = "linux")]
pub use linux::take_core;

#[cfg(not(target_os = "linux"))]
pub fn take_core(_: usize) {}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::OffLastCore;

    impl OffLastCore {
        pub fn begin() -> Self {
            let Ok(before) = sched_getaffinity(None) else { return Self { before: None } };
            let (mut rest, last) = (before, last(&before));
            rest.unset(last);
            let moved = rest.count() > 0 && sched_setaffinity(None, &rest).is_ok();
            Self { before: moved.then_some(before) }
        }

        /// Puts the calling thread on the last core alone.
        pub fn take_last_core(&self) {
            if let Some(before) = &self.before {
                let mut own = CpuSet::new();
                own.set(last(before));
                // A machine that refuses measures without.
                _ = sched_setaffinity(None, &own);
            }
        }
    }

    impl Drop for OffLastCore {
        fn drop(&mut self) {
            if let Some(before) = &self.before {
                _ = sched_setaffinity(None, before);
            }
        }
    }

    /// Puts the calling thread on the nth of the cores that it may run on, if there are so many.
    pub fn take_core(nth: usize) {
        let Ok(cores) = sched_getaffinity(None) else { return };
        let core = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core)).nth(nth);
        if let Some(core) = core {
            let mut own = CpuSet::new();
            own.set(core);
            // A machine that refuses measures without.
            _ = sched_setaffinity(None, &own);
        }
    }

    fn last(cores: &CpuSet) -> usize {
        (0..CpuSet::MAX_CPU).rev().find(|core| cores.is_set(*core)).unwrap_or(0)
    }
}

#[cfg(not(target_os = "linux"))]
impl OffLastCore {
    pub fn begin() -> Self {
        Self {}
    }

    pub fn take_last_core(&self) {}
}
