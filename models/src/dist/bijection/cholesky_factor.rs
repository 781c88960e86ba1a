//! From the reals to Cholesky factors.

use super::Bijection;
use crate::dist::Support;
use crate::dist::shapes::sum_last;
use pathscore_autodiff::{Scalar, Shape, Tape, Var};

/// From rows of $n(n + 1)/2$ real numbers to lower triangular matrices of shape `[n, n]` with a positive diagonal. The
/// numbers fill the triangle row after row, and those on the diagonal go through the exponential function, so $\ln\det$ is
/// their sum.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bijection, CholeskyFactor};
/// let tape = Tape::new();
/// let x = tape.leaf(&[0.0_f64, -3.0, 2_f64.ln()], [3]);
/// let l = CholeskyFactor.forward(x);
/// assert_eq!(l.value().values(), [1.0, 0.0, -3.0, 2.0]);
/// assert_eq!(CholeskyFactor.inverse(l).value(), x.value());
/// assert_eq!(CholeskyFactor.log_det(x, 1).item(), 2_f64.ln());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CholeskyFactor;

/// The side of the matrix whose triangle holds `numbers` numbers.
#[track_caller]
fn side(numbers: usize) -> usize {
    let n = ((8 * numbers + 1) as f64).sqrt() as usize / 2;
    assert!(
        n > 0 && n * (n + 1) / 2 == numbers,
        "CholeskyFactor: no triangle of a square matrix holds {numbers} numbers"
    );
    n
}

/// The places of the triangle in the square matrix, row after row.
fn places(n: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..n).flat_map(|i| (0..=i).map(move |j| [i, j]))
}

/// One for each number of the triangle that is on the diagonal, zero for the others.
fn diagonal<F: Scalar>(tape: &Tape<F>, n: usize) -> Var<'_, F> {
    tape.constant_with([n * (n + 1) / 2], |out| {
        for (out, [i, j]) in out.iter_mut().zip(places(n)) {
            *out = if i == j { F::ONE } else { F::ZERO };
        }
    })
}

/// `x` with another last part of its shape.
fn with_last<'t, F: Scalar>(x: Var<'t, F>, gone: usize, new: &[usize]) -> Var<'t, F> {
    let shape = x.shape();
    let batch = &shape[..shape.len() - gone];
    x.reshape(batch.iter().chain(new).copied().collect::<Shape>())
}

/// The numbers of the matrices in the triangle, and those above it.
fn triangles<'t, F: Scalar>(y: Var<'t, F>) -> ([Var<'t, F>; 2], usize) {
    let n = y.shape().last().copied().unwrap_or(0);
    let flat = with_last(y, 2, &[n * n]);
    let lower: Vec<usize> = places(n).map(|[i, j]| n * i + j).collect();
    let upper: Vec<usize> = places(n).filter(|[i, j]| i != j).map(|[i, j]| n * j + i).collect();
    let of = |places: &[usize]| {
        let picked = flat.index_select(-1, y.tape().indices(places, [places.len()]));
        picked.expect("the places lie in the matrix")
    };
    ([of(&lower), of(&upper)], n)
}

impl<'t, F: Scalar> Bijection<'t, F> for CholeskyFactor {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let numbers = x.shape().last().copied().unwrap_or(0);
        let n = side(numbers);
        let on = diagonal(x.tape(), n);
        // The exponential of a large number off the diagonal must not overflow.
        let x = on.select(on.select(x, x.constant(0.0)).exp(), x);
        // Above the diagonal stands the number that is appended.
        let place = |i: usize, j: usize| if j <= i { i * (i + 1) / 2 + j } else { numbers };
        let places: Vec<usize> = (0..n * n).map(|at| place(at / n, at % n)).collect();
        let picked = x.pad(-1, 0, 1).index_select(-1, x.tape().indices(&places, [n * n]));
        with_last(picked.expect("the places lie in the row"), 1, &[n, n])
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let ([lower, _], n) = triangles(y);
        let on = diagonal(y.tape(), n);
        on.select(on.select(lower, y.constant(1.0)).ln(), lower)
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let on = diagonal(x.tape(), side(x.shape().last().copied().unwrap_or(0)));
        sum_last(on.select(x, x.constant(0.0)), event_dim)
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let ([lower, upper], n) = triangles(y);
        let zero = y.constant(0.0);
        let on = diagonal(y.tape(), n);
        let infinite = lower.abs().equal(y.constant(f64::INFINITY));
        let below = on.select(lower.less_equal(zero), zero) + infinite;
        let above = upper.not_equal(zero).sum_axis(-1);
        sum_last(below.sum_axis(-1) + above, event_dim - 2)
    }

    fn event_dims(&self) -> [usize; 2] {
        [1, 2]
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        let (&numbers, batch) =
            shape.split_last().expect("CholeskyFactor: an argument needs an axis");
        let n = side(numbers);
        batch.iter().copied().chain([n, n]).collect()
    }

    fn support(&self, _: Support) -> Support {
        Support::CholeskyFactors
    }
}
