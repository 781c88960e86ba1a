//! Gradients that can be drawn.

use crate::enumerator::Enumerator;
use crate::estimator::Claim;

/// A random gradient in the most general form: random numbers in, a vector out.
///
/// State that a gradient learns from draw to draw, such as a running baseline, is kept in its fields; a clone starts
/// with a copy of that state.
///
/// ```
/// use pathscore_estimators::{Enumerator, proof::Gradient};
/// use pathscore_models::RandomSource;
/// /// d/dμ of E x² for x ~ N(μ, 1), along the path.
/// #[derive(Clone)]
/// struct Square(f64);
/// impl Gradient for Square {
///     fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
///         let x = self.0 + source.normal();
///         out[0] = 2.0 * x;
///         Some(x * x)
///     }
/// }
/// ```
pub trait Gradient: Send {
    /// The property that the author claims for the mean of the draws.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// Writes one draw of the gradient into `out`, and updates any learnt state. Returns the value whose gradient it
    /// is, or `None` if the gradient reports no value.
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64>;
}

/// A [`Gradient`] that can be cloned behind a `dyn`; every gradient that is `Clone` is one.
pub trait Candidate: Gradient {
    /// Returns a copy, with the learnt state.
    fn clone_box(&self) -> Box<dyn Candidate>;
}

impl<G: Gradient + Clone + 'static> Candidate for G {
    fn clone_box(&self) -> Box<dyn Candidate> {
        Box::new(self.clone())
    }
}

/// A closure as a [`Gradient`] that claims to be unbiased and reports no value.
///
/// ```
/// use pathscore_estimators::{Enumerator, proof::{FromFn, Gradient}};
/// use pathscore_models::RandomSource;
/// let mut coin = FromFn(|source: &mut Enumerator, out: &mut [f64]| {
///     out[0] = f64::from(source.bernoulli(0.5));
/// });
/// let mut out = [0.0];
/// coin.draw(&mut Enumerator::seeded(0, 0), &mut out);
/// assert!(out == [0.0] || out == [1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FromFn<D>(
    /// Writes one draw of the gradient into its second argument.
    pub D,
);

impl<D: FnMut(&mut Enumerator, &mut [f64]) + Send> Gradient for FromFn<D> {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        (self.0)(source, out);
        None
    }
}
