//! What the compiler says to a program that is wrong.
//!
//! Small programs are given to `rustc` with the libraries that this test itself is built from. A whole
//! message is another with each release of the compiler, so only its helpful words are looked for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What each program begins with.
const BEGINNING: &str = "\
#![allow(dead_code, unused_imports)]
use tidetable::{BuildError, Grid, Store, Timestamp};
use tidetable::key::StartsWith;
const AT: Timestamp = Timestamp::EPOCH;
fn store() -> Store { Store::in_memory().unwrap() }
";

/// The libraries that this test was linked with.
struct Libraries {
    folder: PathBuf,
    tidetable: PathBuf,
    rkyv: PathBuf,
}

impl Libraries {
    /// Those of which a right program can be made: beside them may lie others, of other features.
    fn found() -> &'static Self {
        static FOUND: OnceLock<Libraries> = OnceLock::new();
        FOUND.get_or_init(|| {
            let program = std::env::current_exe().expect("a program knows where it is");
            let folder = program.parent().expect("a program lies in a folder");
            let mut refusals = String::new();
            for tidetable in libraries(folder, "libtidetable-") {
                for rkyv in libraries(folder, "librkyv-") {
                    let tidetable = tidetable.clone();
                    let these = Self { folder: folder.to_owned(), tidetable, rkyv };
                    match these.compile("control", CONTROL) {
                        Ok(()) => return these,
                        Err(refusal) => refusals.push_str(&refusal),
                    }
                }
            }
            panic!("a right program does not compile: {refusals}");
        })
    }

    /// The compiler's words where it refuses the program.
    fn compile(&self, name: &str, program: &str) -> Result<(), String> {
        let own = tempfile::tempdir().expect("a folder for what is compiled");
        let source = own.path().join(format!("{name}.rs"));
        std::fs::write(&source, format!("{BEGINNING}{program}")).expect("a program can be written");
        let external = |name: &str, path: &Path| format!("{name}={}", path.display());
        let compiled = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
            .args(["--edition=2024", "--emit=metadata", "--crate-name", name, "--out-dir"])
            .arg(own.path())
            .arg(format!("-Ldependency={}", self.folder.display()))
            .args(["--extern", &external("tidetable", &self.tidetable)])
            .args(["--extern", &external("rkyv", &self.rkyv)])
            .arg(&source)
            .output()
            .expect("the compiler that built this test is there");
        if compiled.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&compiled.stderr).into_owned())
    }
}

/// The libraries whose names begin so, the newest first.
fn libraries(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of this program can be listed");
    let paths = entries.map(|entry| entry.expect("it can be listed to its end").path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(beginning) && name.ends_with(".rlib")
    };
    let mut found: Vec<PathBuf> = paths.filter(is_one).collect();
    found.sort_by_key(|path| path.metadata().and_then(|known| known.modified()).ok());
    found.reverse();
    found
}

