//! What went wrong, and what the caller can do about it.
//!
//! Few kinds, each of which names a remedy. A message shows the file, the view and the bucket; the
//! entity is a field that stays out of the message, because messages reach logs and users, and an
//! entity may be a person. Record bytes never appear.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something passed in was out of range or contradicts itself, or the call does not belong
    /// here (a write inside a build). Nothing was written. Mend the call.
    Input,
    /// What was asked for is not there: a record that the read's policy does not build, a view that the
    /// file does not know, a run that was pruned. The message says what would bring it there.
    Absent,
    /// The view's build function failed or panicked, or records need each other in a circle.
    /// [`Error::build_cause`] is what it returned. The next read tries again.
    Build,
    /// The file says otherwise than the program: another version, grid or layout of a view. Or the
    /// handle is of a definition that has ended. The message names the remedy, usually a higher
    /// version or the new handle.
    Definition,
    /// Not now; try again later. Somebody else has it: another process holds the file. Or too much
    /// is asked at once: so many readers build that one more is turned away, or the view's builds
    /// fail and it rests; the message says until when.
    Busy,
    /// This opening of the store has ended (closed, forked, or a failed sync whose outcome is
    /// unknown). Open it again; everything synced is there.
    Reopen,
    /// Bytes on disk are not what was written. A page is built anew by the next read that may; what is
    /// readable of a file is brought over into a new one by [`Store::repair`](crate::Store::repair), or
    /// put a backup in its place.
    Damaged,
    /// The path holds something that is not a tidetable file, or one of a format that this release
    /// does not know. The file was not touched.
    Foreign,
    /// The operating system refused; the message has its reason, the path and, for the common ones,
    /// what to do.
    System,
}

/// An error of the store: a kind, a message that says what to do, and where it happened.
///
/// As text it is a sentence: where it happened, what went wrong, and what to do about it. (`Debug` is
/// the same with the kind, so that an error that `main` returns can be read.) Cheap to clone: callers
/// that waited for one build share its error.
///
/// ```
/// use tidetable::{Error, ErrorKind};
///
/// /// What a web server answers.
/// fn status(error: &Error) -> u16 {
///     match error.kind() {
///         ErrorKind::Absent => 404,
///         ErrorKind::Input => 400,       // mend the call
///         ErrorKind::Busy => 503,        // try again later
///         ErrorKind::Build => 502,       // `build_cause` has what the function returned
///         _ => 500,                      // reopen, repair, or look at the system
///     }
/// }
/// # let store = tidetable::Store::in_memory()?;
/// # let view = store.view::<u32, u64>("sun").without_build()?;
/// # assert_eq!(status(&view.get(&7, tidetable::Timestamp::EPOCH).unwrap_err()), 404);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    file: Option<PathBuf>,
    view: Option<String>,
    bucket: Option<String>,
    entity: Option<Vec<u8>>,
    /// It ends a read only so that the build around it can run again.
    unwinding: bool,
    /// It names records that need each other, and so says all that the builds on the way could add.
    circle: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What to do about a file whose tables are damaged.
