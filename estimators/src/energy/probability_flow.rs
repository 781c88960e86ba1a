//! Minimum probability flow (Sohl-Dickstein, Battaglino and DeWeese 2011).

use super::criterion::maximized;
use crate::estimator::{Claim, Estimator, Query};
use crate::target::Target;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_models::{BitFlips, RandomSource};

/// Minimum probability flow: the rate at which probability leaves the data, under a dynamics that flips single bits and
/// keeps $p(x)$ invariant (Sohl-Dickstein, Battaglino and DeWeese 2011).
///
/// $$K(x) = \sum_i e^{\frac12 [E(x) - E(x^i)]} = \sum_i e^{-\Delta_i / 2}, \qquad \Delta_i = E(x^i) - E(x)$$
///
/// where $x^i$ is $x$ with bit $i$ flipped. $K$ is minimised: the value is $-\sum_b K(x_b)$, and its derivative is
/// $\frac12 \sum_i e^{-\Delta_i/2} \nabla \Delta_i$. For energies that are linear in the parameters it is convex. An
/// energy difference beyond some 176 nats overflows in single precision, which training reports as a gradient that is not
/// finite.
///
/// The gradient is exact for $-K$ and *biased* for $\ln p(x)$. With all neighbours its expectation over $p(x)$ is zero,
/// since each flow has an equal flow back. It costs what [`PseudoLikelihood`](super::PseudoLikelihood) costs, and a row with
/// low probability counts for more than there.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::MinimumProbabilityFlow};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let two = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];
/// let query = Query { batch: 2, ..Query::new(&model, &params, &two, 1) };
/// // Almost without weights each flow is one, and there are four from each row.
/// let all = MinimumProbabilityFlow { between_data: true };
/// assert!((all.estimate(query, rng, &mut work) + 8.0).abs() < 0.2);
/// // The rows are neighbours: the flow from one to the other and back stays within the data.
/// let out = MinimumProbabilityFlow { between_data: false };
/// assert!((out.estimate(query, rng, &mut work) + 6.0).abs() < 0.2);
/// ```
#[doc(alias = "MPF")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinimumProbabilityFlow {
    /// True if flow between two rows of the data counts, which makes the criterion a sum over rows, the same for any batch.
    /// With false, a neighbour that is a row of the batch contributes zero, as in the paper, where the data are a small part
    /// of all states. Where they are all states, nothing is left.
    pub between_data: bool,
}

impl Default for MinimumProbabilityFlow {
    /// Flow between rows counts.
    fn default() -> Self {
        Self { between_data: true }
    }
}

impl<F: Scalar, M: BitFlips<F>> Estimator<F, M> for MinimumProbabilityFlow {
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
        let columns = query.x.len() / query.batch.max(1);
        maximized(&query, work, |params, x| {
            let flows = (query.model.flip_differences(params, x) * F::from_f64(-0.5)).exp();
            if self.between_data {
                return -flows;
            }
            let outside = params.tape().constant_with([query.batch, columns], |to| {
                leaves_data(query.x, columns, to);
            });
            -(flows * outside)
        })
    }
}

/// Writes a zero for each bit of each row whose flip gives a row of `x`, and a one for all others.
fn leaves_data<F: Scalar>(x: &[F], columns: usize, to: &mut [F]) {
    to.fill(F::ONE);
    let row = |at: usize| &x[at * columns..][..columns];
    for a in 0..x.len() / columns.max(1) {
        for b in 0..a {
            let differ = || (0..columns).filter(|&i| row(a)[i] != row(b)[i]);
            if let (Some(bit), None) = (differ().next(), differ().nth(1)) {
                to[a * columns + bit] = F::ZERO;
                to[b * columns + bit] = F::ZERO;
            }
        }
    }
}
