//! What draws a gradient.

use crate::enumerator::Enumerator;
use crate::estimator::Claim;

/// Draws a gradient, in the most general form: random numbers in, a vector out.
///
/// What it learns from draw to draw it keeps in itself; a clone begins where the original stands.
///
/// ```
/// use pathscore_estimators::{Enumerator, proof::Gradient};
/// use pathscore_models::RandomSource;
/// /// d/dμ of E x² for x ~ N(μ, 1), along the path.
/// #[derive(Clone)]
/// struct Square(f64);
/// impl Gradient for Square {
///     fn draw(&mut self, dice: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
///         let x = self.0 + dice.normal();
///         out[0] = 2.0 * x;
///         Some(x * x)
///     }
/// }
/// ```
pub trait Gradient: Send {
    /// What it says of its mean.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// Draws a gradient into `out` and learns from it what it learns; returns the value it reports, of
    /// which this is the gradient, if it reports one.
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64>;
}

/// A [`Gradient`] that can be begun again: every one that is `Clone`.
pub trait Candidate: Gradient {
    /// The same, with what it has learnt.
    fn clone_box(&self) -> Box<dyn Candidate>;
}

impl<G: Gradient + Clone + 'static> Candidate for G {
    fn clone_box(&self) -> Box<dyn Candidate> {
        Box::new(self.clone())
    }
}

/// A function as a [`Gradient`] that claims to be unbiased and reports no value.
#[derive(Clone, Copy, Debug)]
pub struct FromFn<D>(pub D);

impl<D: FnMut(&mut Enumerator, &mut [f64]) + Send> Gradient for FromFn<D> {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        (self.0)(source, out);
        None
    }
}
