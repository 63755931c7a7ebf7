//! A picture being written.

use std::fmt::Write;

use crate::polygon::Point;

/// A picture being written, in pixels from its upper left corner.
pub(super) struct Svg {
    text: String,
}

/// How a text stands to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut svg = Self { text: String::new() };
        svg.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica, Arial, sans-serif\">"
        ));
        svg.rectangle((0.0, 0.0), (width, height), "fill=\"#ffffff\"");
        svg
    }

    /// The picture as a text.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    /// An element as it is to be written.
    pub(super) fn add(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{element}").expect("a string takes all that is written");
    }

    pub(super) fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), style: &str) {
        let ((x, y), (width, height)) = (at, size);
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" {style}/>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        self.add(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, text: &str) {
        self.styled_text(at, size, anchor, "fill=\"#333333\"", text);
    }

    pub(super) fn styled_text(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        anchor: Anchor,
        style: &str,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {style}>{text}\
             </text>"
        ));
    }

    /// Polygons as one shape: where they overlap they are drawn once.
    pub(super) fn polygons<'a>(
        &mut self,
        polygons: impl Iterator<Item = &'a [Point]>,
        map: impl Fn(Point) -> (f64, f64),
        style: &str,
    ) {
        let mut path = String::new();
        for corners in polygons {
            for (place, corner) in corners.iter().enumerate() {
                let (x, y) = map(*corner);
                let letter = if place == 0 { 'M' } else { 'L' };
                write!(path, "{letter}{x:.1} {y:.1}").expect("a string takes all that is written");
            }
            path.push('Z');
        }
        if !path.is_empty() {
            self.add(format_args!("<path d=\"{path}\" {style}/>"));
        }
    }

    /// An arrow to the north of a map, and how long so many metres are on it.
    pub(super) fn compass(&mut self, (x, y): (f64, f64), metres: f64, pixels: f64) {
        let (left, right) = (x - pixels, x);
        let thin = "stroke=\"#333333\" stroke-width=\"1.5\"";
        self.line((left, y), (right, y), thin);
        self.line((left, y - 4.0), (left, y + 4.0), thin);
        self.line((right, y - 4.0), (right, y + 4.0), thin);
        self.text(((left + right) / 2.0, y - 7.0), 12.0, Anchor::Middle, &format!("{metres:.0} m"));
        let north = left - 24.0;
        self.line((north, y + 4.0), (north, y - 12.0), thin);
        self.add(format_args!(
            "<path d=\"M{:.1} {:.1}l-4 8h8Z\" fill=\"#333333\"/>",
            north,
            y - 18.0
        ));
        self.text((north, y - 22.0), 12.0, Anchor::Middle, "N");
    }
}
