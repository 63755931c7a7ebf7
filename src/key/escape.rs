//! Bytes of any length inside a key.
//!
//! Each byte has a code: `00` is `01 01`, `01` is `01 02`, every other byte is itself; `00` ends
//! the whole. The codes sort as their bytes do and none begins with another, so two encodings
//! differ first where their values do; and the end sorts below every code, so what ends earlier
//! sorts first. As `00` stands nowhere but at the end, no encoding begins with another.

use super::buffer::KeyBuf;

/// On disk: never changes.
const END: u8 = 0x00;
/// On disk: never changes. Stands before a byte of `00` or `01`, which follows raised by one.
const ESCAPE: u8 = 0x01;

/// Appends `bytes`, escaped and ended. Costs one byte more than they have, and one for each `00`
/// or `01` among them.
#[inline]
pub(super) fn escape(bytes: &[u8], key: &mut KeyBuf) {
    escape_beginning(bytes, key);
    key.push(END);
}

/// The same without an end: what all escaped values begin with that begin with `bytes`.
#[inline]
pub(super) fn escape_beginning(bytes: &[u8], key: &mut KeyBuf) {
    if bytes.iter().fold(true, |plain, byte| plain & (*byte > ESCAPE)) {
        key.extend(bytes);
    } else {
        escape_each(bytes, key);
    }
}

#[cold]
fn escape_each(bytes: &[u8], key: &mut KeyBuf) {
    for &byte in bytes {
        if byte <= ESCAPE {
            key.extend(&[ESCAPE, byte + 1]);
        } else {
            key.push(byte);
        }
    }
}

/// Takes one escaped value off the front of `bytes`; `None` if none stands there.
pub(super) fn unescape(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let end = bytes.iter().position(|byte| *byte == END)?;
    let mut value = Vec::with_capacity(end);
    let mut codes = bytes[..end].iter();
    while let Some(&byte) = codes.next() {
        match byte {
            ESCAPE => match codes.next()? {
                raised @ 1..=2 => value.push(raised - 1),
                _ => return None,
            },
            plain => value.push(plain),
        }
    }
    *bytes = &bytes[end + 1..];
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> Vec<u8> {
        let mut key = KeyBuf::new();
        escape(bytes, &mut key);
        key.as_slice().to_vec()
    }

    #[test]
    fn the_bytes_on_disk_are_these() {
        assert_eq!(escaped(b""), [0]);
        assert_eq!(escaped(b"ab"), [b'a', b'b', 0]);
        assert_eq!(escaped(&[0, 1, 2, 255]), [1, 1, 1, 2, 2, 255, 0]);
    }

    #[test]
    fn every_short_string_keeps_its_order_and_returns() {
        let alphabet = [0, 1, 2, 0x7f, 0xff];
        let mut values = vec![vec![]];
        for start in [0, 1, 6, 31] {
            let longer = |value: &Vec<u8>| alphabet.map(|byte| [&value[..], &[byte]].concat());
            let longer: Vec<_> = values[start..].iter().flat_map(longer).collect();
            values.extend(longer);
        }
        values.sort();
        values.dedup();
        assert!(values.len() > 156);
        for (low, high) in values.iter().zip(&values[1..]) {
            assert!(escaped(low) < escaped(high), "{low:?} {high:?}");
            assert!(!escaped(high).starts_with(&escaped(low)), "{low:?} {high:?}");
        }
        for value in &values {
            let encoded = [escaped(value), vec![9, 9]].concat();
            let mut rest = &encoded[..];
            assert_eq!(unescape(&mut rest).as_ref(), Some(value));
            assert_eq!(rest, [9, 9]);
        }
    }

    #[test]
    fn what_escape_never_writes_is_refused() {
        for foreign in [&[][..], &[5], &[1, 0], &[1, 3, 0], &[1, 255, 0], &[1]] {
            assert_eq!(unescape(&mut &*foreign), None, "{foreign:?}");
        }
    }
}
