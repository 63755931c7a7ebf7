//! How many instructions a hit is: `cargo bench --bench instructions`; it needs valgrind.
//!
//! A time wobbles with the machine by more than most changes of the hit path gain or lose, a count
//! does not. Callgrind counts what runs inside [`counted`] and nothing else: not the filling before,
//! and not the writer's thread, whose waiting differs from run to run.
//!
//! With one work and a number of passes (`zipf 10`) the program only does that, with nobody
//! counting: for a profiler.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use tidetable::{Grid, Layer, Options, RecordType, Span, Store, TimeRange, Timestamp, View};

/// About the size of a sun-exposure record: 96 bytes archived.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Exposure {
    values: [u64; 12],
}

/// So long that a page of a day is larger than those that a thread keeps in its own table.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Chart {
    values: [u64; 128],
}

/// A record to ask for.
struct Draw {
    entity: u32,
    at: Timestamp,
}

const WORKS: [(&str, &str); 4] = [
    ("hottest", "a hit on the hottest record"),
    ("zipf", "a hit by Zipf's law over 695 pages"),
    ("shard", "a hit that the thread's own table misses"),
    ("timeline", "a timeline of 73 buckets"),
];

const NOON: Timestamp = Timestamp::from_seconds(1_782_000_000);
const SLOTS: u32 = 144;
/// With a day of ten minutes each: 100,080 records.
const ENTITIES: u32 = 695;
const CHARTS: u32 = 32;
/// Several times 1,024: of so many hits one is timed.
const DRAWS: u32 = 1 << 14;

fn main() -> ExitCode {
    // Cargo adds an option of its own.
    let args: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.as_slice() {
        [] => report(),
        [work, passes] => {
            let passes = passes.parse().expect("a number of passes");
            run(work, passes);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: instructions [WORK PASSES]");
            ExitCode::FAILURE
        }
    }
}

/// Runs this program again for each work, beneath valgrind.
fn report() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("instructions are counted by valgrind, and there is none: install it first");
        return ExitCode::FAILURE;
    }
    for (work, title) in WORKS {
        match count(work) {
            Ok(collected) => {
                println!("{title:<44} {:>9.1} instructions", collected / f64::from(DRAWS));
            }
            Err(said) => {
                eprintln!("{work} was not counted:\n{said}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The instructions of one pass; or what was said, where none were counted.
fn count(work: &str) -> Result<f64, String> {
    let program = env::current_exe().expect("a program that knows where it lies");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*instructions::counted*")
        .arg(program)
        .args([work, "1"])
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.filter(|count| output.status.success() && *count > 0.0).ok_or(said)
}

fn run(work: &str, passes: u32) {
    let store = Store::in_memory_with(Options {
        builders: 0,
        warm_up: false,
        unsynced_age_max: Span::hours(24),
        ..Options::default()
    })
    .expect("a store");
    let exposure = |entities| {
        let record = |of, n| Exposure { values: std::array::from_fn(|m| of * m as u64 + n) };
        filled(&store, entities, record)
    };
    let zipf: Vec<Draw> =
        zipf(ENTITIES * SLOTS).into_iter().map(|nth| draw(nth, ENTITIES)).collect();
    match work {
        "hottest" => {
            let view = exposure(1);
            let draws: Vec<Draw> = (0..DRAWS).map(|_| draw(0, 1)).collect();
            measure(passes, &draws, |draw| hit(&view, draw, |record| record.values[0].to_native()));
        }
        "zipf" => {
            let view = exposure(ENTITIES);
            measure(passes, &zipf, |draw| hit(&view, draw, |record| record.values[0].to_native()));
        }
        "shard" => {
            let record = |of, n| Chart { values: std::array::from_fn(|m| of * m as u64 + n) };
            let view = filled(&store, CHARTS, record);
            let draws: Vec<Draw> = (0..DRAWS).map(|n| draw(n * 5 * SLOTS + n, CHARTS)).collect();
            measure(passes, &draws, |draw| hit(&view, draw, |record| record.values[0].to_native()));
        }
        "timeline" => {
            let view = exposure(ENTITIES);
            let daytime = TimeRange::new(start(36), start(36 + 73));
            measure(passes, &zipf, |draw| {
                let timeline = view.range(&draw.entity, daytime).expect("a timeline");
                timeline.iter().map(|(_, record)| record.values[0].to_native()).sum()
            });
        }
        _ => panic!("no such work: {work}"),
    }
}

/// Counts the passes after one that nobody counts, which brings into the thread's table what
/// belongs there.
fn measure(passes: u32, draws: &[Draw], read: impl Fn(&Draw) -> u64) {
    for draw in draws {
        black_box(read(draw));
    }
    for _ in 0..passes {
        counted(draws, &read);
    }
}

/// Callgrind finds it by its name. With each read it counts the few instructions of the loop.
#[inline(never)]
fn counted(draws: &[Draw], read: &impl Fn(&Draw) -> u64) {
    for draw in draws {
        black_box(read(draw));
    }
}

#[inline(always)]
fn hit<R: RecordType>(
    view: &View<u32, R>,
    draw: &Draw,
    value: impl Fn(&R::Archived) -> u64,
) -> u64 {
    let record = view.get(&draw.entity, draw.at).expect("a record");
    debug_assert_eq!(record.layer(), Layer::Memory);
    value(&record)
}

/// A view that has a day of every entity in memory.
fn filled<R: RecordType>(
    store: &Store,
    entities: u32,
    record: impl Fn(u64, u64) -> R + Send + Sync + 'static,
) -> View<u32, R> {
    let view = store
        .view::<u32, R>("records")
        .grid(Grid::minutes(10).origin(NOON))
        .page_len(SLOTS)
        .build(move |_, &entity, bucket| {
            Ok(record(entity.into(), bucket.start().as_millis().unsigned_abs()))
        })
        .expect("a view");
    let day = TimeRange::new(start(0), start(SLOTS));
    for entity in 0..entities {
        view.fill(&entity, day).and_then(|filled| filled.complete()).expect("a day");
    }
    store.sync().expect("a sync");
    view.prefetch(0..entities, day).expect("the pages");
    for entity in 0..entities {
        let record = view.get(&entity, NOON).expect("a record");
        assert!(record.is_fresh() && record.layer() == Layer::Memory, "{record:?}");
    }
    view
}

/// The nth record, counted through the slots of one entity after the other.
fn draw(nth: u32, entities: u32) -> Draw {
    Draw { entity: nth / SLOTS % entities, at: start(nth % SLOTS) }
}

fn start(slot: u32) -> Timestamp {
    NOON + Span::minutes(10 * i64::from(slot))
}

/// Records drawn by Zipf's law with exponent 0.99, from a fixed seed, the popular ones scattered.
fn zipf(records: u32) -> Vec<u32> {
    let mut sum = 0.0;
    let up_to: Vec<f64> = (1..=records)
        .map(|rank| {
            sum += f64::from(rank).powf(-0.99);
            sum
        })
        .collect();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let draws = (0..DRAWS).map(|_| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let share = (seed >> 11) as f64 / (1_u64 << 53) as f64 * sum;
        let rank = up_to.partition_point(|reached| *reached < share) as u64;
        // A prime that does not divide the number of records, so that each rank has its own.
        (rank * 2_654_435_761 % u64::from(records)) as u32
    });
    draws.collect()
}