const CONTROL: &str = "\
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Sun { percent: u8 }
fn main() {
    let view = store().view::<u32, Sun>(\"sun\");
    let view = view.build(|_, _, _| Ok(Sun { percent: 80 })).unwrap();
    assert_eq!(view.get(&1, AT).unwrap().percent, 80);
}";

fn refused(name: &str, program: &str, words: &[&str]) {
    let told = Libraries::found().compile(name, program).expect_err("this must be refused");
    for word in words {
        assert!(told.contains(word), "{name}: '{word}' is not in:\n{told}");
    }
}

#[test]
fn a_record_without_its_derive_is_told_which() {
    let derive =
        "derive it: `#[derive(rkyv::Archive, rkyv::Serialize)]`, on the types of its fields";
    let forgotten = "
        struct Sun { percent: u8 }
        fn main() { store().view::<u32, Sun>(\"sun\").without_build().unwrap(); }";
    refused("no_derive", forgotten, &["`Sun` cannot be a record", derive]);
    let half = forgotten.replace("struct", "#[derive(rkyv::Archive)] struct");
    refused("half_a_derive", &half, &["`Sun` cannot be a record", derive]);
    let field = "
        struct Area(f64);
        #[derive(rkyv::Archive, rkyv::Serialize)]
        struct Sun { area: Area }
        fn main() { store().view::<u32, Sun>(\"sun\").without_build().unwrap(); }";
    refused("field", field, &["the trait `Archive` is not implemented for `Area`"]);
}

#[test]
fn a_record_that_borrows_is_told_to_own() {
    let owns = "a record owns what it holds: `String` for `&str`, `Vec` for a slice";
    let text = "
        fn main() { store().view::<u32, &'static str>(\"sun\").without_build().unwrap(); }";
    refused("text", text, &["`&'static str` cannot be a record", owns]);
    let field = "
        #[derive(rkyv::Archive, rkyv::Serialize)]
        struct Sun<'a> { name: &'a str }
        fn main() { store().view::<u32, Sun<'static>>(\"sun\").without_build().unwrap(); }";
    refused("borrowing_field", field, &["`Sun<'static>` cannot be a record", owns]);
}

#[test]
fn an_entity_without_a_key_is_told_what_has_one() {
    let own = "
        struct Patio(u32);
        fn main() { store().view::<Patio, u64>(\"sun\").without_build().unwrap(); }";
    let words = ["`Patio` cannot be what a record is about", "implement `EntityKey`"];
    refused("own_type", own, &words);
    let tuple = "
        fn main() { store().view::<(&'static str, u32), u64>(\"sun\").without_build().unwrap(); }";
    let words = ["`&'static str` cannot be what a record is about", "say `String`, not `&str`"];
    refused("tuple", tuple, &words);
    let float = "
        fn main() { store().view::<f64, u64>(\"sun\").without_build().unwrap(); }";
    refused("float", float, &["`f64` cannot be what a record is about", "integers, `bool`, `str`"]);
}

#[test]
fn a_source_that_is_none_is_told_how_to_name_one() {
    let words = ["does not name a source", "`(\"building\", 7)`", "has the key `()`"];
    refused("kind_alone", "fn main() { store().invalidate(\"building\").unwrap(); }", &words);
    let owned = "fn main() { store().invalidate((String::from(\"building\"), 7)).unwrap(); }";
    refused("owned_kind", owned, &["does not name a source", "a kind, which is a `&str`"]);
    let float = "fn main() { store().invalidate((\"building\", 1.5)).unwrap(); }";
    refused("float_key", float, &["cannot be the key of a source", "`to_bits`"]);
    let build = "
        fn main() {
            let view = store().view::<u32, u64>(\"sun\");
            view.build(|cx, _, _| { cx.depends_on(7); Ok(1) }).unwrap();
        }";
    refused("read_in_a_build", build, &["`{integer}` does not name a source"]);
    let prefix = "
        fn main() {
            let view = store().view::<(String, u32), u64>(\"sun\").without_build().unwrap();
            view.invalidate_prefix(&\"Sweden\").unwrap();
        }";
    refused("prefix", prefix, &["begins with a `&str`", "a tuple of its first parts"]);
}

#[test]
fn a_build_function_of_another_shape_is_told_the_right_one() {
    let build = |function: &str| {
        format!("fn main() {{ store().view::<u32, u64>(\"sun\").build({function}).unwrap(); }}")
    };
    let bare = build("|_, &patio, _| u64::from(patio)");
    refused("bare", &bare, &["Result<u64, BuildError>", "try wrapping the expression in `Ok`"]);
    let other = build("|_, _, _| Ok(\"text\")");
    refused("other_record", &other, &["expected `u64`, found `&str`"]);
    let two = build("|_, _| Ok(1)");
    refused("two_arguments", &two, &["closure is expected to take 3 arguments"]);
    let entity = build("|_, patio: &String, _| Ok(patio.len() as u64)");
    refused("other_entity", &entity, &["fn(&'a BuildContext, &'b u32, Bucket)"]);
    let text = build("|_, _, _| Err(\"no tide\")");
    refused("text_for_an_error", &text, &["expected `BuildError`", "`Into::into`"]);
    let silent = "struct Mine; fn tide() -> Result<u64, Mine> { Err(Mine) }".to_owned()
        + &build("|_, _, _| Ok(tide()?)");
    refused("no_error", &silent, &["`Mine` needs to implement `std::error::Error`"]);
    let lent = "fn main() {
        let heights = vec![1_u64];
        store().view::<u32, u64>(\"sun\").build(|_, _, _| Ok(heights[0])).unwrap();
    }";
    refused("lent", lent, &["`heights` is borrowed here", "use the `move` keyword"]);
    let one_thread = "fn main() {
        let height = std::rc::Rc::new(1_u64);
        store().view::<u32, u64>(\"sun\").build(move |_, _, _| Ok(*height)).unwrap();
    }";
    refused("one_thread", one_thread, &["`Rc<u64>` cannot be sent between threads safely"]);
}

#[test]
fn a_read_with_other_arguments_is_told_which() {
    let read = |expression: &str| {
        format!(
            "fn main() {{
                let view = store().view::<u32, u64>(\"sun\").build(|_, _, _| Ok(1)).unwrap();
                {expression};
            }}"
        )
    };
    refused("by_value", &read("view.get(7, AT)"), &["expected `&u32`", "consider borrowing here"]);
    let clock = read("view.get(&7, std::time::SystemTime::now())");
    refused("clock", &clock, &["expected `Timestamp`, found `SystemTime`", "`Into::into`"]);
    let bucket = read("view.get(&7, Grid::hours(1).bucket_at(AT).unwrap())");
    refused("bucket", &bucket, &["expected `Timestamp`, found `Bucket`"]);
    let number = read("let sun: u64 = *view.get(&7, AT).unwrap()");
    refused("number", &number, &["expected `u64`, found `u64_le`", "`Into::into`"]);
    let unfinished = "fn main() {
        let view = store().view::<u32, u64>(\"sun\").grid(Grid::hours(1));
        view.get(&7, AT).unwrap();
    }";
    refused("unfinished", unfinished, &["no method named `get` found", "ViewDefinition"]);
}

#[test]
fn a_fill_whose_report_nobody_reads_is_told_how_its_failures_are_made_an_error() {
    let fill = |ends: &str| {
        format!(
            "#[deny(unused_must_use)]
            fn main() {{
                let view = store().view::<u32, u64>(\"sun\").build(|_, _, _| Ok(1)).unwrap();
                view.fill(&7, tidetable::TimeRange::ALWAYS).unwrap(){ends};
            }}"
        )
    };
    let words = ["unused `Filled` that must be used", "`.complete()?` makes an error of it"];
    refused("unread", &fill(""), &words);
    let read = Libraries::found().compile("read", &fill(".complete().unwrap()"));
    read.expect("what it built need not be used");
}

#[test]
fn a_record_that_is_calculated_with_is_named_where_the_documentation_says_how() {
    let with = |record: &str, expression: &str| {
        format!(
            "fn main() {{
                let view = store().view::<u32, {record}>(\"sun\").without_build().unwrap();
                let record = view.get(&7, AT).unwrap();
                {expression};
            }}"
        )
    };
    // The compiler lets nobody else speak of operators: it shows `Record`, whose page tells.
    let product = with("f64", "let twice = record * 2.0");
    refused("product", &product, &["cannot multiply `Record<f64>`", "pub struct Record<R"]);
    let sum = with("u64", "let next = record + 1");
    refused("sum", &sum, &["cannot add `{integer}` to `Record<u64>`", "pub struct Record<R"]);
    let compared = with("f64", "assert!(record > 2.0)");
    refused("compared", &compared, &["cannot be applied to type `Record<f64>`"]);
    let shown = with("f64", "println!(\"{record}\")");
    refused("shown", &shown, &["`Record<f64>` doesn't implement `std::fmt::Display`"]);
    let cast = with("u64", "let wide = *record as f64");
    refused("cast", &cast, &["non-primitive cast: `rend::u64_le` as `f64`"]);
    // What it tells.
    for (name, number) in [("of_f64", "f64"), ("of_f32", "f32")] {
        let calculates = "let twice = *record * 2.0; assert!(*record > 2.0 && twice > 2.0);
            println!(\"{} {}\", *record, record.to_native().sqrt())";
        let right = Libraries::found().compile(name, &with(number, calculates));
        right.expect("a number that stands in a record can be calculated with");
    }
}
