//! What of a damaged file's rows goes into the new one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Result;
use crate::page::{Aid, PageKey, ViewId, unbound};
use crate::revision::Revision;

use super::super::run_row::{CHUNK, HEAD, RunRow, RunStage, split_row_key};
use super::super::scribe::Scribe;
use super::super::source_row::SourceRow;
use super::super::stamp::Stamp;
use super::super::tables::{FORMAT, meta};
use super::super::view_row::ViewRow;
use super::report::{Loss, RepairReport};
use super::tree::Found;

/// What is known so far of the new file.
#[derive(Default)]
pub(super) struct Salvage {
    pub(super) report: RepairReport,
    /// Name -> value.
    pub(super) meta: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) views: BTreeMap<String, ViewRow>,
    /// Views that are no more, some rows of which are still there.
    dropped: BTreeSet<ViewId>,
    /// View and id -> whether it is there.
    aids: BTreeSet<(ViewId, u32)>,
    /// Run -> chunks of it that are there.
    chunks: HashMap<u64, u32>,
    /// Pages that came from damaged places and from no other.
    doubtful: BTreeSet<Vec<u8>>,
    /// The greatest revision and the greatest number of a view that anything speaks of.
    revision: Revision,
    last_view: u32,
}

impl Salvage {
    /// Takes the rows in that decide about others, before any is written.
    pub(super) fn learn(&mut self, table: &'static str, found: &Found<'_>) {
        match table {
            "meta" if found.proven => {
                self.meta.insert(found.key.to_vec(), found.row.to_vec());
            }
            "dropped" if found.proven => {
                let id = found.key.first_chunk().map(|id| ViewId(u32::from_be_bytes(*id)));
                self.dropped.extend(id);
            }
            // One that can be made out in a damaged page is worth having: what it says wrongly is
            // refused when the view is defined, and nothing of it is fresh.
            "views" => {
                let name = std::str::from_utf8(found.key).ok();
                let row = name.and_then(|name| ViewRow::from_bytes(name, found.row).ok());
                let (Some(name), Some(mut row)) = (name, row) else { return };
                if !found.proven {
                    // The place was damaged, or left from before: there the view was still.
                    if self.dropped.contains(&row.id) {
                        return;
                    }
                    // Every record will be stale: what it says can only lead the clock astray.
                    row.stamp = Stamp::of_version(row.stamp.version);
                }
                let taken = self.views.values().any(|known| known.id == row.id);
                if found.proven {
                    self.views.retain(|known, other| known == name || other.id != row.id);
                }
                if found.proven || !(taken || self.views.contains_key(name)) {
                    self.views.insert(name.to_owned(), row);
                }
            }
            "runs" if found.proven => {
                if let Some((run, CHUNK, _)) = split_row_key(found.key) {
                    *self.chunks.entry(run).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    fn name(&self, id: ViewId) -> Option<&str> {
        self.views.iter().find(|(_, row)| row.id == id).map(|(name, _)| &**name)
    }

    fn reach(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    /// Writes a row, as far as it is worth something.
    pub(super) fn take(
        &mut self,
        table: &'static str,
        found: &Found<'_>,
        scribe: &mut Scribe<'_>,
    ) -> Result<()> {
        let Found { key, row, proven } = *found;
        let of_view = || {
            let id = key.first_chunk().map(|id| ViewId(u32::from_be_bytes(*id)));
            id.filter(|id| self.name(*id).is_some())
        };
        match table {
            "pages" => return self.take_page(found, scribe),
            "dictionaries" => {
                let id =
                    key.get(4..).and_then(|id| id.first_chunk()).map(|id| u32::from_be_bytes(*id));
                let (Some(view), Some(id)) = (of_view(), id) else { return Ok(()) };
                let aid = Aid::prepare(id, row, 0).ok();
                if !aid.is_some_and(|aid| proven || aid.proves_itself()) {
                    return Ok(());
                }
                self.aids.insert((view, id));
            }
            _ if !proven => return Ok(()),
            "sources" => {
                let Some(row) = SourceRow::from_bytes(row) else { return Ok(()) };
                self.reach(row.changed.max(row.changed_whole));
            }
            "runs" => return self.take_run(key, row, scribe),
            "intents" => {}
            "wanted" if of_view().is_some() => {}
            _ => return Ok(()),
        }
        scribe.put(table, key, row)
    }

    fn take_page(&mut self, found: &Found<'_>, scribe: &mut Scribe<'_>) -> Result<()> {
        let Found { key, row, proven } = *found;
        let Some((id, entity, number)) = PageKey::split(key) else { return Ok(()) };
        let lost = |salvage: &mut Self, what: String| {
            let view =
                Some(salvage.name(id).map_or_else(|| format!("number {}", id.0), str::to_owned));
            let (entity, page) = (Some(entity.to_vec()), Some(number.0));
            salvage.report.lose(Loss { table: "pages", view, entity, page, what });
        };
        // Its dependencies and edges are not brought over: every record is stale.
        let page = match unbound(row, key) {
            Ok(page) => page,
            Err(error) => {
                lost(self, error.message().to_owned());
                return Ok(());
            }
        };
        self.last_view = self.last_view.max(id.0);
        if self.dropped.contains(&id) {
            return Ok(());
        }
        if self.name(id).is_none() {
            lost(self, "a page of a view that is lost, or was deleted".to_owned());
            return Ok(());
        }
        if page.aid != 0 && !self.aids.contains(&(id, page.aid)) {
            lost(self, format!("the dictionary or pattern {} that it needs is lost", page.aid));
            return Ok(());
        }
        self.reach(page.latest);
        if !proven {
            self.report.pages += u64::from(self.doubtful.insert(key.to_vec()));
        } else if !self.doubtful.remove(key) {
            self.report.pages += 1;
        }
        scribe.put("pages", key, &page.bytes)
    }

    /// Names the pages that nothing proves to be the last of their key.
    pub(super) fn tell_doubtful(&mut self) {
        for key in std::mem::take(&mut self.doubtful) {
            let Some((id, entity, number)) = PageKey::split(&key) else { continue };
            self.report.lose(Loss {
                table: "pages",
                view: self.name(id).map(str::to_owned),
                entity: Some(entity.to_vec()),
                page: Some(number.0),
                what:
                    "it comes from a damaged place: it may be older than the last, or deleted since"
                        .to_owned(),
            });
        }
    }

    fn take_run(&mut self, key: &[u8], row: &[u8], scribe: &mut Scribe<'_>) -> Result<()> {
        let Some((run, tag, _)) = split_row_key(key) else { return Ok(()) };
        self.reach(Revision::from_raw(run));
        if tag != HEAD {
            return scribe.put("runs", key, row);
        }
        let Ok(head) = RunRow::from_bytes(row) else { return Ok(()) };
        let chunks = self.chunks.get(&run).copied().unwrap_or(0);
        let goes_on = matches!(head.stage, RunStage::Going | RunStage::Paused);
        if goes_on && chunks != head.chunks_left {
            let what = format!("{chunks} of {} pieces of run {run} are left", head.chunks_left);
            let loss = Loss { table: "runs", view: None, entity: None, page: None, what };
            self.report.lose(loss);
            let error = "some of its work was lost when the file was repaired: begin it again";
            let head = RunRow { stage: RunStage::Failed, error: error.to_owned(), ..head };
            return scribe.put("runs", key, &head.to_bytes());
        }
        scribe.put("runs", key, row)
    }

    /// Writes what the file says of itself and of its views, every one of which is stamped stale at
    /// a revision that nothing has reached.
    pub(super) fn finish(&mut self, scribe: &mut Scribe<'_>) -> Result<()> {
        let word =
            |name: &[u8]| self.meta.get(name).and_then(|row| row.first_chunk::<8>().copied());
        let mut revision = word(meta::REVISION)
            .map_or(Revision::ZERO, |raw| Revision::from_raw(u64::from_le_bytes(raw)));
        revision = revision.max(self.revision);
        for row in self.views.values() {
            revision = revision.max(row.stamp.raised());
            self.last_view = self.last_view.max(row.id.0);
        }
        let revision = revision.far_ahead();
        let next_view = self.meta.get(meta::NEXT_VIEW).and_then(|row| row.first_chunk().copied());
        let next_view =
            next_view.map_or(1, u32::from_le_bytes).max(self.last_view.saturating_add(1));
        let life = word(meta::LIFE).unwrap_or_default();
        let store_id = self.meta.get(meta::STORE_ID).cloned().unwrap_or_else(|| vec![0; 16]);
        scribe.put("meta", meta::FORMAT, &FORMAT.to_le_bytes())?;
        scribe.put("meta", meta::STORE_ID, &store_id)?;
        scribe.put("meta", meta::REVISION, &revision.get().to_le_bytes())?;
        scribe.put("meta", meta::NEXT_VIEW, &next_view.to_le_bytes())?;
        scribe.put("meta", meta::LIFE, &life)?;
        for (name, row) in &self.views {
            let row = ViewRow { stamp: row.stamp.stale_at(revision), ..row.clone() };
            scribe.put("views", name.as_bytes(), &row.to_bytes())?;
        }
        self.report.views = self.views.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Compression;
    use crate::page::{
        Facts, Origin, PageBuilder, RecordShape, Slot, encode, serialize, store_body,
    };
    use crate::time::Timestamp;

    fn view(id: u32, stamp: u64) -> ViewRow {
        let stamp = Revision::from_raw(stamp);
        ViewRow {
            id: ViewId(id),
            layout: 2,
            grid: "none".to_owned(),
            page_len: 1,
            zone_years: None,
            stamp: Stamp { stale_before: stamp, suspect_before: stamp, version: 1 },
            stamped_at: Timestamp::EPOCH,
            dictionary: 0,
            readers: Vec::new(),
        }
    }

    fn learn(salvage: &mut Salvage, table: &'static str, key: &[u8], row: &[u8], proven: bool) {
        salvage.learn(table, &Found { key, row, proven });
    }

    #[test]
    fn a_view_that_was_deleted_does_not_return_from_a_damaged_place() {
        let mut salvage = Salvage::default();
        learn(&mut salvage, "dropped", &7_u32.to_be_bytes(), &[0], true);
        learn(&mut salvage, "dropped", &8_u32.to_be_bytes(), &[0], false);
        for (name, id) in [("gone", 7), ("there", 8)] {
            learn(&mut salvage, "views", name.as_bytes(), &view(id, 1).to_bytes(), false);
        }
        assert_eq!(salvage.views.keys().collect::<Vec<_>>(), ["there"]);
        // Nor is it a loss that its pages, which were on their way out, do not come over.
        let database = redb::Database::builder();
        let mut database =
            database.create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let mut scribe = Scribe::new(&mut database).unwrap();
        for (id, lost) in [(7, 0), (9, 1)] {
            let key = PageKey::new(ViewId(id), &1_u32, crate::grid::PageNumber(0));
            let row = page(key.as_slice());
            let found = Found { key: key.as_slice(), row: &row, proven: true };
            salvage.take("pages", &found, &mut scribe).unwrap();
            assert_eq!((salvage.report.pages, salvage.report.lost), (0, lost));
        }
    }

    fn page(key: &[u8]) -> Vec<u8> {
        let shape = RecordShape::of::<u64>();
        let mut page = PageBuilder::new(1, shape);
        let facts = Facts {
            begun: Revision::from_raw(1),
            verified: Revision::from_raw(1),
            changed: Revision::from_raw(1),
            built_at: Timestamp::EPOCH,
            fresh_until: Timestamp::MAX,
            version: 1,
            dependencies: 0,
        };
        page.add(Slot(0), Origin::Put, facts, 0, &serialize(&5_u64).unwrap()).unwrap();
        let page = page.finish();
        let plain = Compression { level: None, dictionary: None };
        encode(&page, &store_body(&page, &plain, None), key, &shape)
    }

    #[test]
    fn a_views_row_that_nothing_proves_gives_way_to_one_that_is_proven_and_its_stamps_count_nothing()
     {
        let mut salvage = Salvage::default();
        learn(&mut salvage, "views", b"city", &view(1, u64::MAX / 4).to_bytes(), false);
        assert_eq!(salvage.views["city"], view(1, 0));
        // Of two rows that nothing proves the first stays, by name and by number.
        learn(&mut salvage, "views", b"city", &view(2, 0).to_bytes(), false);
        learn(&mut salvage, "views", b"town", &view(1, 0).to_bytes(), false);
        assert_eq!(salvage.views.keys().collect::<Vec<_>>(), ["city"]);
        assert_eq!(salvage.views["city"].id, ViewId(1));
        // One that is proven goes before them.
        learn(&mut salvage, "views", b"town", &view(1, 9).to_bytes(), true);
        assert_eq!(salvage.views.keys().collect::<Vec<_>>(), ["town"]);
        assert_eq!(salvage.views["town"], view(1, 9));
    }
}
