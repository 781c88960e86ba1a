//! Comparisons of two computations of the same function: kernels and definitions, numbers and duals, single and double
//! precision.

use crate::check::{Comparison, Options, Place, Report, flat, leaves, places, slanted};
use crate::numbers::dual::Dual;
use crate::numbers::real::Real;
use crate::numbers::tensor::Tensor;
use crate::sweeps::record::define;
use crate::tape::engine::Scalar;
use crate::tape::number_tape::NumberTape;
use crate::tape::record::Tape;
use crate::tape::record::Var;

/// Compares two functions of the same arguments: their values, then their derivatives along the same seed.
fn compare(
    options: Options,
    against: &'static str,
    [found, expected]: [Sides; 2],
    places: Vec<Place>,
) -> Result<Report, Comparison> {
    let mut report = Report::default();
    let values = (0..found.values.len()).map(|i| (0, Place::Value(i)));
    let places = values.chain(places.into_iter().map(|place| (1, place)));
    let expected = expected.values.into_iter().chain(expected.slopes);
    let found = found.values.into_iter().chain(found.slopes);
    for (((order, place), found), expected) in places.zip(found).zip(expected) {
        // If both are −∞ they are equal, although their difference is NaN.
        let allowed = options.allowed(found, expected);
        let (found, expected) = if found == expected { (0.0, 0.0) } else { (found, expected) };
        let step = None;
        let kink = false;
        report.take(Comparison { order, place, found, expected, allowed, step, against, kink })?;
    }
    Ok(report)
}

/// The values of a function and its derivatives along a seed.
struct Sides {
    values: Vec<f64>,
    slopes: Vec<f64>,
}

impl Sides {
    fn of<F: Scalar>(y: Var<'_, F>, xs: &[Var<'_, F>]) -> Self {
        let values: Vec<f64> = y.value().values().iter().map(|y| y.to_f64()).collect();
        let seed: Vec<F> = (0..values.len()).map(|at| F::from_f64(slanted(at, 0))).collect();
        Self { values, slopes: flat(&y.tape().pull(&[(y, &seed)]), xs) }
    }
}

/// Compares the op in which `f` ends, a fused kernel or a custom op, with its definition: the values,
/// and the derivatives with respect to `at`.
///
/// ```
/// use pathscore_autodiff::{Tensor, check};
/// let at = [Tensor::new(vec![0.3_f64, -0.7, 1.0], [3])];
/// check::definition(|x| x[0].log_sum_exp(0), &at, check::Options::of::<f64>()).unwrap();
/// ```
///
/// # Errors
/// The first number that differs from that of the definition.
///
/// # Panics
/// If `f` ends in an op that has no definition.
#[track_caller]
pub fn definition<F: Scalar>(
    f: impl for<'t> Fn(&[Var<'t, F>]) -> Var<'t, F>,
    at: &[Tensor<F>],
    options: Options,
) -> Result<Report, Comparison> {
    let tape = Tape::new();
    let xs = leaves(&tape, at);
    let y = f(&xs);
    let Some(definition) = define(y) else {
        panic!("definition: entry {} is elementary", y.id().index());
    };
    let sides = [Sides::of(y, &xs), Sides::of(definition, &xs)];
    compare(options, "the definition", sides, places(at))
}

/// Compares a function in single precision with the same function in double precision, at the same numbers: the
/// values and the derivatives.
///
/// ```
/// use pathscore_autodiff::{Scalar, Tensor, Var, check};
/// fn f<'t, F: Scalar>(x: &[Var<'t, F>]) -> Var<'t, F> {
///     x[0].tanh().log_sum_exp(0)
/// }
/// let at = [Tensor::new(vec![0.3_f32, -0.7, 1.0], [3])];
/// check::precision(f, f, &at, check::Options::of::<f32>()).unwrap();
/// ```
///
/// # Errors
/// The first number that is not close to that of double precision.
pub fn precision(
    single: impl for<'t> Fn(&[Var<'t, f32>]) -> Var<'t, f32>,
    double: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    at: &[Tensor<f32>],
    options: Options,
) -> Result<Report, Comparison> {
    let (narrow, wide) = (Tape::new(), Tape::new());
    let widen = |x: &Tensor<f32>| {
        Tensor::new(x.values().iter().map(|&x| f64::from(x)).collect(), x.shape())
    };
    let xs = leaves(&narrow, at);
    let ws = leaves(&wide, &at.iter().map(widen).collect::<Vec<_>>());
    let sides = [Sides::of(single(&xs), &xs), Sides::of(double(&ws), &ws)];
    compare(options, "double precision", sides, places(at))
}

/// A formula over [`Real`], which runs on numbers, on duals and on both kinds of tape.
pub trait Formula {
    /// The value of the formula.
    fn of<R: Real>(&self, x: &[R]) -> R;
}

/// Compares a formula on numbers, on duals, on a tape and on a [`NumberTape`]: its value bit by bit, its first derivatives,
/// by duals in forward mode and on the tapes in reverse mode, and its second derivatives by duals and on a tape.
///
/// ```
/// use pathscore_autodiff::{Real, check};
/// struct Product;
/// impl check::Formula for Product {
///     fn of<R: Real>(&self, x: &[R]) -> R {
///         x[0].tanh() * x[1].exp()
///     }
/// }
/// check::formula(Product, &[0.3_f64, -0.7], check::Options::of::<f64>()).unwrap();
/// ```
///
/// # Errors
/// The first number that differs.
pub fn formula<F: Scalar>(
    f: impl Formula,
    at: &[F],
    options: Options,
) -> Result<Report, Comparison> {
    let mut report = Report::default();
    let mut take = |order, place, found: F, expected: F, allowed, against| {
        let (found, expected) = (found.to_f64(), expected.to_f64());
        let (step, kink) = (None, false);
        report.take(Comparison { order, place, found, expected, allowed, step, against, kink })
    };
    let tape = Tape::new();
    let xs: Vec<Var<F>> = at.iter().map(|&x| tape.leaf(&[x], [])).collect();
    let y = f.of(&xs);
    take(0, Place::Value(0), y.item(), f.of(at), 0.0, "numbers")?;
    let grads = y.backward();
    let slopes = y.grad(&xs);
    let mut numbers = NumberTape::new();
    let (value, numbers) = numbers.gradient(at, |x| f.of(x));
    take(0, Place::Value(0), value, f.of(at), 0.0, "numbers")?;
    let element = |i| Place::Element { argument: i, index: Vec::new() };
    for i in 0..at.len() {
        let first = |j: usize| Dual { v: at[j], d: if i == j { F::ONE } else { F::ZERO } };
        let dual = f.of(&(0..at.len()).map(first).collect::<Vec<_>>());
        take(0, Place::Value(0), dual.v, f.of(at), 0.0, "numbers")?;
        let found = grads.of(xs[i]).item();
        let allowed = |a: F, b: F| options.allowed(a.to_f64(), b.to_f64());
        take(1, element(i), found, dual.d, allowed(found, dual.d), "duals")?;
        take(1, element(i), numbers[i], dual.d, allowed(numbers[i], dual.d), "duals")?;
        // The second derivatives by argument i and each other one, from duals of duals.
        for (j, curvature) in slopes[i].grad(&xs).into_iter().enumerate() {
            let second =
                |k: usize| Dual { v: first(k), d: first(k).of(f64::from(u8::from(j == k))) };
            let twice = f.of(&(0..at.len()).map(second).collect::<Vec<_>>()).d.d;
            let found = curvature.item();
            take(2, element(j), found, twice, allowed(found, twice), "duals of duals")?;
        }
    }
    Ok(report)
}
