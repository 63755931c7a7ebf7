//! The views whose records are read: two over what changes, a diamond over both, one over the diamond
//! and a stretch of its own foot, one that rounds and forgets, and one over that.

use std::sync::Arc;

use tidetable::{
    BuildContext, BuildError, ErrorKind, Grid, Input, Record, RecordType, Result, Span, Store,
    TimeRange, Timestamp, View,
};

use super::versions::{Family, Versions};

/// Of each view. Powers of two: a reader picks by bits.
pub const ENTITIES: u64 = 32;
pub const BUCKETS: u64 = 8;

/// No later bucket is given up.
pub const FORGOTTEN: u64 = BUCKETS / 2;

/// The kinds of the first two fields; the third is an input.
pub const KINDS: [&str; 2] = ["left", "right"];
pub const INPUT_FIELD: u32 = 2;

/// How long records of the view that forgets are kept.
pub const KEPT: Span = Span::minutes(2);

/// A record of one length: pages of these are arrays.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub struct Cell {
    place: u64,
    versions: u64,
}

/// A record of any length: pages of these are lists.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub struct Tailed {
    place: u64,
    versions: u64,
    tail: Vec<u8>,
}

/// What a record says of itself.
pub trait Claim: RecordType + Sized {
    fn new(place: u64, versions: Versions) -> Self;
    fn place(archived: &Self::Archived) -> u64;
    fn versions(archived: &Self::Archived) -> Versions;
    /// Whether the rest of it fits that.
    fn is_whole(archived: &Self::Archived) -> bool;
}

impl Claim for Cell {
    fn new(place: u64, versions: Versions) -> Self {
        Self { place, versions: versions.0 }
    }

    fn place(archived: &ArchivedCell) -> u64 {
        archived.place.to_native()
    }

    fn versions(archived: &ArchivedCell) -> Versions {
        Versions(archived.versions.to_native())
    }

    fn is_whole(_: &ArchivedCell) -> bool {
        true
    }
}

impl Claim for Tailed {
    fn new(place: u64, versions: Versions) -> Self {
        Self { place, versions: versions.0, tail: vec![place as u8; tail_len(place, versions.0)] }
    }

    fn place(archived: &ArchivedTailed) -> u64 {
        archived.place.to_native()
    }

    fn versions(archived: &ArchivedTailed) -> Versions {
        Versions(archived.versions.to_native())
    }

    fn is_whole(archived: &ArchivedTailed) -> bool {
        let place = archived.place.to_native();
        archived.tail.len() == tail_len(place, archived.versions.to_native())
            && archived.tail.last().is_none_or(|last| *last == place as u8)
    }
}

fn tail_len(place: u64, versions: u64) -> usize {
    let unit = if place & LONG == 0 { 1 } else { 256 };
    ((versions ^ versions >> 21) % 8 * unit) as usize
}

/// In the place of a record: its tail is long, so that bringing its page into memory takes long.
const LONG: u64 = 1 << 56;

/// Where a record belongs.
pub fn place(view: u64, entity: u64, bucket: u64) -> u64 {
    view << 48 | entity << 16 | bucket
}

pub fn at(bucket: u64) -> Timestamp {
    Timestamp::from_millis(bucket as i64 * WIDTH_MS)
}

const WIDTH_MS: i64 = 60_000;

/// The bucket that begins at an instant.
pub fn bucket_of(start: Timestamp) -> u64 {
    (start.as_millis() / WIDTH_MS) as u64
}

pub fn all() -> TimeRange {
    TimeRange::new(at(0), at(BUCKETS))
}

pub type Families = Arc<Vec<Family>>;

/// Which family an entity reads.
pub fn family(families: &[Family], entity: u64) -> usize {
    entity as usize % families.len()
}

/// A view, and what of its family's versions its records contain.
pub struct Source<R> {
    pub number: u64,
    pub contains: Versions,
    /// Whether its records may be built where what they are built from is kept no more.
    pub may_lack: bool,
    /// Whether its own records are kept for a while only.
    pub may_be_short: bool,
    pub view: View<u64, R>,
}

impl<R> Source<R> {
    fn new(number: u64, contains: Versions, view: View<u64, R>) -> Self {
        Self { number, contains, may_lack: false, may_be_short: false, view }
    }
}

