//! Pseudo-likelihood: every bit given all others (Besag 1975).

use super::criterion::{flipped, maximized};
use crate::estimator::{Claim, Estimator, Query};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{BitFlips, Energy, RandomSource};

/// Pseudo-likelihood: the product of the conditional probabilities of every bit given all others (Besag 1975; Hyvärinen
/// 2006).
///
/// $$\ln \mathrm{PL}(x) = \sum_i \ln p(x_i \mid x_{-i}) = \sum_i \ln \sigma(\Delta_i), \qquad
/// \Delta_i = E(x^i) - E(x)$$
///
/// where $x^i$ is $x$ with bit $i$ flipped; the derivative is $\sum_i \sigma(-\Delta_i) \nabla \Delta_i$. The partition
/// function cancels. The value is the sum of $\ln \mathrm{PL}$ over the batch: the total over the bits, not their mean, and
/// no probability of $x$, since conditionals of one distribution are multiplied as if each were a factor of it.
///
/// Its gradient is exact for $\ln \mathrm{PL}$, and *biased* for $\ln p(x)$, which is the target that it states. In
/// expectation over $p(x)$ it is zero, so that with endless data the maximum is the true model (the estimate is consistent).
/// It costs $n + 1$ energies of each row, or what [`BitFlips::flip_differences`] needs. Prefer it for models without hidden
/// units whose data have no two distant modes: conditionals do not see how much probability each mode has.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::PseudoLikelihood};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1);
/// // Almost without weights each bit has the conditional probability ½.
/// assert!((PseudoLikelihood.estimate(query, rng, &mut work) + 16_f64.ln()).abs() < 0.1);
/// ```
#[doc(alias = "PL")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoLikelihood;

/// Pseudo-likelihood of one random bit: for each of $K$ draws of $i$, uniform among the $n$ columns,
///
/// $$n \ln \sigma(E(x^i) - E(x)).$$
///
/// The mean over $i$ is $\ln \mathrm{PL}(x)$, so value and gradient are *unbiased* for [`PseudoLikelihood`], and as that
/// is, biased for $\ln p(x)$. The factor $n$ belongs to it: without it the mean is that of one bit. It costs $1 + K$
/// energies of each row, whatever the number of columns. Prefer it to the whole sum for many columns and expensive energies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StochasticPseudoLikelihood;

impl<F: Scalar, M: BitFlips<F>> Estimator<F, M> for PseudoLikelihood {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, _: &mut R, work: &mut Work<F>) -> F {
        maximized(&query, work, |params, x| query.model.flip_differences(params, x).log_sigmoid())
    }
}

impl<F: Scalar, M: Energy<F>> Estimator<F, M> for StochasticPseudoLikelihood {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, batch, samples, .. } = query;
        maximized(&query, work, |params, x| {
            let (tape, columns) = (params.tape(), x.size() / batch.max(1));
            let flips = tape.constant_with([samples, batch, columns], |flips| {
                for row in flips.chunks_exact_mut(columns) {
                    row.fill(F::ZERO);
                    row[uniform_index(columns, rng)] = F::ONE;
                }
            });
            let rows = flipped(x, flips).reshape([samples * batch, columns]);
            let energies = model.energy(params, rows).reshape([samples, batch]);
            let differences = energies - model.energy(params, x);
            differences.log_sigmoid() * F::from_f64(columns as f64 / samples as f64)
        })
    }
}

/// One of `count` indices, all equally likely. A source that enumerates lists them.
fn uniform_index<R: RandomSource>(count: usize, rng: &mut R) -> usize {
    // Bits in binary would need a number of indices that is a power of two; one bit at a time does not.
    (0..count - 1).find(|&i| rng.bernoulli(1.0 / (count - i) as f64)).unwrap_or(count - 1)
}
