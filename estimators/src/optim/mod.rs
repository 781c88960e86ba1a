//! Optimisers: loops over a flat vector of parameters and its gradient. They *ascend*: the gradients of
//! this library are of quantities to be maximised.

mod adam;
mod schedule;
mod sgd;

pub use adam::Adam;
pub use schedule::Schedule;
pub use sgd::Sgd;

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
}

/// Calls `f` with matching chunks of some vectors to change and one to read, on all threads.
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
        let (left, right) = vector.split_at_mut(middle);
        *places.next().expect("there are as many right halves as vectors") = right;
        left
    });
    let (below, above) = grad.split_at(middle);
    join(|| in_chunks(left, below, f), || in_chunks(right, above, f));
}
