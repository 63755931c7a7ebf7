//! Compression of page bodies, with a dictionary where pages are small.
//!
//! A small page has little to repeat within itself, but resembles its neighbours: a dictionary
//! trained on the view's first pages makes up for it. Dictionaries are kept in the file, one id
//! each; a page names the one it needs.
//!
//! ```text
//! | checksum 8 | a dictionary as zstd trains it |
//! ```
//! The checksum is xxh3, seeded with the id, over everything after itself. A page's own covers its frame
//! alone: beside a dictionary of which one bit is another it would inflate to other records unseen.

use std::cell::RefCell;

use rkyv::util::AlignedVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CCtx, DCtx, compress_bound};

use super::even::Even;
use crate::error::{Error, Result};
use crate::sync::Arc;

thread_local! {
    // A context weighs hundreds of KiB and is costly to make; each thread keeps one of each.
    static COMPRESSOR: RefCell<(CCtx<'static>, Vec<u8>)> =
        RefCell::new((CCtx::create(), Vec::new()));
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// What each thread keeps of the room that it compresses in.
const SCRATCH_BYTES_MAX: usize = 256 << 10;

/// A trained dictionary, ready for both directions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dictionary(Arc<Prepared>);

struct Prepared {
    id: u32,
    row: Box<[u8]>,
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary({})", self.0.id)
    }
}

/// On disk: how each dictionary begins that zstd trains.
const TRAINED: [u8; 4] = 0xEC30_A437_u32.to_le_bytes();

impl Dictionary {
    /// Prepares what was trained; any bytes will do.
    pub(crate) fn prepare(id: u32, trained: &[u8], level: i32) -> Result<Self> {
        Self::with_row(id, &Self::row_of(id, trained), trained, level)
    }

    /// A dictionary as it stands in the file.
    pub(super) fn from_row(id: u32, row: &[u8], level: i32) -> Result<Self> {
        let sealed = row.split_first_chunk::<8>();
        let sealed = sealed.filter(|(sum, rest)| u64::from_le_bytes(**sum) == sum_of(id, rest));
        let trained = match sealed {
            Some((_, trained)) => trained,
            // The first files have rows without a checksum.
            None if row.starts_with(&TRAINED) => row,
            None => return Err(unusable(id)),
        };
        Self::with_row(id, row, trained, level)
    }

    fn with_row(id: u32, row: &[u8], trained: &[u8], level: i32) -> Result<Self> {
        let unusable = |cause| unusable(id).caused_by(cause);
        Ok(Self(Arc::new(Prepared {
            id,
            row: row.into(),
            encoder: EncoderDictionary::try_copy(trained, level).map_err(unusable)?,
            decoder: DecoderDictionary::try_copy(trained).map_err(unusable)?,
        })))
    }

    /// What is to stand in the file of what was trained.
    pub(crate) fn row_of(id: u32, trained: &[u8]) -> Vec<u8> {
        [&sum_of(id, trained).to_le_bytes(), trained].concat()
    }

    /// What stands in the file.
    pub(super) fn row(&self) -> &[u8] {
        &self.0.row
    }

    /// Whether its row begins with a checksum, and not as the first files have it.
    pub(super) fn is_sealed(&self) -> bool {
        !self.0.row.starts_with(&TRAINED)
    }

    /// Its id within the view; never zero.
    pub(crate) fn id(&self) -> u32 {
        self.0.id
    }
}

fn sum_of(id: u32, trained: &[u8]) -> u64 {
    xxh3_64_with_seed(trained, id.into())
}

fn unusable(id: u32) -> Error {
    Error::damaged(format!("the dictionary {id} is unusable"))
}

/// How a view compresses its pages.
#[derive(Clone, Debug)]
pub(crate) struct Compression {
    /// zstd's level; `None` switches compression off.
    pub(crate) level: Option<i32>,
    pub(crate) dictionary: Option<Dictionary>,
}

impl Compression {
    /// The bytes as a zstd frame; `None` where compression is off (or zstd refuses, which only
    /// costs space).
    pub(super) fn compress(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let level = self.level?;
        COMPRESSOR.with_borrow_mut(|(context, out)| {
            // The frame is written where there is room for the worst of them, and kept in as much as it
            // takes.
            out.clear();
            out.reserve(compress_bound(bytes.len()));
            let done = match &self.dictionary {
                Some(known) => context.compress_using_cdict(out, bytes, known.0.encoder.as_cdict()),
                None => context.compress(out, bytes, level),
            };
            let frame = done.is_ok().then(|| out.as_slice().into());
            out.clear();
            out.shrink_to(SCRATCH_BYTES_MAX);
            frame
        })
    }

    pub(super) fn dictionary_id(&self) -> u32 {
        self.dictionary.as_ref().map_or(0, Dictionary::id)
    }
}

/// Inflates a frame into exactly `len` bytes, which the caller has bounded.
pub(super) fn decompress(
    frame: &[u8],
    len: usize,
    dictionary: Option<&Dictionary>,
) -> Result<AlignedVec<16>> {
    let (out, inflated) = inflate(frame, len, dictionary)?;
    if inflated == len { Ok(out) } else { Err(not_what_it_claims()) }
}

/// Inflates a frame into at most `most` bytes, which the caller has bounded.
pub(super) fn decompress_lean(
    frame: &[u8],
    most: usize,
    dictionary: Option<&Dictionary>,
) -> Result<AlignedVec<16>> {
    let (mut out, inflated) = inflate(frame, most, dictionary)?;
    out.resize(inflated, 0);
    Ok(out)
}

/// Inflates a frame into a buffer of `most` bytes, and says how many it filled. The context is given all
/// of both at once, so that it keeps no window of its own, whatever the frame asks for.
fn inflate(
    frame: &[u8],
    most: usize,
    dictionary: Option<&Dictionary>,
) -> Result<(AlignedVec<16>, usize)> {
    let mut out = AlignedVec::with_capacity(most);
    out.resize(most, 0);
    let done = DECOMPRESSOR.with_borrow_mut(|context| match dictionary {
        Some(known) => {
            context.decompress_using_ddict(out.as_mut_slice(), frame, known.0.decoder.as_ddict())
        }
        None => context.decompress(out.as_mut_slice(), frame),
    });
    let inflated = done.map_err(|_| not_what_it_claims())?;
    Ok((out, inflated))
}

fn not_what_it_claims() -> Error {
    Error::damaged("a page's compressed body does not inflate to what it claims")
}

/// Bodies of this size or more hold enough repetition of their own.
const SMALL_BODY_BYTES: usize = 8 << 10;
/// zstd's advice: samples of about a hundred times the dictionary's size.
const SAMPLE_BYTES: usize = 400 << 10;
const SAMPLES_MIN: usize = 64;
const DICTIONARY_BYTES: usize = 8 << 10;

/// Collects the first small bodies of a view until there are enough to train on.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
    done: bool,
}

