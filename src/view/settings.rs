//! What a view is to be, as its definition says so far.

use std::any::TypeId;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use crate::disk::Definition;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::key::EntityKey;
use crate::page::{Layout, PAGE_LEN_MAX, RecordShape, RecordType};
use crate::schedule::{Conduct, Expiry, Horizon};
use crate::time::Span;

use super::any_view::Makes;
use super::filling::check_horizon;
use super::policy::{Marked, Policy};

/// All that is said of a view but its types and its functions.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) grid: Grid,
    pub(super) page_len: Option<u32>,
    pub(super) retain: Option<Span>,
    pub(super) zstd_level: Option<i32>,
    pub(super) seal_after: Option<Span>,
    pub(super) conduct: Conduct,
    pub(super) fresh_for: Option<Span>,
    pub(super) expire_past: bool,
    pub(super) refresh_ahead: Option<Span>,
    pub(super) policy: Policy,
    pub(super) is_input: bool,
}

/// The types of a view, as the file knows them and as this process does.
pub(super) struct Types {
    layout: Layout,
    shape: RecordShape,
    record: TypeId,
    entity: TypeId,
}

/// Stands for the entity type, sized or not, where a type that can be named is needed.
struct EntityType<E: ?Sized>(PhantomData<fn(&E)>);

impl Types {
    pub(super) fn of<E: EntityKey + ?Sized, R: RecordType>() -> Self {
        Self {
            layout: Layout::of::<R, E::Owned>(),
            shape: RecordShape::of::<R>(),
            record: TypeId::of::<R>(),
            entity: TypeId::of::<EntityType<E>>(),
        }
    }
}

/// The fastest that still squeezes text; pages are small and read often.
const ZSTD_LEVEL_DEFAULT: i32 = 1;
const ZSTD_LEVELS: RangeInclusive<i32> = -7..=19;
const NAME_BYTES_MAX: usize = 255;
/// What a page should hold: large enough to compress and to serve a timeline at once, small enough
/// to be cheap to load for one record.
const PAGE_BYTES_AIM: usize = 8 << 10;

