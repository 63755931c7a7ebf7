//! Looking at a file for the first time, under redb's lock.

use super::header::{HEADER_BYTES, Header};
use super::onlooker::is_whole;
use super::seal::{Seal, Tail};
use super::sealed::SealedBackend;
use super::state::Found;
use super::sums::{PAGE_BYTES, Sum};
use crate::error::ErrorKind;
use crate::sync::{MutexGuard, Ordering};
use std::io;

impl SealedBackend {
    /// Finds out, once, what the file is: whether it may be read at all, where the data ends, and
    /// whether a seal vouches for it. Nothing is changed on disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        if self.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let _writing = self.writing.lock();
        if self.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let (found, len, has_tail) = self.look()?;
        self.state.find(found);
        self.len.store(len, Ordering::Release);
        self.has_tail.store(has_tail, Ordering::Release);
        self.settled.store(true, Ordering::Release);
        Ok(())
    }

    /// What was found, the length of the data, and whether something lies behind it.
    fn look(&self) -> io::Result<(Found, u64, bool)> {
        let failed = |cause| self.state.failed("looking at the file", cause);
        let foreign = |what: &str| self.state.fail(ErrorKind::Foreign, what);
        let file_len = self.inner.len().map_err(failed)?;
        if file_len == 0 {
            return match self.may_initialise {
                true => Ok((Found::Empty, 0, false)),
                false => Err(foreign(
                    "the file is empty, not a tidetable file; remove it, or choose another path",
                )),
            };
        }
        let mut page = vec![0; file_len.min(PAGE_BYTES) as usize];
        self.inner.read(0, &mut page).map_err(failed)?;
        let header = Header::parse(&page);
        match Tail::read(&**self.inner, file_len).map_err(failed)? {
            Tail::Seal(seal) => self.look_at_seal(seal, header, &page),
            Tail::Newer(format) if header.is_some() => Err(foreign(&format!(
                "the file was sealed in format {format} by a later release of tidetable"
            ))),
            _ => {
                let not_ours = "not a tidetable file; choose another path";
                let header = header.ok_or_else(|| foreign(not_ours))?;
                // The seal is taken off before the header says unclean; so bytes behind the data of
                // a clean header are a seal that was torn while it was written.
                let torn = header
                    .data_len
                    .filter(|&len| !header.unclean && HEADER_BYTES as u64 <= len && len < file_len);
                let len = torn.unwrap_or(file_len);
                let flags = self.flags_for(header, len)?;
                let found = Found::Unsealed { doubtful: !header.two_phase, flags };
                Ok((found, len, torn.is_some()))
            }
        }
    }

    /// The flags by which redb is to open a file without a seal, if they are not those in it: it
    /// is to take the later of its two commits for the last if that one is whole.
    fn flags_for(&self, header: Header, len: u64) -> io::Result<Option<u8>> {
        let later = header.later.filter(|_| header.two_phase);
        let Some(flags) = later.filter(|_| !mutant!("later_commits_are_tried")) else {
            return Ok(None);
        };
        let whole = is_whole(self.inner.clone(), len, flags);
        let whole =
            whole.map_err(|cause| self.state.failed("looking at the last commit", cause))?;
        Ok(whole.then_some(flags))
    }

    /// A valid seal vouches for the file only if it belongs to this very header.
    fn look_at_seal(
        &self,
        seal: Seal,
        header: Option<Header>,
        page: &[u8],
    ) -> io::Result<(Found, u64, bool)> {
        if header.is_some_and(|header| header.unclean) {
            return Ok((Found::Unsealed { doubtful: true, flags: None }, seal.data_len, true));
        }
        let page = &page[..page.len().min(usize::try_from(seal.data_len).unwrap_or(usize::MAX))];
        if header.is_none() || seal.sums.first() != Some(&Sum::of(page).0) {
            return Err(self.mismatched(0));
        }
        self.state.sums.load(seal.sums);
        Ok((Found::Sealed, seal.data_len, true))
    }

    /// Whether redb has written that it closed the file. It has not if it had to give up (after a
    /// panic in a transaction, say) without any call having failed.
    pub(super) fn header_is_clean(&self, writing: &MutexGuard<'_, ()>) -> io::Result<bool> {
        let mut page = vec![0; self.data_len().min(PAGE_BYTES) as usize];
        self.read_pages_while_writing(0, &mut page, writing)?;
        Ok(Header::parse(&page).is_some_and(|header| !header.unclean))
    }
}
