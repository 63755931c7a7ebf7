//! The same events as those of the crate `tracing`.

#![expect(clippy::unwrap_used, reason = "what fails in a test fails the test")]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tidetable::{Event, Options, Store, Timestamp};
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};

const NOW: Timestamp = Timestamp::EPOCH;

/// Keeps what is said under the store's target, a line an event: its level and its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // What took how long is another each time.
        if field.name() != "micros" && field.name() != "message" {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
        assert!(!format!("{value:?}").contains("secret"), "an entity was told");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tidetable"
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn events_go_to_the_subscriber_beside_the_observer_and_without_one() {
    let lines = Lines::default();
    let told = Arc::new(Mutex::new(0));
    let counted = told.clone();
    tracing::subscriber::with_default(lines.clone(), || {
        let observer = move |_: &Event<'_>| *counted.lock().unwrap() += 1;
        let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
        let store = Store::in_memory_with(options).unwrap();
        let height = store.view::<u32, u64>("height").build(|_, _, _| Ok(1)).unwrap();
        height.get(&1, NOW).unwrap();
        let store = Store::in_memory().unwrap();
        let fails = store.view::<u32, u64>("fails").build(|_, _, _| Err("no such building".into()));
        fails.unwrap().get(&1, NOW).unwrap_err();
        let kept = store.view::<str, u64>("kept").build(|_, _, _| Ok(1)).unwrap();
        kept.get("secret", NOW).unwrap();
    });
    assert_eq!(*told.lock().unwrap(), 1);
    let lines = lines.0.lock().unwrap();
    let expected = [
        r#"DEBUG kind="built" view="height" bucket=BUCKET unchanged=false"#,
        r#"WARN kind="failed" view="fails" bucket=BUCKET"#,
        r#"DEBUG kind="built" view="kept" bucket=BUCKET unchanged=false"#,
    ];
    let bucket = tidetable::Grid::timeless().bucket_at(NOW).unwrap().to_string();
    assert_eq!(*lines, expected.map(|line| line.replace("BUCKET", &bucket)));
}