impl Settings {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: 1,
            grid: Grid::timeless(),
            page_len: None,
            retain: None,
            zstd_level: Some(ZSTD_LEVEL_DEFAULT),
            seal_after: None,
            conduct: Conduct::default(),
            fresh_for: None,
            expire_past: false,
            refresh_ahead: None,
            policy: Policy::default(),
            is_input: false,
        }
    }

    /// What the file is to know of it.
    pub(super) fn define(
        self,
        types: Types,
        makes: Makes,
        horizon: Option<&Horizon>,
    ) -> Result<Definition> {
        let Types { layout, shape, record, entity } = types;
        check_name(&self.name)?;
        let page_len = self.checked_page_len(&shape, makes, horizon);
        let page_len = page_len.map_err(|error| error.at_view(&self.name))?;
        let expiry = self.expiry();
        Ok(Definition {
            name: self.name.into(),
            version: self.version,
            layout,
            shape,
            record_type: record,
            entity_type: entity,
            is_input: self.is_input,
            by_page: makes == Makes::Pages,
            grid: self.grid,
            page_len,
            level: self.zstd_level,
            seal_after: self.seal_after,
            conduct: self.conduct,
            expiry,
            retain: self.retain,
        })
    }

    /// How many buckets a page is to hold, where all that was said goes together.
    fn checked_page_len(
        &self,
        shape: &RecordShape,
        makes: Makes,
        horizon: Option<&Horizon>,
    ) -> Result<u32> {
        self.grid.validate()?;
        let page_len = self.page_len(shape)?;
        self.check_numbers()?;
        self.check_times()?;
        if let Some(horizon) = horizon {
            check_horizon(horizon, makes, &self.grid)?;
        }
        Ok(page_len)
    }

    fn expiry(&self) -> Option<Expiry> {
        let expiry = Expiry::new(self.fresh_for?);
        let ahead = self.refresh_ahead.unwrap_or(expiry.ahead);
        Some(Expiry { past_too: self.expire_past, ahead, ..expiry })
    }

    fn check_times(&self) -> Result<()> {
        let Some(fresh_for) = self.fresh_for else {
            if self.expire_past || self.refresh_ahead.is_some() {
                let message = "expire_past and refresh_ahead say more of fresh_for; give that too";
                return Err(Error::input(message));
            }
            return Ok(());
        };
        if fresh_for <= Span::ZERO {
            return Err(Error::input(format!(
                "fresh_for is {fresh_for}; it must be longer than that"
            )));
        }
        let most = Span::millis(fresh_for.as_millis() / 2);
        match self.refresh_ahead.filter(|ahead| *ahead > most) {
            None => Ok(()),
            Some(ahead) => Err(Error::input(format!(
                "refresh_ahead is {ahead}; it may be at most {most}, half of fresh_for"
            ))),
        }
    }

    fn check_numbers(&self) -> Result<()> {
        // 0 is another word for a level that a later zstd may choose anew.
        let is_level = |level: &i32| ZSTD_LEVELS.contains(level) && *level != 0;
        if let Some(level) = self.zstd_level.filter(|level| !is_level(level)) {
            let message = format!("zstd_level is {level}; it may be -7 to -1 or 1 to 19");
            return Err(Error::input(message));
        }
        self.conduct.validate()?;
        let retained = [
            ("retain", self.retain),
            ("seal_after", self.seal_after),
            ("refresh_ahead", self.refresh_ahead),
            (
                "ServeFor",
                match self.policy.marked {
                    Marked::ServeFor(span) => Some(span),
                    Marked::Rebuild | Marked::Serve => None,
                },
            ),
        ];
        match retained.into_iter().find(|(_, span)| span.is_some_and(|span| span < Span::ZERO)) {
            Some((name, Some(span))) => {
                Err(Error::input(format!("{name} is {span}; it cannot be negative")))
            }
            _ => Ok(()),
        }
    }

    fn page_len(&self, shape: &RecordShape) -> Result<u32> {
        let demanded = self.grid.fixed_page_len();
        let page_len = match (self.page_len, demanded) {
            (Some(asked), Some(demanded)) if asked != demanded => {
                return Err(Error::input(format!(
                    "page_len is {asked}, but a page of the grid '{}' holds {demanded}; leave \
                     page_len out",
                    self.grid
                )));
            }
            (Some(asked), _) => asked,
            (None, Some(demanded)) => demanded,
            (None, None) => default_page_len(&self.grid, shape),
        };
        if !(1..=PAGE_LEN_MAX).contains(&page_len) {
            return Err(Error::input(format!(
                "a page would hold {page_len} buckets; it may hold 1 to {PAGE_LEN_MAX}"
            )));
        }
        Ok(page_len)
    }
}

fn check_name(name: &str) -> Result<()> {
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.contains('\0') {
        "contains a NUL".to_owned()
    } else if name.len() > NAME_BYTES_MAX {
        format!("has {} bytes", name.len())
    } else {
        return Ok(());
    };
    Err(Error::input(format!(
        "the name of a view {fault}; it may have 1 to {NAME_BYTES_MAX} bytes and no NUL"
    )))
}

fn default_page_len(grid: &Grid, shape: &RecordShape) -> u32 {
    // What a slot costs beside its record is about sixteen bytes.
    let aim = (PAGE_BYTES_AIM / (shape.size() + 16)).clamp(1, 512);
    let aim = u32::try_from(aim).expect("it was clamped");
    let whole_day = grid.buckets_of_a_day().filter(|day| (aim / 4..=aim * 2).contains(day));
    let unit = grid.page_len_unit();
    whole_day.unwrap_or(aim).next_multiple_of(unit)
}
