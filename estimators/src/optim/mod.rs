//! Optimisers: loops over a flat vector of parameters and its gradient. They *ascend*: the gradients of
//! this library are of quantities to be maximised.

mod adam;
mod schedule;
mod sgd;

pub use adam::Adam;
pub use schedule::Schedule;
pub use sgd::Sgd;

use pathscore_autodiff::Scalar;

/// Numbers handled together: fixed, so that the bits do not depend on the number of threads.
pub(crate) const CHUNK: usize = 1 << 14;

/// A rule that moves parameters along a gradient.
pub trait Optimizer<F: Scalar>: Send {
    /// Moves `params` by one step up the gradient with learning rate `lr`.
    ///
    /// # Panics
    /// If the lengths differ from step to step or from each other.
    fn step(&mut self, params: &mut [F], grad: &[F], lr: f64);

    /// What it remembers, by name, for a checkpoint: vectors as long as the parameters. Empty before
    /// the first step.
    fn state(&self) -> Vec<(&'static str, &[F])>;

    /// The number of steps taken.
    fn steps(&self) -> u64;

    /// Takes up what was remembered before: `find` gives the vector of a name.
    ///
    /// # Errors
    /// The name of a vector that is missing or has another length than the others.
    fn restore(
        &mut self,
        steps: u64,
        find: &mut dyn FnMut(&str) -> Option<Vec<F>>,
    ) -> Result<(), String>;
}

/// Calls `f` with matching chunks of three vectors to change and one to read, on all threads.
pub(crate) fn in_chunks<F: Scalar>(
    [x, y, z]: [&mut [F]; 3],
    grad: &[F],
    f: impl Fn(&mut [F], &mut [F], &mut [F], &[F]) + Sync,
) {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        (
            x.par_chunks_mut(CHUNK),
            y.par_chunks_mut(CHUNK),
            z.par_chunks_mut(CHUNK),
            grad.par_chunks(CHUNK),
        )
            .into_par_iter()
            .for_each(|(x, y, z, grad)| f(x, y, z, grad));
    }
    #[cfg(not(feature = "parallel"))]
    x.chunks_mut(CHUNK)
        .zip(y.chunks_mut(CHUNK))
        .zip(z.chunks_mut(CHUNK))
        .zip(grad.chunks(CHUNK))
        .for_each(|(((x, y), z), grad)| f(x, y, z, grad));
}
