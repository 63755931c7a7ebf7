//! What the test programs share.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub(crate) mod block_on;
pub(crate) mod cases;
pub(crate) mod disk;
pub(crate) mod record;
pub(crate) mod still;
pub(crate) mod unsealed;
