//! The backlog in a file.
