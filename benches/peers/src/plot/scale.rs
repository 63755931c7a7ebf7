//! From a value to a place on the page, and the values that are written along an axis.

/// One axis of a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    logarithmic: bool,
    /// Least and greatest value.
    values: (f64, f64),
    /// Where on the page these lie.
    places: (f64, f64),
}

impl Scale {
    /// An axis that all these values fit on.
    pub(super) fn over(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
        let shown = values.filter(|value| value.is_finite() && (!logarithmic || *value > 0.0));
        let (least, most) = shown
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
                (least.min(value), most.max(value))
            });
        let values = match (least.is_finite(), logarithmic) {
            (false, true) => (1.0, 10.0),
            (false, false) => (0.0, 1.0),
            // A little beyond, so that no mark lies on the edge; and a decade at least, or what hardly
            // differs would look as if it did.
            (true, true) => {
                let beyond = (10.0 * least / most).sqrt().max(1.4);
                (least / beyond, most * beyond)
            }
            (true, false) => (0.0, most.max(f64::MIN_POSITIVE) * 1.08),
        };
        Self { logarithmic, values, places: (0.0, 1.0) }
    }

    pub(super) fn onto(self, from: f64, to: f64) -> Self {
        Self { places: (from, to), ..self }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let map = |value: f64| if self.logarithmic { value.ln() } else { value };
        let (least, most) = (map(self.values.0), map(self.values.1));
        let part = (map(value) - least) / (most - least);
        self.places.0 + part * (self.places.1 - self.places.0)
    }

    /// Whether there is a place for a value.
    pub(super) fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    /// Values to be written along the axis: whole powers of ten, with halves or thirds of a decade
    /// where few powers fit; round steps where it is linear.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let (least, most) = self.values;
        if !self.logarithmic {
            let step = round_step(most / 5.0);
            return (0..).map(|n| f64::from(n) * step).take_while(|tick| *tick <= most).collect();
        }
        let decades = most.log10() - least.log10();
        let within: &[f64] = match decades {
            ..2.0 => &[1.0, 2.0, 5.0],
            2.0..4.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let powers = least.log10().floor() as i32..=most.log10().ceil() as i32;
        let all = powers.flat_map(|power| within.iter().map(move |n| n * 10_f64.powi(power)));
        all.filter(|tick| (least..=most).contains(tick)).collect()
    }
}

/// The next of 1, 2, 5, 10, 20, ... that is not below.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|n| n * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(power * 10.0)
}

/// A number as it stands beside an axis or in a label: `20`, `1.5 k`, `3 M`.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    let (scaled, suffix) = match size {
        1e9.. => (value / 1e9, " G"),
        1e6.. => (value / 1e6, " M"),
        1e4.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    digits(scaled) + suffix
}

/// A time of so many nanoseconds: `25 ns`, `4.5 µs`, `1.2 s`.
pub(super) fn time(nanos: f64) -> String {
    let (scaled, unit) = match nanos.abs() {
        1e9.. => (nanos / 1e9, " s"),
        1e6.. => (nanos / 1e6, " ms"),
        1e3.. => (nanos / 1e3, " µs"),
        _ => (nanos, " ns"),
    };
    digits(scaled) + unit
}

/// Three digits at most, without zeros behind the point.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_between_the_ends_of_its_axis() {
        for logarithmic in [true, false] {
            let values = [3.0, 7.5, 4_000.0];
            let scale = Scale::over(values.into_iter(), logarithmic).onto(100.0, 20.0);
            let places = values.map(|value| scale.place(value));
            assert!(places.is_sorted_by(|a, b| a > b), "{places:?}");
            assert!(places.iter().all(|place| (20.0..=100.0).contains(place)), "{places:?}");
        }
    }

    #[test]
    fn an_axis_of_any_width_has_some_values_written_along_it() {
        for most in [1.1, 4.0, 70.0, 1e3, 1e9] {
            for logarithmic in [true, false] {
                let ticks = Scale::over([1.0, most].into_iter(), logarithmic).ticks();
                assert!((1..=12).contains(&ticks.len()), "{most} {logarithmic}: {ticks:?}");
            }
        }
        assert!(!Scale::over(std::iter::empty(), true).ticks().is_empty());
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.25, 1.0, 25.04, 1_500.0, 40_000.0, 3e6].map(short);
        assert_eq!(all, ["0.25", "1", "25", "1500", "40 k", "3 M"]);
        assert_eq!([25.0, 4_510.0, 1.25e6, 2e9].map(time), ["25 ns", "4.51 µs", "1.25 ms", "2 s"]);
    }
}
