//! Helpers of the tests of densities: all rows of bits, random parameters, derivatives by differences.

use crate::capability::Tractable;
use crate::params::{Init, Params};
use crate::seed::{Stream, rng};
use pathscore_autodiff::{Scalar, Tape};

/// All rows of so many bits, one behind the other.
pub(super) fn all_rows<F: Scalar>(columns: usize) -> Vec<F> {
    let bit = |i: usize| if ((i / columns) >> (i % columns)) & 1 == 1 { F::ONE } else { F::ZERO };
    (0..columns << columns).map(bit).collect()
}

/// Sets every parameter to a normal number with this standard deviation.
pub(super) fn at_random<F: Scalar>(params: &mut Params<F>, scale: f64) {
    let mut random = Params::<f64>::new();
    random.add("all", [params.len()], Init::Normal(scale), &mut rng(5, Stream::Init, 0));
    let numbers = params.values_mut().iter_mut().zip(random.values());
    numbers.for_each(|(to, &from)| *to = F::from_f64(from));
}

/// $\ln p(x)$ of rows.
pub(super) fn log_probs<F: Scalar>(
    model: &impl Tractable<F>,
    params: &Params<F>,
    x: &[F],
    columns: usize,
) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(x, [x.len() / columns, columns]);
    model.log_prob(params.on(&tape), x).with(|found| found.iter().map(|x| x.to_f64()).collect())
}

/// The derivatives of the sum of $\ln p(x)$ with respect to all parameters and to `x` are those of differences.
pub(super) fn derivatives_agree_with_differences(
    model: &impl Tractable<f64>,
    params: &Params<f64>,
    x: &[f64],
    columns: usize,
) {
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.leaf(x, [x.len() / columns, columns]);
    let slopes = model.log_prob(bound, rows).sum().backward();
    let total =
        |params: &Params<f64>, x: &[f64]| log_probs(model, params, x, columns).iter().sum::<f64>();
    // A central difference of four points errs by h⁴ times a fifth derivative and by rounding, 1e-14/h: 1e-11 both.
    let h = 1e-3;
    let slope = |of: &dyn Fn(f64) -> f64| {
        (8.0 * (of(h) - of(-h)) - (of(2.0 * h) - of(-2.0 * h))) / (12.0 * h)
    };
    let close = |what: &str, i: usize, found: f64, expected: f64| {
        let error = (found - expected).abs();
        assert!(error < 1e-9 * expected.abs().max(1.0), "{what} {i}: {found}, not {expected}");
    };
    for (i, &found) in slopes.leading(params.len()).iter().enumerate() {
        let expected = slope(&|by| {
            let mut moved = params.clone();
            moved.values_mut()[i] += by;
            total(&moved, x)
        });
        close("parameter", i, found, expected);
    }
    for (i, &found) in slopes.of(rows).values().iter().enumerate() {
        let expected = slope(&|by| {
            let mut moved = x.to_vec();
            moved[i] += by;
            total(params, &moved)
        });
        close("number", i, found, expected);
    }
}
