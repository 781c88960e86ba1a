//! A regression with inputs that have no effect (Friedman 1991, *Multivariate adaptive regression splines*, §4.3).

use rand::Rng;

use super::kind::{Load, SourceKind};
use crate::data::{Split, Table};
use crate::seed::{self, Stream, uniform_f32};
use pathscore_autodiff::Scalar;

/// The number of inputs, of which the first five have an effect.
const INPUTS: usize = 10;

pub(super) const SOURCE: SourceKind = SourceKind {
    usage: "friedman",
    about: "a regression on ten inputs, of which five have no effect, 400 + 1000: x1 to x10, y",
    grey: false,
    shuffled: false,
    log_density: None,
    load: Load::Generate(|seed| {
        let (train, test) = friedman(1400, seed).split_at(400);
        let description = format!(
            "friedman: drawn from seed {seed}, draws 0 to 399 train, 400 to 1399 test; the noise \
             has a standard deviation of 1"
        );
        Ok(Split { train, test, description })
    }),
};

/// `n` rows of ten inputs, uniform on $[0, 1)$, and
///
/// $$y = 10 \sin(\pi x_1 x_2) + 20 (x_3 - \tfrac12)^2 + 10 x_4 + 5 x_5 + \varepsilon, \quad \varepsilon \sim \mathcal N(0, 1)$$
///
/// in the last of the eleven columns, which are called `x1` to `x10` and `y`. The noise of a standard deviation of one is the least
/// error that a prediction can have.
///
/// Row `i` is a pure function of `seed` and `i`.
///
/// ```
/// # use pathscore_models::data::friedman;
/// let table = friedman(20, 7);
/// assert_eq!((table.len(), table.columns()), (20, 11));
/// assert_eq!(table.row(5), friedman(6, 7).row(5));
/// ```
pub fn friedman(n: usize, seed: u64) -> Table {
    let mut values = Vec::with_capacity(n * (INPUTS + 1));
    for i in 0..n {
        let rng = &mut seed::rng(seed, Stream::Friedman, i as u64);
        let x: [f32; INPUTS] = std::array::from_fn(|_| uniform_f32(rng));
        values.extend(x);
        values.push((response(x.map(f64::from)) + noise(rng)) as f32);
    }
    let names = (1..=INPUTS).map(|i| format!("x{i}")).chain(["y".to_string()]);
    Table::new(values, INPUTS + 1)
        .and_then(|table| table.with_column_names(names.collect()))
        .expect("every row adds eleven finite values")
}

/// The mean of $y$.
fn response(x: [f64; INPUTS]) -> f64 {
    10.0 * (std::f64::consts::PI * x[0] * x[1]).sin()
        + 20.0 * (x[2] - 0.5).powi(2)
        + 10.0 * x[3]
        + 5.0 * x[4]
}

fn noise<R: Rng>(rng: &mut R) -> f64 {
    let mut noise = [0.0];
    f64::fill_normal(&mut noise, rng);
    noise[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residuals_are_standard_normal_and_inputs_uniform() {
        let (n, seed) = (20_000, 5);
        let table = friedman(n, seed);
        let (mut sum, mut squares, mut inputs) = (0.0, 0.0, 0.0);
        for row in (0..n).map(|i| table.row(i)) {
            let x: [f64; INPUTS] = std::array::from_fn(|i| f64::from(row[i]));
            let residual = f64::from(row[INPUTS]) - response(x);
            sum += residual;
            squares += residual * residual;
            inputs += x.iter().sum::<f64>() / INPUTS as f64;
        }
        let n = n as f64;
        // Four standard errors: 1/√n of the mean, √(2/n) of the squares, 1/√(12 · 10 n) of the inputs.
        assert!((sum / n).abs() < 4.0 / n.sqrt(), "seed {seed}: {}", sum / n);
        assert!((squares / n - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "seed {seed}: {}", squares / n);
        assert!((inputs / n - 0.5).abs() < 4.0 / (120.0 * n).sqrt(), "seed {seed}: {}", inputs / n);
    }

    #[test]
    fn the_response_is_the_formula() {
        let x = [0.5, 1.0, 1.0, 0.25, 0.5, 9.0, 9.0, 9.0, 9.0, 9.0];
        assert!((response(x) - (10.0 + 5.0 + 2.5 + 2.5)).abs() < 1e-14);
    }

    #[test]
    fn seeds_differ_and_repeat() {
        assert_eq!(friedman(50, 1), friedman(50, 1));
        assert_ne!(friedman(50, 1), friedman(50, 2));
        assert_eq!(friedman(1, 1).column_names().map(|names| names[10].as_str()), Some("y"));
    }
}
