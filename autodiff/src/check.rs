//! A gradient checker for any function of variables: reverse against finite differences and against itself.
//!
//! [`gradient`] evaluates a function at a point, differentiates it along the tape and compares, for
//! every input, with central differences extrapolated to step zero (Richardson). Orders above one check
//! the gradient's own gradient, along a fixed direction, by the same comparison; and the gradient in
//! variables ([`Var::grad`]) is compared with the gradient in numbers ([`Var::backward`]).

use crate::scalar::Scalar;
use crate::tape::Tape;
use crate::tape::var::Var;
use crate::tensor::Tensor;
use std::fmt::{self, Display};

/// How a check is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The largest error that passes, relative to the larger of the two derivatives and [`Options::floor`].
    pub tolerance: f64,
    /// Derivatives smaller than this are compared as if they were this large.
    pub floor: f64,
    /// The step of the differences, relative to the larger of one and the input.
    pub step: f64,
    /// Up to which order derivatives are checked.
    pub order: usize,
}

impl Options {
    /// Suited to a number type: the step balances the rounding error, of the order of ε/h, against the
    /// error of the extrapolated difference, of the order of h⁴: h = ε^(1/5).
    pub fn of<F: Scalar>() -> Self {
        let eps = F::EPSILON.to_f64();
        // Rounding ε/h = ε^(4/5) with two orders of magnitude for the conditioning of the function.
        Self { tolerance: 100.0 * eps.powf(0.8), floor: 1.0, step: eps.powf(0.2), order: 2 }
    }
}

/// A derivative that is not what finite differences say.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The order of the derivative.
    pub order: usize,
    /// Which argument of the function.
    pub argument: usize,
    /// Which element of it.
    pub element: usize,
    /// What the tape says.
    pub derivative: f64,
    /// What it was compared with.
    pub expected: f64,
    /// What that was.
    pub against: &'static str,
    /// Whether the one-sided slopes differ by more than the error: a kink, where there is no derivative.
    pub kink: bool,
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, argument, element, derivative, expected, against, kink } = self;
        write!(
            f,
            "derivative of order {order} with respect to element {element} of argument {argument} is \
             {derivative}, but {against} give {expected}"
        )?;
        if *kink { f.write_str("; the function has a kink there") } else { Ok(()) }
    }
}

impl std::error::Error for Mismatch {}

/// Compares the derivatives of the sum of `f` at `at` with finite differences.
///
/// ```
/// use pathscore_autodiff::{Tensor, check};
/// let at = [Tensor::new(vec![0.3_f64, -0.7], [2])];
/// check::gradient(|x| x[0].tanh(), &at, check::Options::of::<f64>()).unwrap();
/// ```
///
/// # Errors
/// The first derivative that does not agree.
pub fn gradient<F: Scalar>(
    f: impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
    options: Options,
) -> Result<(), Mismatch> {
    (1..=options.order).try_for_each(|order| one_order(&f, at, order, options))
}

/// The derivative of order `order - 1` along fixed directions, a number whose gradient is to be checked.
fn descend<'t, F: Scalar>(
    f: &impl for<'a> Fn(&[Var<'a, F>]) -> Var<'a, F>,
    xs: &[Var<'t, F>],
    order: usize,
) -> Var<'t, F> {
    (1..order).fold(f(xs).sum(), |y, depth| {
        let slopes = y.grad(xs);
        let along = slopes.iter().enumerate().map(|(argument, slope)| {
            let tape = slope.tape();
            // Any fixed direction without a special relation to the axes will do.
            let direction = tape.constant_with(slope.shape(), |d| {
                for (element, d) in d.iter_mut().enumerate() {
                    let angle = 1.0 + 2.0 * element as f64 + 3.0 * argument as f64 + depth as f64;
                    *d = F::from_f64(angle.sin());
                }
            });
            (*slope * direction).sum()
        });
        along.reduce(|sum, term| sum + term).expect("a function of at least one argument")
    })
}

fn leaves<'t, F: Scalar>(tape: &'t Tape<F>, at: &[Tensor<F>]) -> Vec<Var<'t, F>> {
    at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect()
}

fn one_order<F: Scalar>(
    f: &impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
    order: usize,
    options: Options,
) -> Result<(), Mismatch> {
    let tape = Tape::new();
    let xs = leaves(&tape, at);
    let y = descend(f, &xs, order);
    let grads = y.backward();
    let recorded = y.grad(&xs);
    let mut moved = at.to_vec();
    // Differences of a sum carry the rounding errors of all its summands.
    let magnitude: f64 = f(&xs).value().values().iter().map(|y| y.to_f64().abs()).sum();
    let rounding = 32.0 * F::EPSILON.to_f64() * magnitude.max(y.item().to_f64().abs());
    for argument in 0..at.len() {
        let derivatives = grads.of(xs[argument]);
        let again = recorded[argument].value();
        for element in 0..at[argument].values().len() {
            let derivative = derivatives.values()[element].to_f64();
            let x = at[argument].values()[element];
            let mut value = |offset: f64| {
                let moved_x = F::from_f64(x.to_f64() + offset);
                moved[argument].values_mut()[element] = moved_x;
                let tape = Tape::new();
                let value = descend(f, &leaves(&tape, &moved), order).item().to_f64();
                moved[argument].values_mut()[element] = x;
                // The step that was really made, after rounding.
                (moved_x.to_f64() - x.to_f64(), value)
            };
            let compare = |expected: f64, slack: f64, against, kink| {
                let size = derivative.abs().max(expected.abs()).max(options.floor);
                // Written so that a NaN on either side is a mismatch.
                if (derivative - expected).abs() <= options.tolerance * size + slack {
                    Ok(())
                } else {
                    Err(Mismatch { order, argument, element, derivative, expected, against, kink })
                }
            };
            compare(again.values()[element].to_f64(), 0.0, "recorded derivatives", false)?;
            let mut differences = |h: f64| {
                let slope = |(a, fa): (f64, f64), (b, fb): (f64, f64)| (fb - fa) / (b - a);
                let (centre, far_left, far_right) = (value(0.0), value(-h), value(h));
                let wide = slope(far_left, far_right);
                let narrow = slope(value(-h / 2.0), value(h / 2.0));
                // Halving the step divides the error, of order h², by four.
                let expected = (4.0 * narrow - wide) / 3.0;
                // Smooth functions have one-sided slopes that differ by h f″.
                let (left, right) = (slope(far_left, centre), slope(centre, far_right));
                let kink = (left - right).abs() > 0.1 * left.abs().max(right.abs());
                compare(expected, rounding / h, "finite differences", kink)
            };
            let h = options.step * x.to_f64().abs().max(1.0);
            // A kink close by spoils a wide step; a narrow one, with its larger rounding error, decides.
            differences(h).or_else(|_| differences(h / 32.0))?;
        }
    }
    Ok(())
}
