//! One measured number.

use crate::spread::Spread;

/// Which of two values is the better.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Less,
    More,
}

/// What an engine came to in a work.
#[derive(Clone, Debug)]
pub struct Figure {
    pub work: String,
    pub engine: &'static str,
    pub spread: Spread,
    pub unit: &'static str,
    pub better: Better,
}
