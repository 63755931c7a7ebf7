//! Real pages of every stored form.

use std::iter::repeat_n;
use std::sync::OnceLock;

use tidetable::proof::pages::{Beside, StoredPage, admit_page, decode_page, store_page};
use tidetable::{RecordType, Result};

use crate::disk::Random;

/// Reads a page by its key, its bytes and those of what it needs beside itself.
type Decode = fn(&[u8], &[u8], &[u8]) -> Result<usize>;

/// A page, and how to read what is made of it.
pub struct Form {
    pub name: &'static str,
    pub page: StoredPage,
    decode: Decode,
    admit: fn(&[u8], &mut [u8]),
}

const KEY: &[u8] = b"where it stands";
/// Where a page's header says how its body stands.
const FORM_AT: usize = 6;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const PACKED: u8 = 2;
const LEAN: u8 = 3;
const BESIDE: u8 = 4;

type Numbers = [u32; 8];
type Line = [u8; 45];
/// Records of which 1,024 make a page of nearly the limit.
type ManyNumbers = [u32; 7_900];
type LongLine = [u8; 31_901];

impl Form {
    pub fn decode(&self, bytes: &[u8], aid: &[u8]) -> Result<usize> {
        (self.decode)(KEY, bytes, aid)
    }

    /// Makes the checksum fit.
    pub fn admit(&self, bytes: &mut [u8]) {
        (self.admit)(KEY, bytes);
    }
}

pub fn small(random: &mut Random) -> &'static Form {
    let forms = all_small();
    &forms[random.below(forms.len() as u64) as usize]
}

/// One of zstd.
pub fn compressed() -> &'static Form {
    &all_small()[1]
}

fn all_small() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let words = || (0..24_u64).map(|nth| nth.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let texts =
            |of: usize| (0..of).map(|nth| format!("{nth}: {}", "low water ".repeat(9 + nth)));
        let text: Vec<String> = texts(20).collect();
        let dictionary: Vec<u8> = texts(40).flat_map(String::into_bytes).collect();
        let lines: Vec<Line> = (0..40).map(|nth| [b'a' + nth % 3; 45]).collect();
        vec![
            form("plain", PLAIN, &words().collect::<Vec<_>>(), None, Beside::Nothing),
            form("zstd", ZSTD, &text, Some(1), Beside::Nothing),
            form("zstd with a dictionary", ZSTD, &text, Some(1), Beside::Dictionary(&dictionary)),
            form("packed", PACKED, &numbers(1), Some(1), Beside::Nothing),
            form("lean", LEAN, &lines, Some(1), Beside::Nothing),
            form("lean with a dictionary", LEAN, &lines, Some(1), Beside::Dictionary(&dictionary)),
            form("beside a pattern", BESIDE, &numbers(2), Some(1), Beside::Pattern(&numbers(1))),
        ]
    })
}

/// Pages of nearly the limit.
pub fn large(random: &mut Random) -> &'static Form {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        let text: Vec<String> = (0..32).map(|nth| "slack water ".repeat(79_000 + nth)).collect();
        let lines: Vec<LongLine> = repeat_n([b'x'; 31_901], 1024).collect();
        let numbers: Vec<ManyNumbers> = (0..1024).map(|nth| [nth * 3; 7_900]).collect();
        vec![
            form("large zstd", ZSTD, &text, Some(1), Beside::Nothing),
            form("large lean", LEAN, &lines, Some(1), Beside::Nothing),
            form("large packed", PACKED, &numbers, Some(1), Beside::Nothing),
        ]
    });
    &forms[random.below(forms.len() as u64) as usize]
}

/// What moves a little from one to the next.
fn numbers(place: u32) -> Vec<Numbers> {
    let sun = |nth: u32| nth.wrapping_mul(0x9E37_79B9).rotate_left(nth % 31);
    (0..96).map(|nth| [sun(nth), place, nth * 1000, nth, place + nth, 0, 7, place * 3]).collect()
}

fn form<R: RecordType>(
    name: &'static str,
    stored_as: u8,
    records: &[R],
    level: Option<i32>,
    beside: Beside<'_, R>,
) -> Form {
    let page = store_page(KEY, records, level, beside).expect("far below the limits");
    assert_eq!(page.bytes[FORM_AT], stored_as, "{name} is stored otherwise");
    Form { name, page, decode: decode_page::<R>, admit: admit_page::<R> }
}