/// All of them.
pub struct Views {
    pub input: Input<u64, u64>,
    pub left: Source<Cell>,
    pub right: Source<Tailed>,
    pub near: Source<Cell>,
    pub far: Source<Tailed>,
    pub kept: Source<Cell>,
    pub over: Source<Cell>,
}

/// What the build of a record is given.
type Given<'a> = (&'a BuildContext, u64, Timestamp);

fn define<R: Claim>(
    store: &Store,
    (number, name): (u64, &str),
    page_len: u32,
    versions: impl Fn(Given<'_>) -> Result<Versions, BuildError> + Send + Sync + 'static,
) -> Result<View<u64, R>> {
    let view = store.view::<u64, R>(name).grid(Grid::minutes(1)).page_len(page_len);
    let view = if name == KEPT_NAME { view.retain(KEPT) } else { view };
    // Builds fail where what they read is deleted meanwhile.
    view.without_breaker().build(move |cx, &entity, bucket| {
        let place = place(number, entity, bucket_of(bucket.start()));
        Ok(R::new(place, versions((cx, entity, bucket.start()))?))
    })
}

const KEPT_NAME: &str = "kept";

fn versions<R: Claim>(record: &Record<R>) -> Versions {
    R::versions(record.archived())
}

impl Views {
    pub fn define(store: &Store, families: &Families, long_tails: bool) -> Result<Self> {
        let long = if long_tails { LONG >> 48 } else { 0 };
        let input = store.input::<u64, u64>("input")?;
        let (ours, [first, second, third]) = (families.clone(), [0, 1, 2].map(Versions::whole));
        let left = define(store, (0, "left"), 4, move |(cx, entity, _)| {
            let family = family(&ours, entity);
            cx.depends_on((KINDS[0], family as u64));
            Ok(ours[family].there().masked(first))
        })?;
        let (ours, read) = (families.clone(), input.clone());
        let right = define(store, (1 | long, "right"), 3, move |(cx, entity, _)| {
            let family = family(&ours, entity);
            cx.depends_on((KINDS[1], family as u64));
            let there = ours[family].there().masked(second);
            let set = cx.input(&read, &(family as u64))?.map_or(0, |value| value.to_native());
            Ok(there.with(Versions::of(INPUT_FIELD, set)))
        })?;
        let sides: (View<u64, Cell>, View<u64, Tailed>) = (left.clone(), right.clone());
        let near = define(store, (2, "near"), 4, move |(cx, entity, at)| {
            let left = versions(&cx.get(&sides.0, &entity, at)?);
            // Through a handle that it holds: that counts as read too.
            Ok(left.with(versions(&sides.1.get(&entity, at)?)))
        })?;
        let foot: (View<u64, Cell>, View<u64, Cell>) = (left.clone(), near.clone());
        let far = define(store, (3 | long, "far"), 8, move |(cx, entity, at)| {
            let near = versions(&cx.get(&foot.1, &entity, at)?);
            let left = cx.range(&foot.0, &entity, all())?;
            let rest = Versions::whole(1).with(Versions::whole(2));
            let older = |all: Versions, cell| all.min(Cell::versions(cell).with(rest));
            Ok(left.iter().map(|(_, cell)| cell).fold(near, older))
        })?;
        let read: View<u64, Cell> = near.clone();
        let kept = define(store, (4, KEPT_NAME), 2, move |(cx, entity, at)| {
            Ok(versions(&cx.get(&read, &entity, at)?).rounded())
        })?;
        let read: View<u64, Cell> = kept.clone();
        let over = define(store, (5, "over"), 4, move |(cx, entity, at)| {
            match cx.get(&read, &entity, at) {
                Ok(record) => Ok(versions(&record)),
                Err(error) if error.kind() == ErrorKind::Absent => Ok(Versions::WITHOUT),
                Err(error) => Err(error.into()),
            }
        })?;
        let (sides, all) = (second.with(third), first.with(second).with(third));
        Ok(Self {
            input,
            left: Source::new(0, first, left),
            right: Source::new(1 | long, sides, right),
            near: Source::new(2, all, near),
            far: Source::new(3 | long, all, far),
            kept: Source { may_be_short: true, ..Source::new(4, Versions::ROUNDED, kept) },
            over: Source { may_lack: true, ..Source::new(5, Versions::ROUNDED, over) },
        })
    }
}
