//! Numbers off the front of a value, little endian; `None` where it is shorter than it should be.

pub(super) fn take_u8(bytes: &mut &[u8]) -> Option<u8> {
    take_array(bytes).map(u8::from_le_bytes)
}

pub(super) fn take_u16(bytes: &mut &[u8]) -> Option<u16> {
    take_array(bytes).map(u16::from_le_bytes)
}

pub(super) fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take_array(bytes).map(u32::from_le_bytes)
}

pub(super) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take_array(bytes).map(u64::from_le_bytes)
}

pub(super) fn take_i64(bytes: &mut &[u8]) -> Option<i64> {
    take_array(bytes).map(i64::from_le_bytes)
}

/// Bytes behind their length of two bytes.
pub(super) fn take_short<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::from(take_u16(bytes)?);
    let (value, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(value)
}

/// What [`take_short`] takes. Nodes and page keys are written so, which are far below 64 KiB.
pub(super) fn put_short(bytes: &mut Vec<u8>, value: &[u8]) {
    let len = u16::try_from(value.len()).expect("keys of entities and sources end at some KiB");
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(value);
}

/// First and last of a span, which are in order.
pub(super) fn take_span(bytes: &mut &[u8]) -> Option<(u16, u16)> {
    let span = (take_u16(bytes)?, take_u16(bytes)?);
    (span.0 <= span.1).then_some(span)
}

pub(super) fn put_span(bytes: &mut Vec<u8>, (first, last): (u16, u16)) {
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(&last.to_le_bytes());
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*value)
}
