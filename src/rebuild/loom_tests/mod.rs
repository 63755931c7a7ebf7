//! The races of builds, each in the smallest world that has it.

mod flights;
mod overtaken;
mod watchers;
