//! Builds that fail, that are too many, and that take too long.

mod admission;
mod halting;
mod nested;
mod probe;
mod rest;
mod slow;
mod world;
