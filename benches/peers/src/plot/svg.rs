//! The few shapes that pictures here are made of.

use std::fmt::Write;

use super::engine_style::{Mark, Style};

/// As well to be read on white as on black: 4.5 to 1 on both.
pub(super) const INK: &str = "#767676";
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/// A picture in the making. Places are in pixels from the upper left corner.
#[derive(Debug)]
pub(super) struct Svg(String);

#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self(String::new());
        svg.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" font-family=\"{FONT}\">\n\
             <title>{}</title>",
            escaped(title)
        ));
        svg
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), size: u32, anchor: Anchor, text: &str) {
        let anchor = anchor.name();
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
             fill=\"{INK}\">{}</text>",
            escaped(text)
        ));
    }

    pub(super) fn title(&mut self, (x, y): (f64, f64), size: u32, text: &str) {
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"600\" \
             fill=\"{INK}\">{}</text>",
            escaped(text)
        ));
    }

    /// A line of the frame, or of the grid behind the figures.
    pub(super) fn rule(&mut self, from: (f64, f64), to: (f64, f64), faint: bool) {
        let opacity = if faint { 0.25 } else { 0.8 };
        self.add(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{INK}\" \
             stroke-opacity=\"{opacity}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let mut places = String::new();
        for (x, y) in points {
            // Writing to a string does not fail.
            _ = write!(places, "{x:.1},{y:.1} ");
        }
        self.add(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"/>",
            places.trim_end()
        ));
    }

    /// The mark of an engine, with what it stands for shown where a mouse rests on it.
    pub(super) fn mark(&mut self, (x, y): (f64, f64), style: Style, size: f64, says: &str) {
        let r = size;
        let corners: &[(f64, f64)] = match style.mark {
            Mark::Disc => &[],
            Mark::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Mark::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            Mark::TriangleUp => &[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
            Mark::TriangleDown => &[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)],
            Mark::Cross => &CROSS,
        };
        let shape = if corners.is_empty() {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"")
        } else {
            let corners = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r));
            let places: Vec<_> = corners.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            format!("<polygon points=\"{}\"", places.join(" "))
        };
        let colour = style.colour;
        let says = escaped(says);
        self.add(format_args!("{shape} fill=\"{colour}\"><title>{says}</title>{}", close(&shape)));
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        _ = self.0.write_fmt(line);
        self.0.push('\n');
    }
}

/// Two bars, crossed.
const CROSS: [(f64, f64); 12] = [
    (-1.1, -0.7),
    (-0.7, -1.1),
    (0.0, -0.4),
    (0.7, -1.1),
    (1.1, -0.7),
    (0.4, 0.0),
    (1.1, 0.7),
    (0.7, 1.1),
    (0.0, 0.4),
    (-0.7, 1.1),
    (-1.1, 0.7),
    (-0.4, 0.0),
];

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

fn close(shape: &str) -> &'static str {
    if shape.starts_with("<circle") { "</circle>" } else { "</polygon>" }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// About how wide a text is: enough to leave room for it.
pub(super) fn width_of(text: &str, size: u32) -> f64 {
    text.chars().count() as f64 * f64::from(size) * 0.56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_the_format_is_written_as_text() {
        let mut svg = Svg::new(10.0, 10.0, "a < b");
        svg.text((1.0, 2.0), 12, Anchor::End, "\"x\" & y");
        let svg = svg.finish();
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains("&quot;x&quot; &amp; y"));
    }
}
