//! What the service measures of itself over the last while; what is older is forgotten.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tidetable::report::Metrics;
use tidetable::{Clock, Event, Layer, Observer, Span, Timestamp};

pub struct Measured {
    window: Span,
    clock: Arc<dyn Clock>,
    samples: Mutex<Samples>,
}

#[derive(Default)]
struct Samples {
    build_ms: Recent<f64>,
    kib: Recent<f64>,
    reads: Recent<Option<Layer>>,
}

/// Values with when they came, the oldest first.
struct Recent<T>(VecDeque<(Timestamp, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Recent<T> {
    fn add(&mut self, now: Timestamp, value: T, window: Span) {
        self.0.push_back((now, value));
        self.forget(now, window);
    }

    fn forget(&mut self, now: Timestamp, window: Span) {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) > window) {
            self.0.pop_front();
        }
    }

    fn values(&self) -> impl Iterator<Item = &T> + Clone {
        self.0.iter().map(|(_, value)| value)
    }
}

/// Everything, as it is exported.
#[derive(Serialize)]
pub struct Export {
    pub window_ms: Span,
    pub build_ms: Summary,
    pub size_kib: Summary,
    pub reads: Reads,
    pub evictions: u64,
    pub resident_bytes: u64,
}

#[derive(Serialize)]
pub struct Summary {
    pub count: usize,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub median: f64,
    pub p95: f64,
    pub p99: f64,
}

/// What readers were given.
#[derive(Serialize)]
pub struct Reads {
    pub memory: usize,
    pub file: usize,
    /// Not there, or not yet.
    pub nothing: usize,
    pub memory_rate: f64,
    pub file_rate: f64,
}

impl Measured {
    pub fn new(window: Span, clock: Arc<dyn Clock>) -> Self {
        Self { window, clock, samples: Mutex::default() }
    }

    /// A document of so many bytes was made.
    pub fn made(&self, bytes: usize) {
        self.samples().kib.add(self.clock.now(), bytes as f64 / 1024.0, self.window);
    }

    /// Somebody was given a document from there, or none.
    pub fn read(&self, from: Option<Layer>) {
        self.samples().reads.add(self.clock.now(), from, self.window);
    }

    /// What was measured in the window that ends now; `metrics` are the store's own.
    pub fn export(&self, metrics: &Metrics) -> Export {
        let (now, window) = (self.clock.now(), self.window);
        let mut samples = self.samples();
        samples.build_ms.forget(now, window);
        samples.kib.forget(now, window);
        samples.reads.forget(now, window);
        Export {
            window_ms: window,
            build_ms: Summary::of(samples.build_ms.values()),
            size_kib: Summary::of(samples.kib.values()),
            reads: Reads::of(samples.reads.values()),
            evictions: metrics.evictions,
            resident_bytes: metrics.bytes_resident,
        }
    }

    fn samples(&self) -> MutexGuard<'_, Samples> {
        // Whoever panicked has left whole samples.
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store says how long its builds take.
impl Observer for Measured {
    fn event(&self, event: &Event<'_>) {
        if let Event::Built { micros, .. } = event {
            let millis = f64::from(*micros) / 1e3;
            self.samples().build_ms.add(self.clock.now(), millis, self.window);
        }
    }
}

impl Summary {
    fn of<'a>(values: impl Iterator<Item = &'a f64>) -> Self {
        let mut sorted: Vec<f64> = values.copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |hundredths: usize| {
            let rank = (sorted.len() * hundredths).div_ceil(100).max(1) - 1;
            sorted.get(rank).copied().unwrap_or_default()
        };
        let count = sorted.len();
        let mean = sorted.iter().sum::<f64>() / count.max(1) as f64;
        Self { count, min: at(0), max: at(100), mean, median: at(50), p95: at(95), p99: at(99) }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { min, max, mean, median, p95, p99, .. } = self;
        write!(f, "min {min:.1}, mean {mean:.1}, median {median:.1}, ")?;
        write!(f, "p95 {p95:.1}, p99 {p99:.1}, max {max:.1}")
    }
}

impl Reads {
    fn of<'a>(reads: impl Iterator<Item = &'a Option<Layer>> + Clone) -> Self {
        let from = |layer| reads.clone().filter(|read| **read == layer).count();
        let [memory, file] = [Layer::Memory, Layer::File].map(|layer| from(Some(layer)));
        let nothing = from(None);
        let all = (memory + file + nothing).max(1) as f64;
        let [memory_rate, file_rate] = [memory, file].map(|some| some as f64 / all);
        Self { memory, file, nothing, memory_rate, file_rate }
    }
}
