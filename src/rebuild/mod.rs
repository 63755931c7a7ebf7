//! Builds under way, one for each bucket, however many want it and however deep they nest; and the
//! threads that build in the background, with what tells them what is next.

#[cfg(not(loom))]
mod builders;
#[cfg(not(loom))]
mod campaign;
#[cfg(not(loom))]
mod caution;
#[cfg(not(loom))]
mod cautious;
#[cfg(not(loom))]
mod chain;
mod circle;
#[cfg(not(loom))]
mod crew;
#[cfg(not(loom))]
mod director;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod errand;
#[cfg(not(loom))]
pub(crate) mod evidence;
#[cfg(not(loom))]
mod failed_build;
mod flights;
#[cfg(not(loom))]
mod frame;
#[cfg(not(loom))]
mod horizons;
mod name;
#[cfg(not(loom))]
mod order;
#[cfg(not(loom))]
mod outermost;
#[cfg(not(loom))]
mod reads;
#[cfg(not(loom))]
mod rebuilders;
#[cfg(not(loom))]
mod retention;
#[cfg(not(loom))]
mod runs;
#[cfg(not(loom))]
mod scan;
#[cfg(not(loom))]
mod sweeping;
#[cfg(not(loom))]
mod turns;
#[cfg(not(loom))]
mod warm_up;
#[cfg(not(loom))]
mod work;
#[cfg(not(loom))]
mod workshop;

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(not(loom))]
pub use campaign::Run;
#[cfg(not(loom))]
pub(crate) use campaign::{Spool, fill_horizon};
#[cfg(not(loom))]
pub(crate) use chain::{
    Running, adopt, enter, has_made, is_building, note, path, refuse_inside_build, refuse_waiting,
    wants_more,
};
#[cfg(not(loom))]
pub(crate) use engine::Engine;
#[cfg(not(loom))]
pub(crate) use errand::Target;
#[cfg(not(loom))]
pub use failed_build::FailedBuild;
pub(crate) use flights::{FlightKey, Joined, Lead, Progress, Unstored, Watcher};
#[cfg(not(loom))]
pub(crate) use frame::Frame;
pub(crate) use name::BuildName;
#[cfg(not(loom))]
pub(crate) use order::Order;
#[cfg(not(loom))]
pub(crate) use outermost::build;
#[cfg(not(loom))]
pub(crate) use rebuilders::{Held, Rebuilder, Refused, Shift, WorkedOff};
#[cfg(not(loom))]
pub(crate) use runs::prune as prune_runs;
#[cfg(not(loom))]
pub use runs::{RunState, RunStatus, RunSummary};
#[cfg(not(loom))]
pub use work::{Reason, Worked};
#[cfg(not(loom))]
pub(crate) use workshop::Next;
