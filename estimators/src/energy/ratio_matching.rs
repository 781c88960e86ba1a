//! Ratio matching (Hyvärinen 2007).

use super::criterion::maximized;
use crate::estimator::{Claim, Estimator, Query};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{BitFlips, RandomSource};

/// Ratio matching: score matching for bits, which compares ratios of probabilities of neighbours (Hyvärinen 2007).
///
/// $$J(x) = \sum_i g\left(\frac{p(x)}{p(x^i)}\right)^2 = \sum_i \sigma(-\Delta_i)^2, \qquad g(u) = \frac1{1+u},
/// \quad \Delta_i = E(x^i) - E(x)$$
///
/// where $x^i$ is $x$ with bit $i$ flipped. $J$ is minimised: the value is $-\sum_b J(x_b)$, and its derivative is
/// $2 \sum_i \sigma(-\Delta_i)^2 \sigma(\Delta_i) \nabla \Delta_i$. The partition function cancels.
///
/// The gradient is exact for $-J$ and *biased* for $\ln p(x)$; its expectation over $p(x)$ is zero. The sum of $\sigma^2$
/// is bounded, so a single impossible row counts for little, and gives little gradient. It costs what
/// [`PseudoLikelihood`](super::PseudoLikelihood) costs.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::RatioMatching};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 1);
/// // Almost without weights each of the four terms is ½².
/// assert!((RatioMatching.estimate(query, rng, &mut work) + 1.0).abs() < 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatioMatching;

impl<F: Scalar, M: BitFlips<F>> Estimator<F, M> for RatioMatching {
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
        maximized(&query, work, |params, x| {
            -(-query.model.flip_differences(params, x)).sigmoid().square()
        })
    }
}
