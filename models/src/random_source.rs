//! Sources of random numbers.

use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use rand::Rng;

/// A source of random numbers. All code that samples is generic over it.
///
/// Every generator of `rand` is a source. A source may also enumerate the outcomes of every choice with their
/// probabilities; code that is run once for each outcome is then averaged exactly, as a finite sum. A source that wraps
/// another should pass every method on: a bit made of the other's uniform numbers is no choice that the other can enumerate.
///
/// ```
/// use pathscore_models::{RandomSource, seed};
/// let mut rng = seed::rng(0, seed::Stream::Sample, 0);
/// let ones = (0..1000).filter(|_| rng.bernoulli(0.25)).count();
/// // The standard deviation is 13.7.
/// assert!((ones as f64 - 250.0).abs() < 5.0 * 13.7);
/// ```
pub trait RandomSource {
    /// Returns true with probability `p`, by comparing a uniform number with `p`.
    fn bernoulli(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Returns index `i` with probability `probs[i]`: the first index at which the cumulative sum exceeds a uniform
    /// number.
    fn categorical(&mut self, probs: &[f64]) -> usize {
        let mut left = self.uniform();
        let class = probs.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        // Rounding may leave a remainder, which goes to the last class with a positive probability.
        class.or_else(|| probs.iter().rposition(|p| *p > 0.0)).unwrap_or(0)
    }

    /// Returns a uniform number in $[0, 1)$.
    fn uniform(&mut self) -> f64;

    /// Returns a standard normal number.
    fn normal(&mut self) -> f64;

    /// Returns a uniform number in $[0, 1)$ for a function that is smooth only between the `breaks`, which are
    /// increasing numbers in $[0, 1]$. A source that replaces sampling by quadrature splits the interval there.
    fn uniform_split(&mut self, breaks: &[f64]) -> f64 {
        let _ = breaks;
        self.uniform()
    }

    /// Returns $\sqrt{\varepsilon_1^2 + \dots + \varepsilon_k^2}$ of $k$ standard normal numbers, a sample of the chi
    /// distribution: Rayleigh's for $k = 2$, Maxwell's for $k = 3$. A source that replaces sampling by quadrature has a
    /// rule for each $k$.
    fn chi(&mut self, k: usize) -> f64 {
        (0..k).map(|_| self.normal()).map(|eps| eps * eps).sum::<f64>().sqrt()
    }

    /// Bernoulli variables with the probabilities `probs`, whose axes are the last axes of `shape`. The result is a
    /// constant.
    fn bernoulli_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        let (tape, probs) = (probs.tape(), probs.value());
        tape.constant_with(shape, |out| {
            for (bit, p) in out.iter_mut().zip(probs.values().iter().cycle()) {
                *bit = if self.bernoulli(p.to_f64()) { F::ONE } else { F::ZERO };
            }
        })
    }

    /// One-hot rows, each of a class drawn with the probabilities of its row of `probs`, whose axes are the last axes
    /// of `shape`. A row of probabilities that are NaN gives NaN. The result is a constant.
    fn categorical_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        let (tape, probs) = (probs.tape(), probs.value());
        let classes = *shape.last().expect("an event has an axis");
        let rows: Vec<f64> = probs.values().iter().map(|p| p.to_f64()).collect();
        tape.constant_with(shape, |out| {
            out.fill(F::ZERO);
            let rows = rows.chunks_exact(classes).cycle();
            for (out, probs) in out.chunks_exact_mut(classes).zip(rows) {
                let class = self.categorical(probs);
                match probs[class].is_nan() {
                    true => out.fill(F::from_f64(f64::NAN)),
                    false => out[class] = F::ONE,
                }
            }
        })
    }

    /// Uniform numbers in $[0, 1)$, as a constant.
    fn uniform_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.uniform())))
    }

    /// Standard normal numbers, as a constant.
    fn normal_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| out.fill_with(|| F::from_f64(self.normal())))
    }
}

impl<R: Rng> RandomSource for R {
    fn uniform(&mut self) -> f64 {
        f64::uniform(self.next_u64())
    }

    fn normal(&mut self) -> f64 {
        let mut one = [0.0];
        f64::fill_normal(&mut one, self);
        one[0]
    }

    fn bernoulli_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        // u < p has probability p exactly at p = 0 and p = 1, since u lies in [0, 1).
        probs.detach().greater(self.uniform_var(probs.tape(), shape))
    }

    fn uniform_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| F::fill_uniform(out, self))
    }

    fn normal_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        tape.constant_with(shape, |out| F::fill_normal(out, self))
    }
}
