//! Independent columns of bits: the noise and the proposals of criteria.

use super::criterion::constant;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::{Energy, Params, RandomSource};

/// Means are clamped to $[0.001, 0.999]$, so that every state has a probability.
const MIN_MEAN: f64 = 1e-3;

/// Independent bits with a probability for each column, $p_n(y) = \prod_i m_i^{y_i} (1 - m_i)^{1 - y_i}$.
///
/// With the means of the data it is the usual noise of [`NoiseContrastive`](super::NoiseContrastive).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_estimators::energy::IndependentBits;
/// let bits = IndependentBits::new(&[0.25, 0.5]);
/// let tape = Tape::<f64>::new();
/// let log_prob = bits.log_prob(tape.constant(&[1.0, 0.0], [1, 2]));
/// assert!((log_prob.item() - 0.125_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IndependentBits {
    means: Vec<f64>,
}

impl IndependentBits {
    /// Bits with these means, clamped to $[0.001, 0.999]$.
    pub fn new(means: &[f64]) -> Self {
        Self { means: means.iter().map(|mean| mean.clamp(MIN_MEAN, 1.0 - MIN_MEAN)).collect() }
    }

    /// The probability of each column.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Independent rows, as a constant of shape `[rows, columns]`.
    pub fn draw<'t, F: Scalar, R: RandomSource>(
        &self,
        tape: &'t Tape<F>,
        rows: usize,
        rng: &mut R,
    ) -> Var<'t, F> {
        let columns = self.means.len();
        let means = constant(tape, [1, columns], self.means.iter().copied()).reshape([columns]);
        rng.bernoulli_var(means, [rows, columns].into())
    }

    /// $\ln p_n(y) = \sum_i y_i \ln \frac{m_i}{1 - m_i} + \sum_i \ln(1 - m_i)$ for every row.
    ///
    /// # Panics
    /// If the rows have another length.
    pub fn log_prob<'t, F: Scalar>(&self, y: Var<'t, F>) -> Var<'t, F> {
        let (tape, columns) = (y.tape(), self.means.len());
        let logits = constant(tape, [columns, 1], self.means.iter().map(|m| (m / (1.0 - m)).ln()));
        let of_zeros: f64 = self.means.iter().map(|m| (1.0 - m).ln()).sum();
        y.matmul(logits).reshape([y.size() / columns]) + F::from_f64(of_zeros)
    }

    /// An estimate of $\ln Z = \ln E_{y \sim p_n} \frac{e^{-E(y)}}{p_n(y)}$ from so many draws. It is exact for a model of
    /// independent columns with these means, biased downwards otherwise, and far too low for a trained model: it is
    /// meant for one that has just been made.
    pub fn log_partition<F: Scalar, M: Energy<F>, R: RandomSource>(
        &self,
        model: &M,
        params: &Params<F>,
        draws: usize,
        rng: &mut R,
    ) -> f64 {
        let tape = Tape::new();
        let bound = params.on(&tape).detach();
        let y = self.draw(&tape, draws, rng);
        let log_weights = -(model.energy(bound, y) + self.log_prob(y));
        log_weights.log_sum_exp(..).item().to_f64() - (draws as f64).ln()
    }
}
