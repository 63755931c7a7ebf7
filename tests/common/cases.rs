//! How many of all cases a test tries.

/// All of them; each third with `EACH=3` in the environment, for who cannot wait so long.
pub(crate) fn each() -> usize {
    let each = std::env::var("EACH").ok();
    each.map_or(1, |each| each.parse().expect("EACH is a number, and not zero"))
}
