//! What a picture with lines shows.

/// Panels side by side, over the same sort of x.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Chart {
    /// Of the file, without its ending.
    pub name: &'static str,
    pub title: &'static str,
    pub x: Axis,
    pub panels: Vec<Panel>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct Panel {
    pub title: &'static str,
    pub y: Axis,
    pub curves: Vec<Curve>,
}

/// The figures of one engine, or of one sort of work.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Axis {
    /// Says the unit too.
    pub label: &'static str,
    /// Else it is linear and begins at zero.
    pub logarithmic: bool,
}