impl Sampler {
    /// A sampler that asks for nothing: the view has its dictionary, or wants none.
    pub(crate) fn finished() -> Self {
        Self { done: true, ..Self::default() }
    }

    /// Takes a body in. Returns the samples once they suffice; the caller trains on them after it
    /// has let go of every lock.
    pub(crate) fn sample(&mut self, page: &super::Page) -> Option<Samples> {
        let body = page.body();
        if self.done || body.len() >= SMALL_BODY_BYTES {
            return None;
        }
        let before = self.bytes.len();
        match Even::of(page) {
            Some(even) => self.bytes.extend_from_slice(&even.lean(page)),
            None => self.bytes.extend_from_slice(body),
        }
        self.sizes.push(self.bytes.len() - before);
        if self.bytes.len() < SAMPLE_BYTES || self.sizes.len() < SAMPLES_MIN {
            return None;
        }
        self.done = true;
        Some(Samples {
            bytes: std::mem::take(&mut self.bytes),
            sizes: std::mem::take(&mut self.sizes),
        })
    }
}

/// Enough bodies to train a dictionary on.
pub(crate) struct Samples {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

impl Samples {
    /// Trains (some tens of milliseconds). `None` where the pages have too little in common.
    pub(crate) fn train(&self) -> Option<Vec<u8>> {
        zstd::dict::from_continuous(&self.bytes, &self.sizes, DICTIONARY_BYTES).ok()
    }
}
