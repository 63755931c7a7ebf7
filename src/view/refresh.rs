//! Building what is there anew.

use crate::disk::operations::Changed;
use crate::disk::{Item, RunKind, Scope, ViewState, known_views, levels};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{SlotSet, ViewId};
use crate::rebuild::{Engine, Run, Spool, refuse_inside_build};
use crate::sync::Arc;
use crate::time::TimeRange;

use super::changes::Changes;
use super::survey::{Surveyed, survey};

/// Which records [`Store::refresh`](crate::Store::refresh) is to build anew.
///
/// Those of every view, unless it names some.
///
/// ```
/// use tidetable::{Refresh, Store, Timestamp};
///
/// let store = Store::in_memory()?;
/// let shadow = store.view::<u32, u64>("shadow").build(|_, patio, _| Ok(u64::from(*patio)))?;
/// shadow.get(&12, Timestamp::EPOCH)?;
/// let run = store.refresh(&Refresh::all().view("shadow"))?;
/// assert_eq!(run.wait()?.done, 1);
/// # Ok::<(), tidetable::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is built before it is given to a store"]
pub struct Refresh {
    anew: bool,
    /// Nothing: every view.
    of: Option<Changes>,
}

impl Refresh {
    /// Every record that is there, fresh or not. What was never built is not: see
    /// [`View::precompute`](crate::View::precompute).
    pub fn all() -> Self {
        Self { anew: true, of: None }
    }

    /// The records that are there and not fresh. Waiting for such a run is waiting until all is fresh.
    pub fn lacking() -> Self {
        Self { anew: false, of: None }
    }

    /// Of this view, and of what is named besides.
    pub fn view(self, name: &str) -> Self {
        let of = self.of.unwrap_or_default().view(name);
        Self { of: Some(of), ..self }
    }

    /// Of these records, and of what is named besides: as [`View::of_prefix`](crate::View::of_prefix),
    /// [`View::of_entity`](crate::View::of_entity) and their like name them.
    pub fn records(self, records: &Changes) -> Self {
        let of = self.of.unwrap_or_default().with(records);
        Self { of: Some(of), ..self }
    }
}

/// Some records of a view that is to be refreshed.
struct Part {
    view: Arc<ViewState>,
    scope: Scope,
}

/// Begins a run that builds records anew.
pub(crate) fn refresh(engine: &Arc<Engine>, refresh: &Refresh) -> Result<Run> {
    refuse_inside_build("a refresh")?;
    engine.writer()?;
    let parts = parts(engine, refresh)?;
    let mut views: Vec<ViewId> = parts.iter().map(|part| part.view.id()).collect();
    views.dedup();
    let kind = if refresh.anew { RunKind::RefreshAll } else { RunKind::RefreshLacking };
    let name = match &*parts {
        [part] => part.view.name().to_string(),
        parts => format!("{} views", parts.len()),
    };
    let mut spool = Spool::new(engine.workshop(), kind, &name, views, TimeRange::ALWAYS);
    let shared = engine.shared();
    for part in parts {
        let wanted = |page: &Surveyed<'_>| -> SlotSet {
            let stands = |slot| page.freshness(shared, slot).is_none_or(|it| it.stands());
            let sealed = page.view.sealed(page.key.as_slice(), shared.options.clock.now());
            let slots = page.slots.minus(sealed).iter();
            slots.filter(|slot| refresh.anew || !stands(*slot)).collect()
        };
        survey(shared, &part.view, part.scope, |page| {
            let slots = wanted(&page);
            if slots.is_empty() {
                return Ok(());
            }
            let item = Item::Page(page.key.as_slice().into(), slots);
            spool.add(part.view.id(), item, slots.len().into())
        })?;
    }
    Run::start(engine, spool, refresh.anew)
}

/// What is to be refreshed, what others are built from first.
fn parts(engine: &Engine, refresh: &Refresh) -> Result<Vec<Part>> {
    let shared = engine.shared();
    let rows = known_views(shared)?;
    let mut parts = Vec::new();
    let mut add = |id: ViewId, scope: Scope, named: bool| {
        let row = rows.iter().find(|(_, row)| row.id == id);
        let view = shared.views.get(id).filter(|_| engine.rebuilder(id).is_some());
        match (row, view) {
            (Some(_), Some(view)) => parts.push(Part { view, scope }),
            (row, _) if named => {
                let message = "the view has no build function, or is not defined in this opening; \
                               define it first and keep the handle";
                let error = Error::new(ErrorKind::Definition, message);
                return Err(row.map_or(error.clone(), |(name, _)| error.at_view(name)));
            }
            _ => {}
        }
        Ok(())
    };
    match &refresh.of {
        None => rows.iter().try_for_each(|(_, row)| add(row.id, Scope::All, false))?,
        Some(of) => {
            for changed in of.resolve(engine)? {
                match changed {
                    Changed::View(id) => add(id, Scope::All, true)?,
                    Changed::Records(view, scope) => add(view.id(), scope, true)?,
                    Changed::Source(..) | Changed::Kind(_) => {
                        return Err(Error::input(
                            "a refresh is of views and records; sources are invalidated",
                        ));
                    }
                }
            }
        }
    }
    let order = levels(shared)?;
    parts.sort_by_key(|part| order.iter().position(|(view, _)| *view == part.view.id()));
    Ok(parts)
}
