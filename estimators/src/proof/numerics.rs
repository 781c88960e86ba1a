//! Numbers with their errors, and derivatives by extrapolated differences.

use crate::deadline;

/// The number of rules by which every mean is found.
pub(super) const RULES: usize = 3;

/// A number that was found in several ways, with its error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Numeric {
    pub(super) value: f64,
    pub(super) error: f64,
}

/// The meaning of the difference between the ways in which a number was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// The ways are rules of quadrature or of summation: the error is the range of what they find.
    Rules,
    /// The ways are independent runs of draws: their mean has a standard error.
    Draws,
}

impl Spread {
    /// The mean of the ways, and its error.
    pub(super) fn combine(self, ways: &[f64]) -> Numeric {
        let count = ways.len() as f64;
        let value = ways.iter().sum::<f64>() / count;
        let error = match self {
            // Rust's maximum would hide a way that is not a number.
            Self::Rules if value.is_nan() => f64::NAN,
            Self::Rules => {
                let most = ways.iter().fold(f64::NEG_INFINITY, |most, &way| most.max(way));
                most - ways.iter().fold(f64::INFINITY, |least, &way| least.min(way))
            }
            Self::Draws => {
                let squares = ways.iter().map(|way| (way - value).powi(2)).sum::<f64>();
                (squares / (count * (count - 1.0).max(1.0))).sqrt()
            }
        };
        Numeric { value, error }
    }
}

/// The same number in every way.
pub(super) fn in_all_ways(value: f64) -> Vec<f64> {
    vec![value; RULES]
}

/// The number of nodes for each of `numbers` continuous numbers such that there are about `runs` combinations: from 1
/// to 60.
pub(super) fn nodes_for(numbers: usize, runs: usize) -> usize {
    ((runs as f64).powf(1.0 / numbers.max(1) as f64) as usize).clamp(1, 60)
}

/// The largest number of steps of a difference, each half as long as the one before.
const MOST_STEPS: usize = 4;

impl Spread {
    /// The number of steps of a difference. Draws have noise that hides the error of two.
    fn steps(self) -> usize {
        match self {
            Self::Rules => MOST_STEPS,
            Self::Draws => 2,
        }
    }
}

/// The number of standard errors at which a mean of draws and an exact number surely differ: a normal mean is further away
/// twice in $10^9$ times.
pub(super) const SURE_Z: f64 = 6.0;

/// The first step, relative to a parameter above one.
const FIRST_STEP: f64 = 0.04;

/// The error of a difference at which shorter steps are not tried, relative to a slope above one.
const FINE: f64 = 1e-10;

/// The number of times for which shorter steps are tried, each time by a factor of four.
const RETRIES: usize = 3;

/// The slopes of `count` functions, each found in several ways, along one parameter.
struct Slopes {
    of: Vec<Numeric>,
    /// The errors of the differences alone.
    of_differences: Vec<f64>,
}

/// The gradients at `at` of `count` smooth functions, by central differences extrapolated to $h \to 0$ (Richardson).
/// `f` returns each function in each of the ways in which it is found, with a rounding error of `rounding` beside that of
/// its last digit.
///
/// With $D(h) = f' + c_2h^2 + c_4h^4 + \dots$, the combination $[64 D(h/4) - 20 D(h/2) + D(h)]/45$ is free of $h^2$
/// and $h^4$, and a fourth step removes $h^6$. The difference between the extrapolations of the last three steps and of
/// all four is the error of the former, and stands for that of the latter. Where it is large, shorter steps are tried. To it
/// are added the difference between the ways and the rounding of the shortest step.
pub(super) fn extrapolated_gradients(
    at: &[f64],
    count: usize,
    spread: Spread,
    rounding: f64,
    f: impl Fn(&[f64]) -> Vec<Vec<f64>>,
) -> Vec<Vec<Numeric>> {
    let mut gradients = vec![Vec::with_capacity(at.len()); count];
    for i in 0..at.len() {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[i] += by;
            deadline::check();
            f(&at)
        };
        let mut step = FIRST_STEP * at[i].abs().max(1.0);
        let slopes = |step| slopes(at[i].abs(), step, spread, rounding, moved);
        let mut best = slopes(step);
        for _ in 0..RETRIES {
            let improvable = best.of.iter().zip(&best.of_differences).any(|(slope, &error)| {
                let others = slope.error - error;
                error > FINE * slope.value.abs().max(1.0) && error > 0.1 * others
            });
            if !improvable {
                break;
            }
            step *= 0.25;
            let next = slopes(step);
            for n in 0..count {
                if next.of[n].error < best.of[n].error {
                    best.of[n] = next.of[n];
                    best.of_differences[n] = next.of_differences[n];
                }
            }
        }
        gradients.iter_mut().zip(best.of).for_each(|(gradient, slope)| gradient.push(slope));
    }
    gradients
}

