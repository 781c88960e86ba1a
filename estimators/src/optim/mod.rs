//! Optimisers.
//!
//! An [`Optimizer`] is a loop over a flat vector of parameters and its noisy gradient: [`Sgd`], [`Adam`], [`AdamW`],
//! [`Adamax`], [`AdaGrad`], [`RmsProp`], and [`Averaged`] around any of them. They *ascend*: the gradients of
//! this library are of quantities to be maximised. [`NaturalGradient`] ascends with the geometry of a normal distribution.
//!
//! Functions without noise have [`LBfgs`], which goes up or down, and sums of squares have [`LevenbergMarquardt`]; both say
//! why they stopped.

mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod averaged;
mod lbfgs;
mod levenberg_marquardt;
mod line_search;
mod natural_gradient;
mod rmsprop;
mod schedule;
mod sgd;
mod stop;

pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use averaged::{Average, Averaged};
pub use lbfgs::{LBfgs, Optimum};
pub use levenberg_marquardt::{LeastSquares, LevenbergMarquardt};
pub use natural_gradient::{NaturalGradient, NotPositiveDefinite};
pub use rmsprop::RmsProp;
pub use schedule::Schedule;
pub use sgd::Sgd;
pub use stop::Stop;

use crate::parallel::join;
use pathscore_autodiff::Scalar;

/// The length of a chunk; constant, so that the bits do not depend on the number of threads.
pub(crate) const CHUNK: usize = 1 << 14;

/// A rule that moves parameters along a gradient.
pub trait Optimizer<F: Scalar>: Send {
    /// Moves `params` by one step up the gradient with learning rate `lr`.
    ///
    /// # Panics
    /// If the lengths differ from step to step or from each other.
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64);

    /// The vectors of the optimiser, by name, for a checkpoint, each as long as the parameters. There are none before
    /// the first step.
    fn state(&self) -> Vec<(&'static str, &[F])>;

    /// The number of steps taken.
    fn steps(&self) -> u64;

    /// Replaces the vectors by those of a checkpoint: `find` returns the vector of a name.
    ///
    /// # Errors
    /// The name of a vector that is missing or has another length than the others.
    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String>;

    /// The average of the parameters of many steps, if the optimiser keeps one as [`Averaged`] does.
    fn average(&self) -> Option<&[F]> {
        None
    }
}

/// Fills the vectors of an optimiser with `value` before its first step, and refuses lengths that do not fit.
#[track_caller]
fn prepare<F: Scalar, const N: usize>(
    name: &str,
    steps: u64,
    [params, grad]: [&[F]; 2],
    vectors: [&mut Vec<F>; N],
    value: F,
) {
    for vector in vectors {
        if steps == 0 {
            *vector = vec![value; params.len()];
        }
        assert!(
            params.len() == grad.len() && vector.len() == grad.len(),
            "{name}: {} parameters, a gradient of {} numbers and vectors of {} numbers do not fit",
            params.len(),
            grad.len(),
            vector.len()
        );
    }
}

/// The vectors of a checkpoint by their names, all of the same length; there are none before the first step.
///
/// # Errors
/// The name of the first vector that is missing or has another length.
fn find_all<F, const N: usize>(
    names: [&str; N],
    steps: u64,
    find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
) -> Result<[Vec<F>; N], String> {
    let mut vectors = std::array::from_fn(|_| Vec::new());
    if steps == 0 {
        return Ok(vectors);
    }
    for i in 0..N {
        let vector = find(names[i]).filter(|vector| i == 0 || vector.len() == vectors[0].len());
        vectors[i] = vector.ok_or(names[i])?;
    }
    Ok(vectors)
}

/// Calls `f` with matching chunks of some vectors to change and one to read, on all threads; a vector that an optimiser
/// does not use may be empty.
pub(crate) fn in_chunks<F: Scalar, const N: usize>(
    vectors: [&mut [F]; N],
    grad: &[F],
    f: &(impl Fn([&mut [F]; N], &[F]) + Sync),
) {
    if grad.len() <= CHUNK {
        return f(vectors, grad);
    }
    let middle = grad.len().div_ceil(CHUNK) / 2 * CHUNK;
    let mut right: [&mut [F]; N] = std::array::from_fn(|_| Default::default());
    let mut places = right.iter_mut();
    let left = vectors.map(|vector| {
        let (left, right) = vector.split_at_mut(middle.min(vector.len()));
        *places.next().expect("there are as many right halves as vectors") = right;
        left
    });
    let (below, above) = grad.split_at(middle);
    join(|| in_chunks(left, below, f), || in_chunks(right, above, f));
}
