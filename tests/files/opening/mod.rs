//! What opening does, and what it refuses without touching anything.

mod damage;
mod files;
mod input;
mod reading;
