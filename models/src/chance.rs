//! Where random numbers come from.

use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use rand::Rng;

/// A source of random numbers, for whatever samples.
///
/// Every generator of `rand` is one. So can something else be: a source that lists each outcome of
/// every choice, with its probability, makes a finite sum of an expectation, and what is written over
/// `Chance` can be averaged exactly by running it once for each outcome.
///
/// ```
/// use pathscore_models::{Chance, seed};
/// let mut rng = seed::rng(0, seed::Stream::Sample, 0);
/// let ones = (0..1000).filter(|_| rng.bit(0.25)).count();
/// // The standard deviation is 13.7.
/// assert!((ones as f64 - 250.0).abs() < 5.0 * 13.7);
/// ```
pub trait Chance {
    /// True with probability `p`: where a uniform number is below it.
    fn bit(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// An index below `probs.len()`, each with the probability that stands there: the first at which their sum
    /// is above a uniform number.
    fn class(&mut self, probs: &[f64]) -> usize {
        let mut left = self.unit();
        let class = probs.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        // The last class with any probability takes what rounding leaves over.
        class.or_else(|| probs.iter().rposition(|p| *p > 0.0)).unwrap_or(0)
    }

    /// A uniform number of $[0, 1)$.
    fn unit(&mut self) -> f64;

    /// A standard normal number.
    fn gauss(&mut self) -> f64;

    /// A uniform number of $[0, 1)$ for a function that is smooth only between the `breaks`, which rise
    /// and lie in $[0, 1]$: a source that replaces the number by a quadrature splits it there.
    fn unit_cut(&mut self, breaks: &[f64]) -> f64 {
        let _ = breaks;
        self.unit()
    }

    /// $\sqrt{\varepsilon_1^2 + \dots + \varepsilon_k^2}$ of standard normal numbers: for $k = 2$ Rayleigh's
    /// distribution (Weibull's of shape two), for $k = 3$ Maxwell's. A source that replaces the number by a
    /// quadrature has one for each $k$.
    fn length(&mut self, k: usize) -> f64 {
        (0..k).map(|_| self.gauss()).map(|eps| eps * eps).sum::<f64>().sqrt()
    }

    /// Bits, each one with the probability that stands for it in `probs`, whose axes are the last of
    /// `shape`. A constant to derivatives.
    fn bits<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        let (tape, probs) = (probs.tape(), probs.value());
        tape.constant_with(shape, |out| {
            for (bit, p) in out.iter_mut().zip(probs.values().iter().cycle()) {
                *bit = if self.bit(p.to_f64()) { F::ONE } else { F::ZERO };
            }
        })
    }

    /// One-hot rows, each of the class drawn with the probabilities of its row of `probs`, whose axes
    /// are the last of `shape`. A constant to derivatives.
    fn classes<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        let (tape, probs) = (probs.tape(), probs.value());
        let classes = *shape.last().expect("an event has an axis");
        let rows: Vec<f64> = probs.values().iter().map(|p| p.to_f64()).collect();
        tape.constant_with(shape, |out| {
            out.fill(F::ZERO);
            let rows = rows.chunks_exact(classes).cycle();
            for (out, probs) in out.chunks_exact_mut(classes).zip(rows) {
                out[self.class(probs)] = F::ONE;
            }
        })
    }

    /// Uniform numbers of $[0, 1)$.
    fn units<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.unit())))
    }

    /// Standard normal numbers.
    fn gausses<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.gauss())))
    }
}

impl<R: Rng> Chance for R {
    fn unit(&mut self) -> f64 {
        f64::uniform(self.next_u64())
    }

    fn gauss(&mut self) -> f64 {
        let mut one = [0.0];
        f64::fill_normal(&mut one, self);
        one[0]
    }

    fn bits<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        // u < p has probability p exactly at p = 0 and p = 1, since u lies in [0, 1).
        probs.detach().greater(self.units(probs.tape(), shape))
    }

    fn units<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| F::fill_uniform(out, self))
    }

    fn gausses<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| F::fill_normal(out, self))
    }
}
