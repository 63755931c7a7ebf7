//! A path that the operating system refuses.

use std::io;
use std::path::Path;

use crate::error::Error;

/// Its reason, and what can be done about the common ones.
pub(super) fn refused(doing: &str, path: &Path, cause: io::Error) -> Error {
    let remedy = match cause.kind() {
        io::ErrorKind::NotFound => "its folder is not there: create that first",
        io::ErrorKind::IsADirectory => "give the path of a file in it",
        io::ErrorKind::NotADirectory => "a part of the path is a file: choose another path",
        io::ErrorKind::PermissionDenied => {
            "this user needs to read and write it and its folder; `Options::read_only` asks for \
             reading alone"
        }
        io::ErrorKind::StorageFull => "make room on the disk",
        _ => return Error::system(doing, path, cause),
    };
    Error::system(&format!("{doing} ({remedy})"), path, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_refusals_come_with_what_can_be_done_about_them() {
        use io::ErrorKind::{
            IsADirectory, NotADirectory, NotFound, Other, PermissionDenied, StorageFull,
        };
        let cases = [
            (NotFound, "opening (its folder is not there: create that first)"),
            (IsADirectory, "opening (give the path of a file in it)"),
            (NotADirectory, "opening (a part of the path is a file: choose another path)"),
            (PermissionDenied, "`Options::read_only` asks for reading alone"),
            (StorageFull, "opening (make room on the disk)"),
            (Other, "opening"),
        ];
        for (kind, says) in cases {
            let told = refused("opening", Path::new("store"), kind.into()).to_string();
            assert!(told.contains(says) && told.contains("store"), "{told}");
            assert_eq!(told.contains("opening ("), kind != Other, "{told}");
        }
    }
}
