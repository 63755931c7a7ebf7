//! What a disk holds, in pages that copies share until one of them is written to.

use std::sync::{Arc, LazyLock};

/// The bytes of a disk. A copy costs a count for each page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pages: Vec<Page>,
    len: usize,
}

/// A page, and what its bytes come to if that is known.
#[derive(Clone, Debug)]
struct Page {
    bytes: Arc<[u8; PAGE_BYTES]>,
    print: Option<u64>,
}

const PAGE_BYTES: usize = 4096;

static ZEROS: LazyLock<Arc<[u8; PAGE_BYTES]>> = LazyLock::new(|| Arc::new([0; PAGE_BYTES]));

impl From<&[u8]> for Image {
    fn from(bytes: &[u8]) -> Self {
        let mut image = Self::default();
        image.write(0, bytes);
        image
    }
}

impl Image {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        assert!(self.read(0, &mut bytes), "it is as long as that");
        bytes
    }

    /// Whether there are so many bytes; then they are copied.
    pub(crate) fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let Ok(start) = usize::try_from(offset) else { return false };
        if start.checked_add(out.len()).is_none_or(|end| end > self.len) {
            return false;
        }
        let (mut at, mut rest) = (start, out);
        while !rest.is_empty() {
            let within = at % PAGE_BYTES;
            let (part, after) = rest.split_at_mut(rest.len().min(PAGE_BYTES - within));
            part.copy_from_slice(&self.pages[at / PAGE_BYTES].bytes[within..within + part.len()]);
            at += part.len();
            rest = after;
        }
        true
    }

    /// What is written behind the end makes it longer.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        let (mut at, mut rest) = (offset as usize, data);
        self.set_len(self.len.max(at + data.len()));
        while !rest.is_empty() {
            let within = at % PAGE_BYTES;
            let (part, after) = rest.split_at(rest.len().min(PAGE_BYTES - within));
            let page = &mut self.pages[at / PAGE_BYTES];
            page.print = None;
            if part.len() == PAGE_BYTES {
                page.bytes = Arc::new(part.try_into().expect("it is as long as a page"));
            } else {
                let bytes = Arc::make_mut(&mut page.bytes);
                bytes[within..within + part.len()].copy_from_slice(part);
            }
            at += part.len();
            rest = after;
        }
    }

    /// What is behind the end is zero, also if it was something else before it was cut off.
    pub(crate) fn set_len(&mut self, len: usize) {
        let pages = len.div_ceil(PAGE_BYTES);
        if len < self.len && !len.is_multiple_of(PAGE_BYTES) {
            let last = &mut self.pages[pages - 1];
            last.print = None;
            Arc::make_mut(&mut last.bytes)[len % PAGE_BYTES..].fill(0);
        }
        let zeros = || Page { bytes: ZEROS.clone(), print: None };
        self.pages.resize_with(pages, zeros);
        self.len = len;
    }

    /// A number that two images share only if their bytes are the same (or by a chance of 2^-64).
    pub(crate) fn fingerprint(&mut self) -> u64 {
        let mut sum = mix(self.len as u64);
        for (number, page) in self.pages.iter_mut().enumerate() {
            let print = *page.print.get_or_insert_with(|| print(&page.bytes));
            sum = sum.wrapping_add(mix(print ^ mix(number as u64)));
        }
        sum
    }
}

/// Four lanes, so that the processor need not wait for a product before the next.
fn print(bytes: &[u8; PAGE_BYTES]) -> u64 {
    let mut lanes = [1_u64, 2, 3, 4];
    let (words, _) = bytes.as_chunks::<8>();
    for four in words.chunks_exact(4) {
        for (lane, word) in lanes.iter_mut().zip(four) {
            *lane = (lane.rotate_left(23) ^ u64::from_le_bytes(*word))
                .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    lanes.into_iter().fold(0, |sum, lane| mix(sum ^ lane))
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