/// The slopes at a parameter of this size with a first step.
fn slopes(
    at: f64,
    first: f64,
    spread: Spread,
    rounding: f64,
    moved: impl Fn(f64) -> Vec<Vec<f64>>,
) -> Slopes {
    let count = spread.steps();
    let steps: Vec<f64> = (0..count).map(|j| first * 0.5_f64.powi(j as i32)).collect();
    let sides: Vec<_> = steps.iter().map(|&h| (moved(h), moved(-h))).collect();
    let (mut of, mut of_differences) = (Vec::new(), Vec::new());
    for n in 0..sides[0].0.len() {
        let (mut ways, mut error, mut size) = (Vec::new(), 0.0_f64, 0.0_f64);
        for way in 0..sides[0].0[n].len() {
            let mut table = [0.0; MOST_STEPS];
            for (j, (up, down)) in sides.iter().enumerate() {
                let (up, down) = (up[n][way], down[n][way]);
                size = size.max(up.abs()).max(down.abs());
                table[j] = (up - down) / (2.0 * steps[j]);
            }
            let mut before = table[count - 1];
            for order in 1..count {
                before = table[count - 1];
                for j in (order..count).rev() {
                    table[j] += (table[j] - table[j - 1]) / (4_f64.powi(order as i32) - 1.0);
                }
            }
            ways.push(table[count - 1]);
            error = error.max((table[count - 1] - before).abs());
        }
        let combined = spread.combine(&ways);
        // Both the values and the moved parameter are rounded.
        let rounded = size + combined.value.abs() * at;
        let rounding = (4.0 * f64::EPSILON * rounded + rounding) / steps[count - 1];
        of.push(Numeric { error: combined.error + error + rounding, ..combined });
        of_differences.push(error);
    }
    Slopes { of, of_differences }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_gradient_covers_it() {
        // Smooth, and with features much narrower than the first step.
        for (scale, tolerance) in [(1.0, 1e-11), (10.0, 1e-9), (200.0, 1e-5)] {
            let f = |at: &[f64]| vec![in_all_ways((scale * at[0]).sin() + at[0] * at[1].exp())];
            let found = extrapolated_gradients(&[0.3, -0.5], 1, Spread::Rules, 0.0, f).remove(0);
            let exact =
                [scale * (scale * 0.3_f64).cos() + (-0.5_f64).exp(), 0.3 * (-0.5_f64).exp()];
            for (found, exact) in found.iter().zip(exact) {
                assert!((found.value - exact).abs() <= found.error, "{found:?} for {exact}");
                assert!(found.error < tolerance, "{found:?} for {exact}");
            }
        }
    }

    #[test]
    fn the_rounding_of_values_is_part_of_the_error_at_every_step() {
        // Values with an error of 1e-9 in turn up and down, and a feature that needs steps shorter than the first.
        for scale in [1.0, 30.0] {
            let f = |at: &[f64]| {
                let noise = if at[0].to_bits().is_multiple_of(2) { 1e-9 } else { -1e-9 };
                vec![in_all_ways((scale * at[0]).sin() + noise)]
            };
            let found = extrapolated_gradients(&[0.3], 1, Spread::Rules, 1e-9, f)[0][0];
            let exact = scale * (scale * 0.3_f64).cos();
            assert!((found.value - exact).abs() <= found.error, "{found:?} for {exact}");
            assert!(found.error < 1e-4 * scale, "{found:?}");
        }
    }

    #[test]
    fn ways_that_differ_are_an_error() {
        let f = |at: &[f64]| vec![vec![at[0], at[0], 1.5 * at[0]]];
        let found = extrapolated_gradients(&[1.0], 1, Spread::Rules, 0.0, f)[0][0];
        assert!((found.value - 7.0 / 6.0).abs() < 1e-12 && found.error >= 1.0 / 3.0, "{found:?}");
        let nan = Spread::Rules.combine(&[1.0, f64::NAN, 1.0]);
        assert!(nan.value.is_nan() && nan.error.is_nan());
        // Four runs: the standard error is the root of the sum of squares over n(n − 1).
        let runs = Spread::Draws.combine(&[1.0, 3.0, 1.0, 3.0]);
        assert!(
            (runs.value - 2.0).abs() < 1e-15
                && (runs.error - (4.0_f64 / 12.0).sqrt()).abs() < 1e-15
        );
    }
}
