//! Events as those of the crate `tracing`.

use tracing::{debug, error, info, warn};

use super::event::Event;

/// Says an event to whoever subscribes: under the target `tidetable`, its sentence as the message
/// and what can be counted or filtered by as fields. What goes as it should is `debug` or `info`,
/// what is tried again `warn`, what needs somebody `error`.
pub(super) fn trace(event: &Event<'_>) {
    match event {
        Event::Built { view, bucket, micros, unchanged } => {
            debug!(target: "tidetable", kind = "built", view, %bucket, micros, unchanged, "{event}");
        }
        Event::Spared { view, bucket } => {
            debug!(target: "tidetable", kind = "spared", view, %bucket, "{event}");
        }
        Event::Failed { view, bucket, .. } => {
            warn!(target: "tidetable", kind = "failed", view, %bucket, "{event}");
        }
        Event::PutOff { view, bucket, attempts, .. } => {
            warn!(target: "tidetable", kind = "put_off", view, %bucket, attempts, "{event}");
        }
        Event::GaveUp { view, bucket, attempts, .. } => {
            error!(target: "tidetable", kind = "gave_up", view, %bucket, attempts, "{event}");
        }
        Event::SlowBuild { view, bucket, .. } => {
            warn!(target: "tidetable", kind = "slow_build", view, %bucket, "{event}");
        }
        Event::BreakerOpened { view, .. } => {
            error!(target: "tidetable", kind = "breaker_opened", view, "{event}");
        }
        Event::BreakerClosed { view } => {
            info!(target: "tidetable", kind = "breaker_closed", view, "{event}");
        }
        Event::RunFinished { run, built, failed, .. } => {
            info!(target: "tidetable", kind = "run_finished", run, built, failed, "{event}");
        }
        Event::HorizonFailed { view, .. } => {
            error!(target: "tidetable", kind = "horizon_failed", view, "{event}");
        }
        Event::PageDamaged { .. } => {
            error!(target: "tidetable", kind = "page_damaged", "{event}");
        }
    }
}
