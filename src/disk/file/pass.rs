//! Passing redb's lock calls on to the backend beneath.

/// The six lock calls of a `StorageBackend`, each answered by the backend that `$inner` names.
///
/// Every wrapper needs all six: the trait's defaults answer "unsupported", which redb takes for a
/// platform without locks, and a second open would silently succeed.
macro_rules! pass_locks_on {
    ($self:ident => $inner:expr) => {
        fn try_lock_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<bool, $crate::disk::BackendError> {
            $inner.try_lock_range(start, end)
        }

        fn lock_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<(), $crate::disk::BackendError> {
            $inner.lock_range(start, end)
        }

        $crate::disk::file::pass::pass_shared_locks_on!($self => $inner);
    };
}

/// The four of them that are the same for a reader, who turns the two exclusive ones into shared.
macro_rules! pass_shared_locks_on {
    ($self:ident => $inner:expr) => {
        fn try_lock_shared_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<bool, $crate::disk::BackendError> {
            $inner.try_lock_shared_range(start, end)
        }

        fn lock_shared_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<(), $crate::disk::BackendError> {
            $inner.lock_shared_range(start, end)
        }

        fn unlock_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<(), $crate::disk::BackendError> {
            $inner.unlock_range(start, end)
        }

        fn query_lock_range(
            &$self,
            start: std::ops::Bound<u64>,
            end: std::ops::Bound<u64>,
        ) -> Result<bool, $crate::disk::BackendError> {
            $inner.query_lock_range(start, end)
        }
    };
}

pub(super) use {pass_locks_on, pass_shared_locks_on};