pub(crate) const RESTORE: &str =
    "bring over what is readable with `Store::repair`, or put a backup in its place";

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            file: None,
            view: None,
            bucket: None,
            entity: None,
            unwinding: false,
            circle: false,
            source: None,
        }))
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, message)
    }

    /// The operating system's reason, with what was being done and the path it concerns.
    pub(crate) fn system(doing: &str, path: &Path, cause: std::io::Error) -> Self {
        Self::new(ErrorKind::System, format!("{doing}: {cause}")).at_file(path).caused_by(cause)
    }

    /// What ends a read that nests too deep. What it asked for is built first, and the builds
    /// around it run again.
    pub(crate) fn unwinding() -> Self {
        let message = "this read nests too deep: what it asks for is built first, and then the \
                       build around it runs again, whatever it returns now";
        Self::new(ErrorKind::Build, message).edit(|inner| inner.unwinding = true)
    }

    pub(crate) fn is_unwinding(&self) -> bool {
        self.0.unwinding
    }

    /// Records that need each other, named in `chain`.
    pub(crate) fn circle(chain: impl fmt::Display) -> Self {
        let message = format!(
            "records need each other in a circle: {chain}; none of them can be built until one of \
             them reads something else"
        );
        Self::new(ErrorKind::Build, message).edit(|inner| inner.circle = true)
    }

    /// A build function that failed for a reason. Records that need each other wrap the same reason
    /// again and again; of a long one it says how it begins and how it ends, and of a circle that it
    /// is one.
    pub(crate) fn build_failed(cause: BuildError) -> Self {
        if let Some(circle) = cause.0.downcast_ref::<Self>().filter(|error| error.0.circle) {
            let again = Self::new(ErrorKind::Build, circle.message());
            return again.edit(|inner| inner.circle = true).caused_by(cause.0);
        }
        let message = shortened(format!("the build function failed: {cause}"));
        Self::new(ErrorKind::Build, message).caused_by(cause.0)
    }

    /// The same without what caused it.
    pub(crate) fn without_cause(&self) -> Self {
        self.clone().edit(|inner| inner.source = None)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Names a file, unless one is named: who met the error knows best which it was.
    pub(crate) fn at_file(self, path: &Path) -> Self {
        if self.0.file.is_some() {
            return self;
        }
        self.edit(|inner| inner.file = Some(path.to_owned()))
    }

    pub(crate) fn at_view(self, view: &str) -> Self {
        self.edit(|inner| inner.view = Some(view.to_owned()))
    }

    pub(crate) fn at_bucket(self, bucket: impl fmt::Display) -> Self {
        self.edit(|inner| inner.bucket = Some(bucket.to_string()))
    }

    pub(crate) fn at_entity(self, key: &[u8]) -> Self {
        self.edit(|inner| inner.entity = Some(key.to_owned()))
    }

    pub(crate) fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.edit(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, without where.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The file concerned, if one was.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The name of the view concerned, if one was: of several the outermost, which was read.
    #[must_use]
    pub fn view(&self) -> Option<&str> {
        self.0.view.as_deref()
    }

    /// The encoded key of the entity concerned, if one was. Never part of the message.
    #[must_use]
    pub fn entity(&self) -> Option<&[u8]> {
        self.0.entity.as_deref()
    }

    /// What the build function returned, of an [`ErrorKind::Build`] and of an [`ErrorKind::Busy`] because
    /// the view's builds fail; through however many builds that needed each other, that of the innermost.
    /// Where that one returned none of its own (it panicked, say) it is an [`Error`], or there is none; and
    /// there is none where the failure comes from the file (requests, runs, failures): that keeps kind and
    /// message alone.
    #[must_use]
    pub fn build_cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        let cause = self.0.source.as_deref().filter(|cause| match self.0.kind {
            ErrorKind::Build => true,
            ErrorKind::Busy => cause.is::<Self>(),
            _ => false,
        })?;
        let deeper = cause.downcast_ref::<Self>().and_then(Self::build_cause);
        deeper.or(Some(cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(view) = &self.0.view {
            write!(f, "view '{view}'")?;
            if let Some(bucket) = &self.0.bucket {
                write!(f, ", bucket {bucket}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(file) = &self.0.file {
            write!(f, " (file {})", file.display())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` returning this error prints Debug: a newcomer's first error must read as a sentence.
        write!(f, "{:?}: {self}", self.0.kind)?;
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            write!(f, "; caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// The message contains its own cause, so the chain of sources goes on behind it.
impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().and_then(|cause| cause.source())
    }
}

/// At most about two thousand bytes of a message: its beginning and its end.
fn shortened(message: String) -> String {
    const HEAD: usize = 400;
    const TAIL: usize = 1600;
    if message.len() <= HEAD + TAIL {
        return message;
    }
    let head = &message[..message.floor_char_boundary(HEAD)];
    let tail = &message[message.ceil_char_boundary(message.len() - TAIL)..];
    format!("{head} (...) {tail}")
}

/// What a build function returns when it cannot build: any error converts into it with `?`.
///
/// Like `anyhow::Error`, it does not implement [`std::error::Error`] itself, which is what makes
/// the conversion from every error possible.
pub struct BuildError(Box<dyn StdError + Send + Sync>);

impl BuildError {
    /// A failure in words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into().into())
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for BuildError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_view_bucket_and_file_but_never_the_entity() {
        let error = Error::input("no")
            .at_view("sun")
            .at_bucket("2026-01-01")
            .at_file(Path::new("city.tide"))
            .at_entity(b"secret");
        assert_eq!(error.to_string(), "view 'sun', bucket 2026-01-01: no (file city.tide)");
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(error.entity(), Some(&b"secret"[..]));
    }

    #[test]
    fn a_failure_that_many_builds_pass_on_stays_short_and_keeps_its_reason() {
        let mut error = Error::build_failed(BuildError::new("the tide is öut"));
        for _ in 0..100 {
            let passed_on = Error::build_failed(error.at_view("sun").into());
            assert!(passed_on.to_string().ends_with("the tide is öut"), "{passed_on}");
            error = passed_on;
        }
        let told = error.to_string();
        assert!(told.starts_with("the build function failed: view 'sun'"), "{told}");
        assert!(told.len() < 2_100, "{} bytes", told.len());
        assert!(error.build_cause().is_some() && error.without_cause().build_cause().is_none());
    }

    #[test]
    fn a_circle_is_told_once_however_many_builds_pass_it_on() {
        let mut error = Error::circle("hen -> egg -> hen").at_view("hen");
        for view in ["egg", "hen", "breakfast"] {
            error = Error::build_failed(error.into()).at_view(view);
        }
        let told = error.to_string();
        assert!(
            told.starts_with("view 'breakfast': records need each other in a circle"),
            "{told}"
        );
        assert_eq!(told.matches("hen -> egg -> hen").count(), 1, "{told}");
        assert_eq!(format!("{error:?}"), format!("Build: {told}"));
        assert!(error.build_cause().is_some());
    }

    #[test]
    fn any_error_converts_into_a_build_error() {
        fn build() -> std::result::Result<u8, BuildError> {
            Ok("300".parse::<u8>()?)
        }
        assert!(build().unwrap_err().to_string().contains("too large"));
    }
}
