//! Who reads what, and whom a change concerns.

mod colour;

pub(crate) use colour::Colour;
